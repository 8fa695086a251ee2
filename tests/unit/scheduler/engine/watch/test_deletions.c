/* A VM that its owner deleted is not brought back, and its record is removed. */
#include "redis_group.h"
#include "scheduler_rules.h"

#include "engine/base/state.h"
#include "engine/watch/watch.h"
#include "vrs/clock.h"
#include "vrs/event.h"
#include "vrs/loop.h"
#include "vrs/mem.h"
#include "world.h"

#define ID "0b1f9c3a-1111-4222-8333-444455556666"

/* A scheduler with one host and one record at rest, and the inventories of two hosts. */
struct here {
	struct vrs_svc svc;
	struct vrs_site_host site;
	struct host host;
	struct engine e;
	struct fleet w;
	struct fleet_cluster wc;
	struct fleet_host wh[2];
	struct fleet_vm vm;
	Vrsas__V1__VmFacts facts;
	struct entry *en;
	char *world;
};

static char cluster[] = "c1", name[] = "h1", neighbour[] = "h2";

static void happens(struct here *h, enum reloc_event_kind kind)
{
	struct reloc_event ev = {.kind = kind,
				 .op = h->en->r.op,
				 .seen = RELOC_SEEN_ON,
				 .place = {"c1", "h1"}};

	assert_true(engine_feed(&h->e, h->en, &ev, NULL));
}

static void begin(struct here *h)
{
	const struct reloc_place home = {"c1", "h1"};
	struct vrs_err err = {0};

	*h = (struct here){.svc = {.name = "scheduler", .store = store}};
	assert_ok(vrs_loop_open(&h->svc.loop, &err), &err);
	h->world = world_make();
	world_host(h->world, "h1");
	h->site = (struct vrs_site_host){.cluster = cluster, .name = name};
	h->site.uri =
		vrs_asprintf("command:%s %s/h1", world_program("pretend-hv"), h->world);
	h->host.site = h->host.conn.site = &h->site;
	(void)vrs_strcpy(h->host.cluster, sizeof(h->host.cluster), cluster);
	(void)vrs_strcpy(h->host.name, sizeof(h->host.name), name);
	h->e = (struct engine){.svc = &h->svc, .host = &h->host, .n_hosts = 1};
	h->e.conf.rules = reloc_defaults;
	h->e.op_rules.hv_timeout_ms = 20000;
	h->e.lease = (struct record_lease){.instance = "one", .lease_ms = 60000};
	assert_ok(record_lease_renew(store, &h->e.lease, true, &err), &err);
	assert_ok(vrs_workers_open(&h->e.workers, h->svc.loop, 2, &err), &err);
	h->e.loaded = true;
	h->e.lease_until_mono_ms = vrs_now_mono_ms() + 60000;
	h->e.worker_lease = (struct host_op_lease){
		.token = h->e.lease.token, .until_mono_ms = h->e.lease_until_mono_ms};
	vrsas__v1__vm_facts__init(&h->facts);
	h->facts.id = ID;
	h->facts.name = "web1";
	h->facts.protect = true;
	h->facts.state = VRSAS__V1__VM_STATE__VM_STATE_RUNNING;
	h->en = engine_entry_new(&h->e, &h->facts, &home);
	happens(h, RELOC_HOST_SUSPECT);
	happens(h, RELOC_HOST_UP);
	happens(h, RELOC_QUERIED);
	assert_int_equal(h->en->r.state, RELOC_PROTECTED);
	/* since then both hosts have sent an inventory, and h1 lists the VM */
	h->vm = (struct fleet_vm){.facts = &h->facts};
	h->wc = (struct fleet_cluster){.name = cluster, .n_hosts = 2};
	h->wh[0] = (struct fleet_host){.name = name, .n_vms = 1};
	h->wh[1] = (struct fleet_host){.name = neighbour, .first_vm = 1};
	h->w = (struct fleet){.cluster = &h->wc,
			      .n_clusters = 1,
			      .host = h->wh,
			      .n_hosts = 2,
			      .vm = &h->vm,
			      .n_vms = 1};
	h->w.at_ms = h->en->r.since_ms + 1000;
	h->wh[0].inventory_at_ms = h->wh[1].inventory_at_ms = h->w.at_ms;
}

static void end(struct here *h)
{
	vrs_workers_close(h->e.workers);
	engine_drop_entries(&h->e);
	host_op_host_fini(&h->host.conn);
	vrs_loop_close(h->svc.loop);
	world_remove(h->world);
	free(h->site.uri);
	(void)vrs_store_cmd(store, NULL, NULL, "FLUSHALL");
}

static void is_deleted(struct here *h)
{
	h->w.n_vms = 0;
	h->wh[0].n_vms = 0;
}

