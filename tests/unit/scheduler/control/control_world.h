/* control_world.h - the control socket before an engine that only remembers what it was
 * asked to do, for the tests of what comes over that socket. */
#ifndef TESTS_CONTROL_WORLD_H
#define TESTS_CONTROL_WORLD_H

#include "check.h"
#include "loop_thread.h"
#include "redis.h"
#include "scheduler_rules.h"

#include "control/control.h"
#include "engine/engine.h"

#include "vrs/bus.h"
#include "vrs/event.h"
#include "vrs/keys.h"
#include "vrs/loop.h"

#include <pthread.h>

/* --- an engine that only remembers what it was asked to do --- */

struct engine {
	struct fleet *world;
	unsigned fails, relocates;
	char host[80], reason[80], actor[80];
	bool confirm_off, standby, unread;
	unsigned refreshes;
	Vrsas__V1__Relocation *record;
	struct movability movability;
};

bool engine_active(const struct engine *e)
{
	return !e->standby;
}

int engine_refresh(struct engine *e, struct vrs_err *err)
{
	e->refreshes++;
	return e->unread ? vrs_fail(err, VRS_ECONN, "no Redis") : 0;
}

const char *engine_active_name(const struct engine *e)
{
	return e->standby ? "manager-2" : "manager-1";
}

struct fleet *engine_fleet(struct engine *e)
{
	return e->world;
}

const struct detector_host *engine_host(const struct engine *e, const char *cluster,
					const char *host)
{
	(void)e;
	(void)cluster;
	(void)host;
	return NULL;
}

const struct detector_brake *engine_brake(const struct engine *e, const char *cluster)
{
	(void)e;
	(void)cluster;
	return NULL;
}

size_t engine_n_records(const struct engine *e)
{
	return e->record ? 1 : 0;
}

const Vrsas__V1__Relocation *engine_record(const struct engine *e, size_t i)
{
	(void)i;
	return e->record;
}

const Vrsas__V1__Relocation *engine_find(const struct engine *e, const char *vm)
{
	return e->record && strcmp(e->record->vm_name, vm) == 0 ? e->record : NULL;
}

const Vrsas__V1__TransferStatus *engine_transfer(const struct engine *e, const char *vm)
{
	(void)e;
	(void)vm;
	return NULL;
}

bool engine_is_open(const Vrsas__V1__Relocation *r)
{
	return r->state != VRSAS__V1__RELOCATION_STATE__PROTECTED;
}

int engine_movers(const struct engine *e)
{
	(void)e;
	return 1;
}

const struct movability *engine_movability(const struct engine *e)
{
	return &e->movability;
}

void engine_fail_host(struct engine *e, const Vrsas__V1__FailOrder *o, const char *actor,
		      struct engine_answer *ret)
{
	e->fails++;
	e->confirm_off = o->confirm_off;
	(void)snprintf(e->host, sizeof(e->host), "%s", o->host);
	(void)snprintf(e->actor, sizeof(e->actor), "%s", actor);
	(void)snprintf(e->reason, sizeof(e->reason), "%s", o->reason);
	(void)snprintf(ret->done, sizeof(ret->done), "word number %u", e->fails);
}

void engine_relocate(struct engine *e, const Vrsas__V1__RelocateOrder *o,
		     const char *actor, struct engine_answer *ret)
{
	(void)o;
	(void)actor;
	e->relocates++;
	ret->code = VRSAS__V1__CONTROL_CODE__CONTROL_REFUSED;
	(void)snprintf(ret->error, sizeof(ret->error), "no");
	(void)snprintf(ret->hint, sizeof(ret->hint), "wait");
}

void engine_failback(struct engine *e, const char *vm, const char *actor, bool dry_run,
		     struct engine_answer *ret)
{
	(void)e;
	(void)vm;
	(void)actor;
	(void)dry_run;
	(void)snprintf(ret->done, sizeof(ret->done), "home");
}

void engine_cancel(struct engine *e, const char *vm, const char *actor,
		   const char *reason, struct engine_answer *ret)
{
	(void)e;
	(void)vm;
	(void)actor;
	(void)reason;
	(void)snprintf(ret->done, sizeof(ret->done), "cancelled");
}

/* --- a scheduler of these parts, which runs while it is asked --- */

static struct redis redis;
static struct vrs_store *store;
static struct vrs_loop *loop;
static struct vrs_svc svc;
static struct engine engine;
static struct forecasts *forecasts;
static struct control *control;
static struct fleet *world;

static char c1[] = "c1", c2[] = "c2", h1[] = "h1", h2[] = "h2", n1[] = "n1";
static char ds[] = "/ds", ssh[] = "root@x:22", qcow2[] = "qcow2";
static struct vrs_site_cluster clusters[] = {{.name = c1,
					      .images = ds,
					      .format = qcow2,
					      .shared_storage = true,
					      .accept = true,
					      .max_cpu_ratio = 0.8,
					      .repair_ms = 4 * 3600000},
					     {.name = c2,
					      .images = ds,
					      .format = qcow2,
					      .shared_storage = true,
					      .accept = true,
					      .max_cpu_ratio = 0.8,
					      .repair_ms = 4 * 3600000}};
