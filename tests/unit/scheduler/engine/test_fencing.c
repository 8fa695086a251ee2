/* A host is powered off on evidence from after it was switched on, and on no other. */
#include "redis_group.h"
#include "scheduler_rules.h"

#include "engine/base/state.h"
#include "engine/parts.h"
#include "vrs/clock.h"
#include "vrs/loop.h"
#include "vrs/mem.h"
#include "world.h"

/* A scheduler with one host, which has a power controller, and a VM that waits for the
 * proof of its death. */
struct here {
	struct vrs_svc svc;
	struct vrs_site_host site;
	struct vrs_site_pair arg;
	struct host host;
	struct engine e;
	struct entry *en;
	char *world;
};

static char cluster[] = "c1", name[] = "h1", key[] = "dir";

static void feed(struct here *h, enum reloc_event_kind kind)
{
	const struct reloc_event ev = {.kind = kind, .place = {"c1", "h1"}, .text = "-"};

	(void)engine_feed(&h->e, h->en, &ev, NULL);
}

static void begin(struct here *h)
{
	const struct reloc_place home = {"c1", "h1"};
	Vrsas__V1__VmFacts vm = VRSAS__V1__VM_FACTS__INIT;
	struct vrs_err err = {0};

	*h = (struct here){.svc = {.name = "scheduler", .store = store}};
	assert_ok(vrs_loop_open(&h->svc.loop, &err), &err);
	h->world = world_make();
	world_host(h->world, "h1");
	world_write(h->world, "h1/fence-mode", "works");
	h->arg = (struct vrs_site_pair){.key = key,
					.value = vrs_asprintf("%s/h1", h->world)};
	h->site = (struct vrs_site_host){.cluster = cluster,
					 .name = name,
					 .fence_arg = &h->arg,
					 .n_fence_args = 1};
	h->site.fence = vrs_strdup(world_program("pretend-fence"));
	h->host.site = h->host.conn.site = &h->site;
	(void)vrs_strcpy(h->host.cluster, sizeof(h->host.cluster), cluster);
	(void)vrs_strcpy(h->host.name, sizeof(h->host.name), name);
	h->host.memory.verdict = DETECTOR_DOWN_LIKELY;
	h->e = (struct engine){.svc = &h->svc, .host = &h->host, .n_hosts = 1};
	h->e.conf.rules = reloc_defaults;
	h->e.op_rules.fence_timeout_ms = 20000;
	h->e.lease = (struct record_lease){.instance = "one", .lease_ms = 60000};
	assert_ok(record_lease_renew(store, &h->e.lease, true, &err), &err);
	assert_ok(vrs_workers_open(&h->e.workers, h->svc.loop, 2, &err), &err);
	h->e.loaded = true;
	h->e.lease_until_mono_ms = vrs_now_mono_ms() + 60000;
	h->e.worker_lease.token = h->e.lease.token;
	h->e.worker_lease.until_mono_ms = h->e.lease_until_mono_ms;
	vm.id = vm.name = "vm-1";
	h->en = engine_entry_new(&h->e, &vm, &home);
	feed(h, RELOC_HOST_DOWN);
	feed(h, RELOC_TICK);
	assert_int_equal(h->en->r.state, RELOC_FENCING);
}

static void end(struct here *h)
{
	vrs_workers_close(h->e.workers);
	engine_drop_entries(&h->e);
	vrs_loop_close(h->svc.loop);
	world_do(h->world, "h1", "power-off");
	world_remove(h->world);
	free(h->site.fence);
	free(h->arg.value);
	(void)vrs_store_cmd(store, NULL, NULL, "FLUSHALL");
}

static void stop_if_done(void *arg)
{
	struct here *h = arg;

	if (!h->host.fencing)
		vrs_loop_stop(h->svc.loop);
}

/* Carries out what the record asks for. */
static void order(struct here *h)
{
	struct vrs_timer *t = vrs_loop_every(h->svc.loop, 20, stop_if_done, h);
	struct reloc_order list[RELOC_MAX_ORDERS];
	size_t n = reloc_orders(&h->en->r, list);

	h->host.next_fence_mono_ms = 0;
	for (size_t i = 0; i < n; i++)
		engine_order(&h->e, h->en, &list[i]);
	assert_int_equal(vrs_loop_run(h->svc.loop, NULL), 0);
	vrs_timer_cancel(t);
}

static bool is_on(const struct here *h)
{
	struct vrs_fence_result r = {0};
	struct vrs_err err = {0};

	assert_ok(vrs_fence_status(&h->site, 20000, &r, &err), &err);
	return r.power == VRS_POWER_ON;
}

static void a_dead_host_is_powered_off(void **state)
{
	(void)state;
	struct here h;

	begin(&h);
	world_do(h.world, "h1", "power-on");
	order(&h);
	assert_false(is_on(&h));
	assert_int_equal(h.en->r.copy[0].proof, RELOC_F1_POWER_OFF);
	end(&h);
}

static void a_host_that_came_on_is_left_alone_until_it_fails_again(void **state)
{
	(void)state;
	struct here h;

	begin(&h);
	world_do(h.world, "h1", "power-on");
	h.host.probes_failed = 7;
	engine_host_is_on(&h.e, &h.host, vrs_now_wall_ms() - 1000, "its power reads on");
	assert_int_equal(h.host.probes_failed, 0);
	for (int i = 0; i < 3; i++)
		order(&h);
	assert_true(is_on(&h));
	assert_int_equal(h.en->r.state, RELOC_FENCING);
	assert_non_null(strstr(h.en->r.why, "h1 was switched on and may be booting"));
	/* the detector finds it down, on newer evidence */
	h.host.memory.came_on = false;
	order(&h);
	assert_false(is_on(&h));
	end(&h);
}

static void an_operator_may_have_it_fenced_at_once(void **state)
{
	(void)state;
	struct here h;

	begin(&h);
	world_do(h.world, "h1", "power-on");
	h.host.claim.kind = DETECTOR_CLAIM_DEAD; /* from before */
	h.host.claim.at_ms = vrs_now_wall_ms() - 5000;
	engine_host_is_on(&h.e, &h.host, vrs_now_wall_ms() - 1000, "its power reads on");
	order(&h);
	assert_true(is_on(&h));
	h.host.claim.at_ms = vrs_now_wall_ms() + 1;
	order(&h);
	assert_false(is_on(&h));
	end(&h);
}

static void a_host_that_was_fenced_is_read_not_fenced_again(void **state)
{
	(void)state;
	struct here h;

	begin(&h);
	world_do(h.world, "h1", "power-on"); /* repaired meanwhile */
	h.host.handled = true;               /* for another VM */
	order(&h);
	assert_true(is_on(&h));
	assert_true(h.host.memory.came_on);
	assert_int_equal(h.en->r.copy[0].proof, RELOC_NO_PROOF);
	end(&h);
	begin(&h);
	world_do(h.world, "h1", "power-off");
	h.host.handled = true;
	order(&h);
	assert_int_equal(h.en->r.copy[0].proof, RELOC_F1_POWER_OFF);
	assert_false(h.host.memory.came_on);
	end(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_dead_host_is_powered_off),
		cmocka_unit_test(a_host_that_came_on_is_left_alone_until_it_fails_again),
		cmocka_unit_test(an_operator_may_have_it_fenced_at_once),
		cmocka_unit_test(a_host_that_was_fenced_is_read_not_fenced_again),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