static void stop_if_done(void *arg)
{
	struct here *h = arg;

	if (!h->host.checking)
		vrs_loop_stop(h->svc.loop);
}

/* Two ticks, a second and new inventories apart, and what they asked for. */
static void watch(struct here *h)
{
	struct vrs_timer *t = vrs_loop_every(h->svc.loop, 20, stop_if_done, h);

	deletions_watch(&h->e, &h->w);
	h->w.at_ms += 1000;
	h->wh[0].inventory_at_ms = h->w.at_ms;
	h->wh[1].inventory_at_ms = h->w.at_ms;
	deletions_watch(&h->e, &h->w);
	assert_int_equal(vrs_loop_run(h->svc.loop, NULL), 0);
	vrs_timer_cancel(t);
}

static void a_failure_of_its_host_does_not_concern_a_deleted_vm(void **state)
{
	(void)state;
	const Vrsas__V1__VmFacts *vm = NULL;
	struct here h;

	begin(&h);
	assert_false(engine_left_alone(&h.w, h.en, &vm));
	assert_ptr_equal(vm, &h.facts);
	h.facts.state = VRSAS__V1__VM_STATE__VM_STATE_OFF;
	assert_true(engine_left_alone(&h.w, h.en, NULL));
	is_deleted(&h);
	assert_true(engine_left_alone(&h.w, h.en, &vm));
	assert_null(vm);
	/* an inventory from before the record's last change says nothing */
	h.wh[0].inventory_at_ms = h.en->r.since_ms;
	assert_false(engine_left_alone(&h.w, h.en, NULL));
	h.wh[0].inventory_at_ms = 0;
	assert_false(engine_left_alone(&h.w, h.en, NULL));
	/* nor is it deleted if another host lists it */
	h.wh[0].inventory_at_ms = h.w.at_ms;
	h.w.n_vms = h.wh[1].n_vms = 1;
	h.wh[1].first_vm = 0;
	assert_false(engine_left_alone(&h.w, h.en, NULL));
	end(&h);
}

static void the_record_of_a_deleted_vm_is_removed(void **state)
{
	(void)state;
	struct record_journal j;
	Vrsas__V1__Relocation *msg;
	struct vrs_err err = {0};
	struct here h;

	begin(&h);
	watch(&h);
	assert_int_equal(h.e.n_entries, 1); /* it is listed */
	is_deleted(&h);
	watch(&h);
	assert_int_equal(h.e.n_entries, 0);
	assert_int_equal(record_read(store, ID, &msg, &err), VRS_ENOENT);
	assert_ok(record_journal(store, ID, 1, &j, &err), &err);
	assert_int_equal(j.n, 1);
	assert_non_null(strstr(j.entry[0]->why, "deleted on c1/h1"));
	record_journal_free(&j);
	end(&h);
}

static void a_vm_that_its_hypervisor_knows_is_not_deleted(void **state)
{
	(void)state;
	struct here h;

	begin(&h);
	world_host(h.world, "h1/vms");
	world_write(h.world, "h1/vms/" ID ".json",
		    "{\"id\": \"" ID "\", \"name\": \"web1\", \"protect\": true}");
	is_deleted(&h);
	watch(&h);
	assert_int_equal(h.e.n_entries, 1);
	assert_int_equal(h.en->missing_since_ms, 0);
	end(&h);
}

static void another_host_may_have_taken_it_over(void **state)
{
	(void)state;
	struct here h;

	begin(&h);
	is_deleted(&h);
	deletions_watch(&h.e, &h.w);
	h.w.at_ms += 1000;
	h.wh[0].inventory_at_ms = h.w.at_ms; /* h2 has not listed its VMs since */
	deletions_watch(&h.e, &h.w);
	assert_false(h.host.checking);
	end(&h);
}

static void another_schedulers_record_is_not_removed(void **state)
{
	(void)state;
	Vrsas__V1__Relocation *msg = NULL;
	struct vrs_err err = {0};
	struct here h;

	begin(&h);
	struct reloc r = h.en->r;
	struct record_lease other = {.instance = "two", .token = 99};
	assert_int_equal(record_remove(store, &other, &r, "deleted", &err), VRS_EDENIED);
	r.op++;
	assert_int_equal(record_remove(store, &h.e.lease, &r, "deleted", &err),
			 VRS_ECONFLICT);
	assert_ok(record_read(store, ID, &msg, &err), &err);
	vrsas__v1__relocation__free_unpacked(msg, NULL);
	end(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_failure_of_its_host_does_not_concern_a_deleted_vm),
		cmocka_unit_test(the_record_of_a_deleted_vm_is_removed),
		cmocka_unit_test(a_vm_that_its_hypervisor_knows_is_not_deleted),
		cmocka_unit_test(another_host_may_have_taken_it_over),
		cmocka_unit_test(another_schedulers_record_is_not_removed),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