static struct vrs_site_host hosts[] = {{.cluster = c1, .name = h1, .ssh = ssh},
				       {.cluster = c1, .name = h2, .ssh = ssh},
				       {.cluster = c2, .name = n1, .ssh = ssh}};
static struct vrs_site site = {
	.cluster = clusters, .n_clusters = 2, .host = hosts, .n_hosts = 3};

static Vrsas__V1__VmFacts vm;
static Vrsas__V1__Disk disk, *disks[] = {&disk};
static struct fleet_vm vms[1];

static inline struct fleet *the_world(void *arg)
{
	(void)arg;
	return world;
}

static inline void build_world(void)
{
	static struct fleet_cluster wc[2];
	static struct fleet_host wh[3];
	static struct fleet w;

	vrsas__v1__vm_facts__init(&vm);
	vrsas__v1__disk__init(&disk);
	disk.format = "qcow2";
	disk.allocated_bytes = 1 << 30;
	vm.id = "id-1";
	vm.name = "web1";
	vm.native = "<domain><name>web1</name><devices><disk type='file'>"
		    "<source file='/ds/a'/></disk></devices></domain>";
	vm.state = VRSAS__V1__VM_STATE__VM_STATE_RUNNING;
	vm.protect = true;
	vm.vm_class = 1;
	vm.vcpus = 1;
	vm.ram_bytes = 1 << 30;
	vm.disk = disks;
	vm.n_disk = 1;
	for (size_t i = 0; i < 2; i++)
		wc[i] = (struct fleet_cluster){.name = clusters[i].name,
					       .site = &clusters[i],
					       .collector = "a",
					       .collector_alive = true,
					       .beat_at_ms = 999000,
					       .first_host = i ? 2 : 0,
					       .n_hosts = i ? 1 : 2};
	for (size_t i = 0; i < 3; i++)
		wh[i] = (struct fleet_host){.name = hosts[i].name,
					    .cluster = i == 2,
					    .site = &hosts[i],
					    .life = FLEET_UP,
					    .detail = "",
					    .address = "",
					    .vcpus_total = 8,
					    .ram_total_bytes = (uint64_t)64 << 30,
					    .cpu_ratio = i == 1 ? 0.9 : 0.2,
					    .mem_ratio = 0.2,
					    .sample_at_ms = 990000,
					    .inventory_at_ms = 990000,
					    .store_known = true,
					    .disk_free_bytes = (uint64_t)1 << 40,
					    .disk_total_bytes = (uint64_t)2 << 40,
					    .n_vms = i == 0};
	vms[0] = (struct fleet_vm){&vm, 0};
	w = (struct fleet){.at_ms = 1000000,
			   .cluster = wc,
			   .n_clusters = 2,
			   .host = wh,
			   .n_hosts = 3,
			   .vm = vms,
			   .n_vms = 1,
			   .site = &site};
	world = &w;
}

static inline int start(void **state)
{
	(void)state;
	const struct forecasts_conf fc = {.url = "tcp://127.0.0.1:0",
					  .interval_ms = 3600000,
					  .timeout_ms = 5000,
					  .silence_ms = 2000,
					  .fleet = the_world};
	const struct control_conf cc = {.url = "tcp://127.0.0.1:0",
					.plan = &plan_defaults};
	struct vrs_err err = {0};

	redis_start(&redis);
	store = redis_store(&redis);
	build_world();
	engine = (struct engine){.world = world};
	assert_ok(vrs_loop_open(&loop, &err), &err);
	svc = (struct vrs_svc){.name = "scheduler", .loop = loop, .store = store};
	assert_ok(forecasts_open(&forecasts, loop, &fc, &err), &err);
	assert_ok(control_open(&control, &svc, &cc, &engine, forecasts, &err), &err);
	return 0;
}

static inline int stop(void **state)
{
	(void)state;
	control_close(control);
	forecasts_close(forecasts);
	vrs_loop_close(loop);
	vrs_store_close(store);
	redis_stop(&redis);
	free(world->queue);
	return 0;
}

static inline Vrsas__V1__ControlReply *ask(Vrsas__V1__ControlRequest *r)
{
	struct vrs_err err = {0};
	ProtobufCMessage *reply = NULL;
	struct loop_thread scheduler;

	if (!r->actor)
		r->actor = "";
	loop_thread_start(&scheduler, loop);
	int status = vrs_bus_call(
		&(struct vrs_bus_call){control_url(control), &r->base, 20000,
				       &vrsas__v1__control_reply__descriptor},
		&reply, &err);
	loop_thread_stop(&scheduler);
	assert_ok(status, &err);
	assert_string_equal(((Vrsas__V1__ControlReply *)reply)->request_id,
			    vrs_id_ok(r->request_id) ? r->request_id : "");
	return (Vrsas__V1__ControlReply *)reply;
}

static inline void done(Vrsas__V1__ControlReply *r)
{
	vrsas__v1__control_reply__free_unpacked(r, NULL);
}

#define REQUEST(name, id, body)                                                          \
	Vrsas__V1__ControlRequest name = VRSAS__V1__CONTROL_REQUEST__INIT;               \
	name.request_id = id;                                                            \
	name.body_case = VRSAS__V1__CONTROL_REQUEST__BODY_##body

#endif
