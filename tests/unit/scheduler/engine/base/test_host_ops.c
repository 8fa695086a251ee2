/* The engine's hands at a pretend host: each job may be done twice, and says what is so.
 */
#include <signal.h>
#include <string.h>

#include "check.h"
#include "engine/base/host_ops.h"
#include "vrs/clock.h"
#include "world.h"

#define ID "6f1c9c0e-5b2b-4c5a-9d62-0a3d3c7b5e11"

enum { SOON = 20000 };

struct test {
	char *world, *image, *native, *health;
	struct vrs_site_pair arg[2];
	struct vrs_site_host site;
	struct host_op_host host;
	struct host_op_rules rules;
	Vrsas__V1__VmFacts facts;
	Vrsas__V1__Disk disk, *disks[1];
};

static int setup(void **state)
{
	struct test *t = vrs_calloc(1, sizeof(*t));
	int port = world_port();

	t->world = world_make();
	world_host(t->world, "h1");
	t->image = vrs_asprintf("%s/web1.img", t->world);
	world_write(t->world, "web1.img", "");
	assert_int_equal(truncate(t->image, 1 << 20), 0);
	t->native = vrs_asprintf("{\"port\": %d}", port);
	t->health = vrs_asprintf("http://127.0.0.1:%d/", port);
	t->site.cluster = vrs_strdup("c1");
	t->site.name = vrs_strdup("h1");
	t->site.uri =
		vrs_asprintf("command:%s %s/h1", world_program("pretend-hv"), t->world);
	t->host.site = &t->site;
	t->rules = (struct host_op_rules){.hv_timeout_ms = SOON,
					  .fence_timeout_ms = SOON,
					  .shutdown_ms = SOON,
					  .health_timeout_ms = SOON};
	vrsas__v1__vm_facts__init(&t->facts);
	vrsas__v1__disk__init(&t->disk);
	t->disk.path = t->image;
	t->disk.format = "raw";
	t->disks[0] = &t->disk;
	t->facts.id = ID;
	t->facts.name = "web1";
	t->facts.vcpus = 1;
	t->facts.ram_bytes = 1 << 28;
	t->facts.native = t->native;
	t->facts.disk = t->disks;
	t->facts.n_disk = 1;
	*state = t;
	return 0;
}

static int teardown(void **state)
{
	struct test *t = *state;

	world_do(t->world, "h1", "heal");
	world_do(t->world, "h1", "power-off");
	host_op_host_fini(&t->host);
	world_remove(t->world);
	for (size_t i = 0; i < t->site.n_fence_args; i++) {
		free(t->arg[i].key);
		free(t->arg[i].value);
	}
	free(t->site.fence);
	free(t->site.cluster);
	free(t->site.name);
	free(t->site.uri);
	free(t->image);
	free(t->native);
	free(t->health);
	free(t);
	return 0;
}

static void add_fence(struct test *t, const char *mode)
{
	t->site.fence = vrs_strdup(world_program("pretend-fence"));
	t->site.fence_arg = t->arg;
	t->site.n_fence_args = 1;
	t->arg[0] = (struct vrs_site_pair){.key = vrs_strdup("dir"),
					   .value = vrs_asprintf("%s/h1", t->world)};
	world_write(t->world, "h1/fence-mode", mode);
}

static struct host_op job(struct test *t, enum host_op_kind kind)
{
	struct host_op j = {.kind = kind, .host = &t->host, .rules = &t->rules};

	(void)vrs_strcpy(j.vm_id, sizeof(j.vm_id), ID);
	if (kind == HOST_OP_DEFINE || kind == HOST_OP_START)
		j.vm = fleet_definition_new(&t->facts);
	return j;
}

static struct host_op run(struct test *t, enum host_op_kind kind)
{
	struct host_op j = job(t, kind);

	host_op_run(&j);
	host_op_fini(&j);
	return j;
}

static enum reloc_seen seen(struct test *t)
{
	struct host_op j = run(t, HOST_OP_STATE);

	return host_op_seen(&j);
}

static void start(struct test *t)
{
	struct host_op j = run(t, HOST_OP_START);

	if (!j.ok)
		fail_msg("%s", j.text);
}

/* --- looking --- */

static void what_nobody_knows_is_off_and_what_does_not_answer_is_unknown(void **state)
{
	struct test *t = *state;
	struct host_op j = run(t, HOST_OP_STATE);

	assert_true(j.ok);
	assert_false(j.exists);
	assert_int_equal(host_op_seen(&j), RELOC_SEEN_OFF);
	assert_true(run(t, HOST_OP_DEFINE).ok);
	assert_int_equal(seen(t), RELOC_SEEN_OFF);
	start(t);
	assert_int_equal(seen(t), RELOC_SEEN_ON);
	world_do(t->world, "h1", "cut");
	j = run(t, HOST_OP_STATE);
	assert_false(j.ok);
	assert_int_equal(host_op_seen(&j), RELOC_UNREACHABLE);
	assert_true(j.text[0] != '\0');
	world_do(t->world, "h1", "heal"); /* the next job connects anew */
	assert_int_equal(seen(t), RELOC_SEEN_ON);
}

