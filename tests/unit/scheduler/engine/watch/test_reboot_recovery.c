/* What ran where outlives the scheduler that saw it. */
#include "redis_group.h"

#include "engine/base/state.h"
#include "engine/watch/watch.h"
#include "vrs/keys.h"
#include "vrs/mem.h"

#define ID "0b1f9c3a-1111-4222-8333-444455556666"

/* A scheduler with one host, freshly started, and what that host's inventory says. */
struct here {
	struct vrs_svc svc;
	struct vrs_site_host site;
	struct host host;
	struct engine e;
	struct fleet w;
	struct fleet_cluster wc;
	struct fleet_host wh;
	struct fleet_vm vm;
	Vrsas__V1__VmFacts facts;
};

static char cluster[] = "c1", name[] = "h1";

static void begin(struct here *h)
{
	struct vrs_err err = {0};

	*h = (struct here){.svc = {.name = "scheduler", .store = store}};
	h->site = (struct vrs_site_host){.cluster = cluster, .name = name};
	h->host.site = &h->site;
	(void)vrs_strcpy(h->host.cluster, sizeof(h->host.cluster), cluster);
	(void)vrs_strcpy(h->host.name, sizeof(h->host.name), name);
	h->e = (struct engine){.svc = &h->svc, .host = &h->host, .n_hosts = 1};
	vrsas__v1__vm_facts__init(&h->facts);
	h->facts.id = ID;
	h->facts.protect = true;
	h->facts.state = VRSAS__V1__VM_STATE__VM_STATE_RUNNING;
	h->vm.facts = &h->facts;
	h->wc = (struct fleet_cluster){.name = cluster, .n_hosts = 1};
	h->wh = (struct fleet_host){
		.name = name, .inventory_at_ms = 1000, .boot_id = "one", .n_vms = 1};
	h->w = (struct fleet){.cluster = &h->wc,
			      .n_clusters = 1,
			      .host = &h->wh,
			      .n_hosts = 1,
			      .vm = &h->vm,
			      .n_vms = 1};
	assert_ok(reboot_recovery_load(&h->e, &err), &err);
}

static void what_ran_is_known_after_a_restart(void **state)
{
	(void)state;
	struct here first, second;

	begin(&first);
	assert_int_equal(first.host.ran.n, 0);
	reboot_recovery_watch(&first.e, &first.w);
	reboot_recovery_close(&first.e);
	begin(&second);
	assert_int_equal(second.host.ran.n, 1);
	assert_string_equal(second.host.ran.vm[0].id, ID);
	assert_string_equal(second.host.ran.vm[0].boot_id, "one");
	/* and who was shut down is forgotten for good */
	second.facts.state = VRSAS__V1__VM_STATE__VM_STATE_OFF;
	reboot_recovery_watch(&second.e, &second.w);
	reboot_recovery_close(&second.e);
	begin(&first);
	assert_int_equal(first.host.ran.n, 0);
	reboot_recovery_close(&first.e);
}

static void what_is_not_a_memory_is_left_alone(void **state)
{
	(void)state;
	struct here h;
	struct vrs_err err = {0};

	assert_ok(
		vrs_store_cmd(store, NULL, &err, "HSET " VRS_KEY "ran:{c1} h1 nonsense"),
		&err);
	begin(&h);
	assert_int_equal(h.host.ran.n, 0);
	reboot_recovery_watch(&h.e, &h.w); /* and written anew */
	reboot_recovery_close(&h.e);
	begin(&h);
	assert_int_equal(h.host.ran.n, 1);
	reboot_recovery_close(&h.e);
}

static void what_could_not_be_kept_is_kept_later(void **state)
{
	(void)state;
	struct here h;

	begin(&h);
	reboot_recovery_close(&h.e); /* as if it had never run */
	redis_kill9(&redis);
	h.wh.boot_id = "two";
	reboot_recovery_watch(&h.e, &h.w);
	assert_true(h.host.ran_unsaved);
	redis_restart(&redis);
	while (h.host.ran_unsaved) /* until it is connected again */
		reboot_recovery_watch(&h.e, &h.w);
	reboot_recovery_close(&h.e);
	begin(&h);
	assert_string_equal(h.host.ran.vm[0].boot_id, "two");
	reboot_recovery_close(&h.e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_ran_is_known_after_a_restart),
		cmocka_unit_test(what_is_not_a_memory_is_left_alone),
		cmocka_unit_test(what_could_not_be_kept_is_kept_later),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