/* --- starting --- */

static void starting_twice_is_starting_once(void **state)
{
	struct test *t = *state;

	start(t);
	struct host_op again = run(t, HOST_OP_START);
	assert_true(again.ok);
	assert_string_equal(again.text, "it runs");
	again = run(t, HOST_OP_DEFINE); /* under a running VM nothing is redefined */
	assert_false(again.ok);
	assert_true(again.permanent);
}

static void a_start_that_cannot_be_is_said_to_be_for_good(void **state)
{
	struct test *t = *state;

	world_write(t->world, "h1/fail-start", "8 no room");
	struct host_op j = run(t, HOST_OP_START);
	assert_false(j.ok);
	assert_true(j.permanent);
	assert_non_null(strstr(j.text, "no room"));
	world_write(t->world, "h1/fail-start", "5 gone");
	j = run(t, HOST_OP_START);
	assert_false(j.ok);
	assert_false(j.permanent); /* nobody answered: it may be tried again */
}

static void a_paused_vm_is_not_stopped_for_a_move(void **state)
{
	struct test *t = *state;
	struct host_op j = job(t, HOST_OP_STOP);

	start(t);
	world_write(t->world, "h1/paused", "");
	j.keep_paused = true;
	host_op_run(&j);
	assert_false(j.ok);
	assert_true(j.spared);
	assert_non_null(strstr(j.text, "paused"));
	assert_int_equal(seen(t), RELOC_SEEN_ON);
}

static void an_order_of_a_lease_that_is_over_is_not_begun(void **state)
{
	struct test *t = *state;
	int64_t now_ms = vrs_now_mono_ms();
	struct host_op_lease lease = {.token = 7, .until_mono_ms = now_ms + SOON};
	struct host_op j = job(t, HOST_OP_START);

	j.lease = &lease;
	j.lease_token = 6; /* another one's by now */
	host_op_run(&j);
	assert_false(j.ok);
	assert_non_null(strstr(j.text, "the lease ended"));
	j.lease_token = 7;
	lease.until_mono_ms = now_ms - 1; /* ours, and run out */
	host_op_run(&j);
	assert_false(j.ok);
	assert_int_equal(seen(t), RELOC_SEEN_OFF);
	lease.until_mono_ms = now_ms + SOON;
	host_op_run(&j);
	assert_true(j.ok);
	host_op_fini(&j);
}

static void room_is_looked_for_before_anything_is_carried(void **state)
{
	struct test *t = *state;
	struct host_op j = job(t, HOST_OP_RESERVE);

	(void)vrs_strcpy(j.images, sizeof(j.images), t->world);
	j.disk_bytes = j.ram_bytes = 1 << 20;
	world_write(t->world, "h1/store", "4194304 2097152");
	host_op_run(&j);
	assert_true(j.ok);
	j.ok = false;
	j.disk_bytes = 3 << 20;
	host_op_run(&j);
	assert_false(j.ok);
	assert_non_null(strstr(j.text, "2 MiB free, 3 MiB needed"));
	j.disk_bytes = 1 << 20;
	j.ram_bytes = (uint64_t)64 << 30;
	host_op_run(&j);
	assert_false(j.ok);
	assert_non_null(strstr(j.text, "memory"));
	start(t);
	j.ram_bytes = 1 << 20;
	host_op_run(&j);
	assert_false(j.ok);
	assert_non_null(strstr(j.text, "already runs there"));
}

/* --- stopping --- */

static void stopping_asks_first_and_then_insists(void **state)
{
	struct test *t = *state;

	start(t);
	struct host_op j = run(t, HOST_OP_STOP);
	assert_true(j.ok);
	assert_true(j.was_on);
	assert_non_null(strstr(j.text, "shut down"));
	start(t);
	world_write(t->world, "h1/deaf-" ID, "");
	j = run(t, HOST_OP_STOP);
	assert_true(j.ok);
	assert_non_null(strstr(j.text, "destroyed"));
	j = run(t, HOST_OP_STOP); /* off already */
	assert_true(j.ok);
	assert_false(j.was_on);
	assert_true(j.exists);
}

static void what_must_not_start_again_is_undefined_with_it(void **state)
{
	struct test *t = *state;
	struct host_op j = job(t, HOST_OP_KILL);

	start(t);
	j.undefine = true;
	host_op_run(&j);
	assert_true(j.ok);
	assert_false(j.exists);
	j.ok = false;
	host_op_run(&j); /* and once more */
	assert_true(j.ok);
	world_do(t->world, "h1", "cut");
	j.ok = false;
	host_op_run(&j); /* nobody says that it is off */
	assert_false(j.ok);
}

static void a_guest_that_answers_is_spared(void **state)
{
	struct test *t = *state;
	struct host_op j = job(t, HOST_OP_KILL);

	start(t);
	j.spare = j.undefine = true;
	(void)vrs_strcpy(j.health, sizeof(j.health), t->health);
	host_op_run(&j);
	assert_true(j.spared);
	assert_false(j.ok);
	assert_int_equal(seen(t), RELOC_SEEN_ON);
	/* its own word counts where its hypervisor has none */
	world_do(t->world, "h1", "cut");
	j.spared = false;
	host_op_run(&j);
	assert_true(j.spared);
	world_do(t->world, "h1", "heal");
	/* and who does not answer is not spared */
	(void)snprintf(j.health, sizeof(j.health), "http://127.0.0.1:%d/", world_port());
	host_op_run(&j);
	assert_false(j.spared);
	assert_true(j.ok);
	assert_true(j.was_on);
	assert_int_equal(seen(t), RELOC_SEEN_OFF);
}

static void without_an_address_who_runs_is_spared(void **state)
{
	struct test *t = *state;
	struct host_op j = job(t, HOST_OP_KILL);

	j.spare = true;
	start(t);
	host_op_run(&j);
	assert_true(j.spared);
	assert_int_equal(seen(t), RELOC_SEEN_ON);
	assert_true(run(t, HOST_OP_STOP).ok);
	host_op_run(&j);
	assert_false(j.spared);
	assert_true(j.ok);
}

static void only_what_is_off_is_quarantined(void **state)
{
	struct test *t = *state;

	start(t);
	struct host_op j = run(t, HOST_OP_QUARANTINE);
	assert_false(j.ok);
	assert_true(host_op_is_on(&j));
	assert_true(run(t, HOST_OP_STOP).ok);
	j = run(t, HOST_OP_QUARANTINE);
	assert_true(j.ok);
	assert_false(run(t, HOST_OP_STATE).exists);
	assert_true(run(t, HOST_OP_QUARANTINE).ok);
	assert_int_equal(access(t->image, F_OK), 0); /* its disks stay */
}

/* --- power --- */

static void power_must_read_off_after_it_was_asked_off(void **state)
{
	struct test *t = *state;

	add_fence(t, "lies");
	struct host_op j = run(t, HOST_OP_FENCE);
	assert_false(j.ok);
	assert_non_null(strstr(j.text, "pretend-fence"));
	world_write(t->world, "h1/fence-mode", "refuses");
	j = run(t, HOST_OP_FENCE);
	assert_false(j.ok);
	assert_int_equal(run(t, HOST_OP_POWER).power, VRS_POWER_UNKNOWN);
	world_write(t->world, "h1/fence-mode", "works");
	assert_int_equal(run(t, HOST_OP_POWER).power, VRS_POWER_ON);
	j = run(t, HOST_OP_FENCE);
	assert_true(j.ok);
	assert_int_equal(run(t, HOST_OP_POWER).power, VRS_POWER_OFF);
	assert_true(run(t, HOST_OP_FENCE).ok); /* off already */
}

static void without_a_power_controller_its_hypervisor_may_prove_it(void **state)
{
	struct test *t = *state;

	start(t);
	struct host_op j = run(t, HOST_OP_FENCE);
	assert_true(j.ok);
	assert_int_equal(seen(t), RELOC_SEEN_OFF);
	world_do(t->world, "h1", "cut");
	j = run(t, HOST_OP_FENCE);
	assert_false(j.ok);
	assert_non_null(strstr(j.text, "h1 has no fence agent"));
}

int main(void)
{
#define at_a_host(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		at_a_host(what_nobody_knows_is_off_and_what_does_not_answer_is_unknown),
		at_a_host(starting_twice_is_starting_once),
		at_a_host(a_start_that_cannot_be_is_said_to_be_for_good),
		at_a_host(a_paused_vm_is_not_stopped_for_a_move),
		at_a_host(an_order_of_a_lease_that_is_over_is_not_begun),
		at_a_host(room_is_looked_for_before_anything_is_carried),
		at_a_host(stopping_asks_first_and_then_insists),
		at_a_host(what_must_not_start_again_is_undefined_with_it),
		at_a_host(a_guest_that_answers_is_spared),
		at_a_host(without_an_address_who_runs_is_spared),
		at_a_host(only_what_is_off_is_quarantined),
		at_a_host(power_must_read_off_after_it_was_asked_off),
		at_a_host(without_a_power_controller_its_hypervisor_may_prove_it),
	};

	(void)signal(SIGPIPE, SIG_IGN); /* as daemons do */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
