#include "check.h"
#include "loop_thread.h"
#include "redis.h"

#include "control.h"
#include "engine.h"

#include "vrs/bus.h"
#include "vrs/event.h"
#include "vrs/keys.h"
#include "vrs/loop.h"

#include <pthread.h>

/* --- an engine that only remembers what it was asked to do --- */

struct engine {
	struct world *world;
	unsigned fails, relocates;
	char host[80], reason[80], actor[80];
	bool confirm_off, standby, unread;
	unsigned refreshes;
	Vrsas__V1__Relocation *record;
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

struct world *engine_world(struct engine *e)
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

bool engine_open_story(const Vrsas__V1__Relocation *r)
{
	return r->state != VRSAS__V1__RELOCATION_STATE__PROTECTED;
}

int engine_movers(const struct engine *e)
{
	(void)e;
	return 1;
}

void engine_fail_host(struct engine *e, const char *host, const char *actor,
		      const char *reason, bool confirm_off, bool withdraw,
		      struct engine_answer *ret)
{
	(void)withdraw;
	e->fails++;
	e->confirm_off = confirm_off;
	(void)snprintf(e->host, sizeof(e->host), "%s", host);
	(void)snprintf(e->actor, sizeof(e->actor), "%s", actor);
	(void)snprintf(e->reason, sizeof(e->reason), "%s", reason);
	(void)snprintf(ret->done, sizeof(ret->done), "word number %u", e->fails);
}

void engine_relocate(struct engine *e, const char *vm, const char *to_cluster,
		     const char *actor, const char *reason, struct engine_answer *ret)
{
	(void)vm;
	(void)to_cluster;
	(void)actor;
	(void)reason;
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
static struct world *world;

static char c1[] = "c1", c2[] = "c2", h1[] = "h1", h2[] = "h2", n1[] = "n1";
static char ds[] = "/ds", ssh[] = "root@x:22", qcow2[] = "qcow2";
static struct vrs_site_cluster clusters[] = {{.name = c1,
					      .images = ds,
					      .format = qcow2,
					      .shared_storage = true,
					      .accept = true,
					      .lend_ratio = 0.8,
					      .repair_ms = 4 * 3600000},
					     {.name = c2,
					      .images = ds,
					      .format = qcow2,
					      .shared_storage = true,
					      .accept = true,
					      .lend_ratio = 0.8,
					      .repair_ms = 4 * 3600000}};
static struct vrs_site_host hosts[] = {{.cluster = c1, .name = h1, .ssh = ssh},
				       {.cluster = c1, .name = h2, .ssh = ssh},
				       {.cluster = c2, .name = n1, .ssh = ssh}};
static struct vrs_site site = {
	.cluster = clusters, .n_clusters = 2, .host = hosts, .n_hosts = 3};

static Vrsas__V1__VmFacts vm;
static Vrsas__V1__Disk disk, *disks[] = {&disk};
static struct world_vm vms[1];

static struct world *the_world(void *arg)
{
	(void)arg;
	return world;
}

static void build_world(void)
{
	static struct world_cluster wc[2];
	static struct world_host wh[3];
	static struct world w;

	vrsas__v1__vm_facts__init(&vm);
	vrsas__v1__disk__init(&disk);
	disk.format = "qcow2";
	disk.allocated_bytes = 1 << 30;
	vm.id = "id-1";
	vm.name = "web1";
	vm.native = "<domain/>";
	vm.state = VRSAS__V1__VM_STATE__VM_STATE_RUNNING;
	vm.protect = true;
	vm.vm_class = 1;
	vm.vcpus = 1;
	vm.ram_bytes = 1 << 30;
	vm.disk = disks;
	vm.n_disk = 1;
	for (size_t i = 0; i < 2; i++)
		wc[i] = (struct world_cluster){.name = clusters[i].name,
					       .site = &clusters[i],
					       .collector = "a",
					       .collector_alive = true,
					       .beat_at_ms = 999000,
					       .first_host = i ? 2 : 0,
					       .n_hosts = i ? 1 : 2};
	for (size_t i = 0; i < 3; i++)
		wh[i] = (struct world_host){.name = hosts[i].name,
					    .cluster = i == 2,
					    .site = &hosts[i],
					    .life = WORLD_UP,
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
	vms[0] = (struct world_vm){&vm, 0};
	w = (struct world){.at_ms = 1000000,
			   .cluster = wc,
			   .n_clusters = 2,
			   .host = wh,
			   .n_hosts = 3,
			   .vm = vms,
			   .n_vms = 1,
			   .site = &site};
	world = &w;
}

static int start(void **state)
{
	(void)state;
	const struct forecasts_conf fc = {.url = "tcp://127.0.0.1:0",
					  .interval_ms = 3600000,
					  .timeout_ms = 5000,
					  .silence_ms = 2000};
	const struct control_conf cc = {.url = "tcp://127.0.0.1:0",
					.plan = &plan_defaults};
	struct vrs_err err = {0};

	redis_start(&redis);
	store = redis_store(&redis);
	build_world();
	engine = (struct engine){.world = world};
	assert_ok(vrs_loop_open(&loop, &err), &err);
	svc = (struct vrs_svc){.name = "scheduler", .loop = loop, .store = store};
	assert_ok(forecasts_open(&forecasts, loop, &fc, the_world, NULL, &err), &err);
	assert_ok(control_open(&control, &svc, &cc, &engine, forecasts, &err), &err);
	return 0;
}

static int stop(void **state)
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

static Vrsas__V1__ControlReply *ask(Vrsas__V1__ControlRequest *r)
{
	struct vrs_err err = {0};
	ProtobufCMessage *reply = NULL;
	struct loop_thread scheduler;

	if (!r->actor)
		r->actor = "";
	loop_thread_start(&scheduler, loop);
	int status = vrs_bus_ask(control_url(control), &r->base, 20000,
				 &vrsas__v1__control_reply__descriptor, &reply, &err);
	loop_thread_stop(&scheduler);
	assert_ok(status, &err);
	assert_string_equal(((Vrsas__V1__ControlReply *)reply)->request_id,
			    vrs_id_ok(r->request_id) ? r->request_id : "");
	return (Vrsas__V1__ControlReply *)reply;
}

static void done(Vrsas__V1__ControlReply *r)
{
	vrsas__v1__control_reply__free_unpacked(r, NULL);
}

#define REQUEST(name, id, body)                                                          \
	Vrsas__V1__ControlRequest name = VRSAS__V1__CONTROL_REQUEST__INIT;               \
	name.request_id = id;                                                            \
	name.body_case = VRSAS__V1__CONTROL_REQUEST__BODY_##body

static void status_tells_health_and_why(void **state)
{
	(void)state;
	Vrsas__V1__StatusQuery q = VRSAS__V1__STATUS_QUERY__INIT;
	REQUEST(r, "s1", STATUS);
	r.status = &q;
	Vrsas__V1__ControlReply *reply = ask(&r);

	assert_int_equal(reply->code, VRSAS__V1__CONTROL_CODE__CONTROL_OK);
	assert_string_equal(reply->status->health, "WARNING");
	assert_int_equal(reply->status->n_cluster, 2);
	assert_int_equal(reply->status->cluster[0]->hosts, 2);
	assert_int_equal(reply->status->cluster[0]->vms_protected, 1);
	assert_float_equal(reply->status->cluster[0]->cpu_ratio, 0.55, 1e-9);
	bool predictor = false;
	for (size_t i = 0; i < reply->status->n_reason; i++)
		predictor |= strstr(reply->status->reason[i], "no predictor") != NULL;
	assert_true(predictor);
	done(reply);
}

static void a_story_that_waits_for_a_person_is_critical(void **state)
{
	(void)state;
	Vrsas__V1__Relocation rec = VRSAS__V1__RELOCATION__INIT;
	Vrsas__V1__StatusQuery q = VRSAS__V1__STATUS_QUERY__INIT;
	REQUEST(r, "s2", STATUS);
	r.status = &q;
	rec.vm_id = "id-1";
	rec.vm_name = "web1";
	rec.state = VRSAS__V1__RELOCATION_STATE__HOLD_OPERATOR;
	rec.hold_reason = "nobody can prove that h1 is off";
	engine.record = &rec;
	Vrsas__V1__ControlReply *reply = ask(&r);
	engine.record = NULL;

	assert_string_equal(reply->status->health, "CRITICAL");
	assert_string_equal(reply->status->reason[0],
			    "web1 waits for a person: nobody can prove that h1 is off");
	assert_int_equal(reply->status->n_open, 1);
	done(reply);
}

static bool gives_reason(const Vrsas__V1__ControlReply *reply, const char *text)
{
	for (size_t i = 0; i < reply->status->n_reason; i++)
		if (strstr(reply->status->reason[i], text))
			return true;
	return false;
}

static void on_standby_nothing_old_is_shown(void **state)
{
	(void)state;
	Vrsas__V1__StatusQuery sq = VRSAS__V1__STATUS_QUERY__INIT;
	Vrsas__V1__RelocationQuery rq = VRSAS__V1__RELOCATION_QUERY__INIT;
	REQUEST(status, "b1", STATUS);
	REQUEST(list, "b2", RELOCATIONS);
	status.status = &sq;
	list.relocations = &rq;
	engine.standby = true;
	engine.refreshes = 0;
	Vrsas__V1__ControlReply *reply = ask(&status);
	assert_true(gives_reason(reply, "manager-2 is the active one"));
	done(reply);
	done(ask(&list));
	assert_int_equal(engine.refreshes, 2); /* the records were read anew */

	engine.unread = true;
	reply = ask(&status);
	assert_string_equal(reply->status->health, "CRITICAL");
	assert_true(gives_reason(reply, "cannot be read"));
	done(reply);
	reply = ask(&list);
	assert_int_equal(reply->code, VRSAS__V1__CONTROL_CODE__CONTROL_UNREACHABLE);
	done(reply);
	engine.standby = engine.unread = false;
}

static void hosts_and_vms_are_listed(void **state)
{
	(void)state;
	Vrsas__V1__HostQuery hq = VRSAS__V1__HOST_QUERY__INIT;
	Vrsas__V1__VmQuery vq = VRSAS__V1__VM_QUERY__INIT;
	REQUEST(r, "", HOSTS);
	r.hosts = &hq;
	hq.cluster = "c1";
	Vrsas__V1__ControlReply *reply = ask(&r);
	assert_int_equal(reply->hosts->n_host, 2);
	assert_string_equal(reply->hosts->host[0]->state, "up");
	done(reply);

	r.body_case = VRSAS__V1__CONTROL_REQUEST__BODY_VMS;
	r.vms = &vq;
	vq.host = "c1/h1";
	reply = ask(&r);
	assert_int_equal(reply->vms->n_vm, 1);
	assert_string_equal(reply->vms->vm[0]->facts->native, "");
	assert_int_equal(reply->vms->vm[0]->relocation,
			 VRSAS__V1__RELOCATION_STATE__PROTECTED);
	done(reply);
	vq.host = "h9";
	reply = ask(&r);
	assert_int_equal(reply->code, VRSAS__V1__CONTROL_CODE__CONTROL_NOT_FOUND);
	assert_string_equal(reply->hint, "vrsctl host list");
	done(reply);
}

static void a_plan_is_only_a_plan(void **state)
{
	(void)state;
	Vrsas__V1__PlanQuery q = VRSAS__V1__PLAN_QUERY__INIT;
	REQUEST(r, "", PLAN);
	r.plan = &q;
	q.host = "c1/h1";
	for (int i = 0; i < 2; i++) {
		Vrsas__V1__ControlReply *reply = ask(&r);

		assert_int_equal(reply->plan->n_decision, 1);
		const Vrsas__V1__Decision *d = reply->plan->decision[0];
		assert_int_equal(d->verdict, VRSAS__V1__VERDICT__VERDICT_RELOCATE);
		assert_string_equal(d->cluster, "c2");
		assert_int_equal(d->candidate[0]->rank, 1);
		done(reply);
	}
	assert_int_equal(world->host[2].promise.vms, 0);
	assert_int_equal(world->n_queues, 0);
}

static void a_dry_run_of_a_move_is_a_plan_too(void **state)
{
	(void)state;
	Vrsas__V1__RelocateOrder o = VRSAS__V1__RELOCATE_ORDER__INIT;
	REQUEST(r, "", RELOCATE);
	r.relocate = &o;
	o.vm = "web1";
	o.dry_run = true;
	Vrsas__V1__ControlReply *reply = ask(&r);
	assert_int_equal(reply->plan->n_decision, 1);
	assert_int_equal(engine.relocates, 0);
	done(reply);
	o.to_cluster = "c9";
	reply = ask(&r);
	assert_int_equal(reply->code, VRSAS__V1__CONTROL_CODE__CONTROL_NOT_FOUND);
	done(reply);
}

static void an_order_acts_once_however_often_it_is_asked(void **state)
{
	(void)state;
	Vrsas__V1__FailOrder o = VRSAS__V1__FAIL_ORDER__INIT;
	REQUEST(r, "order-1", FAIL);
	r.actor = "ann";
	r.fail = &o;
	o.host = "c1/h1";
	unsigned before = engine.fails;
	char text[64];

	(void)snprintf(text, sizeof(text), "word number %u", before + 1);
	for (int i = 0; i < 3; i++) {
		Vrsas__V1__ControlReply *reply = ask(&r);

		assert_string_equal(reply->done, text);
		done(reply);
	}
	assert_int_equal(engine.fails, before + 1);

	o.host = "c1/h2"; /* the same id for something else */
	Vrsas__V1__ControlReply *reply = ask(&r);
	assert_int_equal(reply->code, VRSAS__V1__CONTROL_CODE__CONTROL_USAGE);
	assert_int_equal(engine.fails, before + 1);
	done(reply);
	r.request_id = "order-2";
	done(ask(&r));
	assert_int_equal(engine.fails, before + 2);
	assert_string_equal(engine.host, "c1/h2");
}

static void a_confirmation_needs_a_name_and_a_reason(void **state)
{
	(void)state;
	Vrsas__V1__FailOrder o = VRSAS__V1__FAIL_ORDER__INIT;
	REQUEST(r, "order-3", FAIL);
	r.actor = "ann";
	r.fail = &o;
	o.host = "h1";
	o.confirm_off = true;
	Vrsas__V1__ControlReply *reply = ask(&r);
	assert_int_equal(reply->code, VRSAS__V1__CONTROL_CODE__CONTROL_USAGE);
	done(reply);
	r.request_id = "order-4";
	o.reason = "cord pulled";
	reply = ask(&r);
	assert_int_equal(reply->code, VRSAS__V1__CONTROL_CODE__CONTROL_OK);
	assert_true(engine.confirm_off);
	assert_string_equal(engine.reason, "cord pulled");
	done(reply);
}

static void what_comes_from_outside_is_checked(void **state)
{
	(void)state;
	static const char *const bad[] = {"",   "../x", "a b", "c1/h1/x",
					  "-h", "a\nb", "\x80"};
	Vrsas__V1__FailOrder o = VRSAS__V1__FAIL_ORDER__INIT;
	unsigned before = engine.fails;
	char id[16];

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		(void)snprintf(id, sizeof(id), "bad-%zu", i);
		REQUEST(r, id, FAIL);
		r.actor = "ann";
		r.fail = &o;
		o.host = bad[i];
		Vrsas__V1__ControlReply *reply = ask(&r);
		assert_int_equal(reply->code, VRSAS__V1__CONTROL_CODE__CONTROL_USAGE);
		assert_true(reply->error[0] != '\0');
		done(reply);
	}
	REQUEST(r, "x y", FAIL);
	r.fail = &o;
	o.host = "h1";
	Vrsas__V1__ControlReply *reply = ask(&r);
	assert_int_equal(reply->code, VRSAS__V1__CONTROL_CODE__CONTROL_USAGE);
	done(reply);
	r.request_id = "bad-reason";
	o.reason = "two\nlines";
	reply = ask(&r);
	assert_int_equal(reply->code, VRSAS__V1__CONTROL_CODE__CONTROL_USAGE);
	done(reply);
	r.request_id = "nothing";
	r.body_case = VRSAS__V1__CONTROL_REQUEST__BODY__NOT_SET;
	reply = ask(&r);
	assert_int_equal(reply->code, VRSAS__V1__CONTROL_CODE__CONTROL_USAGE);
	done(reply);
	assert_int_equal(engine.fails, before);
}

static void a_refusal_of_the_engine_comes_through(void **state)
{
	(void)state;
	Vrsas__V1__RelocateOrder o = VRSAS__V1__RELOCATE_ORDER__INIT;
	REQUEST(r, "move-1", RELOCATE);
	r.relocate = &o;
	o.vm = "web1";
	Vrsas__V1__ControlReply *reply = ask(&r);
	assert_int_equal(reply->code, VRSAS__V1__CONTROL_CODE__CONTROL_REFUSED);
	assert_string_equal(reply->error, "no");
	assert_string_equal(reply->hint, "wait");
	done(reply);
}

static void *tell_later(void *arg)
{
	struct vrs_store *own = redis_store(arg);
	Vrsas__V1__Event ev = VRSAS__V1__EVENT__INIT;

	ev.kind = "host.silent";
	ev.vm_name = "web1";
	ev.text = "late news";
	(void)vrs_event_put(own, &ev, NULL);
	vrs_store_close(own);
	return NULL;
}

static void events_are_waited_for(void **state)
{
	(void)state;
	Vrsas__V1__EventQuery q = VRSAS__V1__EVENT_QUERY__INIT;
	pthread_t teller;
	REQUEST(r, "", EVENTS);
	r.events = &q;
	Vrsas__V1__ControlReply *reply = ask(&r);
	assert_int_equal(reply->events->n_event, 0);
	char next[64];
	(void)snprintf(next, sizeof(next), "%s", reply->events->next_id);
	assert_string_equal(next, "0-0");
	done(reply);

	assert_int_equal(pthread_create(&teller, NULL, tell_later, &redis), 0);
	q.after_id = next;
	q.wait_ms = 5000;
	reply = ask(&r);
	(void)pthread_join(teller, NULL);
	assert_int_equal(reply->events->n_event, 1);
	assert_string_equal(reply->events->event[0]->text, "late news");
	(void)snprintf(next, sizeof(next), "%s", reply->events->next_id);
	done(reply);

	q.wait_ms = 0;
	reply = ask(&r);
	assert_int_equal(reply->events->n_event, 0);
	assert_string_equal(reply->events->next_id, next);
	done(reply);
	q.after_id = "1; FLUSHALL";
	reply = ask(&r);
	assert_int_equal(reply->code, VRSAS__V1__CONTROL_CODE__CONTROL_USAGE);
	done(reply);
	q.after_id = "";
	q.vm = "other";
	reply = ask(&r);
	assert_int_equal(reply->events->n_event, 0);
	done(reply);
}

static void without_a_predictor_the_stored_forecast_is_shown(void **state)
{
	(void)state;
	Vrsas__V1__ForecastQuery q = VRSAS__V1__FORECAST_QUERY__INIT;
	Vrsas__V1__Forecast fc = VRSAS__V1__FORECAST__INIT;
	struct vrs_store *own = redis_store(&redis);
	struct vrs_err err = {0};
	size_t n;
	REQUEST(r, "", FORECAST);
	r.forecast = &q;
	q.target = "c1/h1";
	Vrsas__V1__ControlReply *reply = ask(&r);
	assert_int_equal(reply->code, VRSAS__V1__CONTROL_CODE__CONTROL_UNREACHABLE);
	done(reply);

	fc.cluster = "c1";
	fc.host = "h1";
	fc.method = "slevel";
	void *bytes = vrs_msg_pack(&fc.base, &n);
	assert_ok(
		vrs_store_cmd(own, NULL, &err, "HSET " VRS_KEY "fc:{c1} h1 %b", bytes, n),
		&err);
	free(bytes);
	vrs_store_close(own);
	reply = ask(&r);
	assert_int_equal(reply->forecasts->n_forecast, 1);
	assert_string_equal(reply->forecasts->forecast[0]->method, "slevel");
	assert_non_null(strstr(reply->forecasts->forecast[0]->reason, "no predictor"));
	done(reply);
	q.target = "h1";
	reply = ask(&r);
	assert_int_equal(reply->forecasts->n_forecast, 1);
	done(reply);
	q.target = "nowhere";
	reply = ask(&r);
	assert_int_equal(reply->code, VRSAS__V1__CONTROL_CODE__CONTROL_NOT_FOUND);
	done(reply);
}

/* A predictor that says 0.5 for everything and counts what it was asked. */
struct oracle {
	struct vrs_loop *loop;
	struct vrs_rep *rep;
	unsigned jobs, targets;
};

static void on_job(void *arg, const ProtobufCMessage *msg, struct vrs_req_token *token)
{
	struct oracle *o = arg;
	const Vrsas__V1__ForecastJob *job = (const void *)msg;
	Vrsas__V1__ForecastAnswer answer = VRSAS__V1__FORECAST_ANSWER__INIT;
	Vrsas__V1__Forecast one = VRSAS__V1__FORECAST__INIT, *list[64];

	__atomic_add_fetch(&o->jobs, 1, __ATOMIC_SEQ_CST);
	__atomic_add_fetch(&o->targets, (unsigned)job->n_target, __ATOMIC_SEQ_CST);
	one.method = "lstm";
	one.last_ratio = 0.5f;
	for (size_t i = 0; i < job->n_target; i++)
		list[i] = &one;
	answer.job_id = job->job_id;
	answer.n_forecast = job->n_target;
	answer.forecast = list;
	vrs_bus_answer(token, &answer.base);
}

static void predictors_are_asked_for_everything_and_for_one(void **state)
{
	(void)state;
	struct oracle o = {0};
	struct loop_thread predictor, scheduler;
	struct vrs_err err = {0};
	Vrsas__V1__ForecastQuery q = VRSAS__V1__FORECAST_QUERY__INIT;
	REQUEST(r, "", FORECAST);
	r.forecast = &q;
	q.target = "c1";

	assert_ok(vrs_loop_open(&o.loop, &err), &err);
	assert_ok(vrs_rep_open(&o.rep, o.loop, forecasts_url(forecasts), false, 4,
			       &vrsas__v1__forecast_job__descriptor, on_job, &o, &err),
		  &err);
	loop_thread_start(&predictor, o.loop);
	/* the first round comes by itself once a predictor is there */
	loop_thread_start(&scheduler, loop);
	for (int i = 0; i < 1000 && __atomic_load_n(&o.targets, __ATOMIC_SEQ_CST) < 5;
	     i++)
		(void)poll(NULL, 0, 10);
	loop_thread_stop(&scheduler);
	assert_int_equal(__atomic_load_n(&o.targets, __ATOMIC_SEQ_CST), 5);
	assert_int_equal(__atomic_load_n(&o.jobs, __ATOMIC_SEQ_CST), 1);

	Vrsas__V1__ControlReply *reply = ask(&r);
	assert_int_equal(reply->code, VRSAS__V1__CONTROL_CODE__CONTROL_OK);
	assert_string_equal(reply->forecasts->forecast[0]->method, "lstm");
	done(reply);
	loop_thread_stop(&predictor);
	vrs_rep_close(o.rep);
	vrs_loop_close(o.loop);
}

/* --- transfers --- */

static void put_transfer(const char *job, const char *name,
			 Vrsas__V1__TransferState state, int64_t ended_at_ms)
{
	Vrsas__V1__TransferStatus t = VRSAS__V1__TRANSFER_STATUS__INIT;
	struct vrs_store *own = redis_store(&redis);
	struct vrs_err err = {0};
	size_t n;

	t.job_id = (char *)(uintptr_t)job;
	t.vm_name = (char *)(uintptr_t)name;
	t.state = state;
	t.ended_at_ms = ended_at_ms;
	void *bytes = vrs_msg_pack(&t.base, &n);
	vrs_store_addf(own, "HSET " VRS_KEY "xfer:%s rec %b", job, bytes, n);
	vrs_store_addf(own, "ZADD " VRS_KEY "xfer 1 %s", job);
	assert_ok(vrs_store_run(own, NULL, &err), &err);
	free(bytes);
	vrs_store_close(own);
}

static void word_is(const char *job, const char *field, const char *want)
{
	struct vrs_store *own = redis_store(&redis);
	struct vrs_reply *r = NULL;
	struct vrs_err err = {0};

	assert_ok(vrs_store_cmd(own, &r, &err, "HGET " VRS_KEY "xfer:%s %s", job, field),
		  &err);
	if (want)
		assert_string_equal(r->bytes, want);
	else
		assert_null(r->bytes);
	vrs_reply_free(r);
	vrs_store_close(own);
}

static void give_word(const char *id, const char *job, Vrsas__V1__TransferAct act,
		      uint64_t rate, Vrsas__V1__ControlCode want)
{
	Vrsas__V1__TransferOrder o = VRSAS__V1__TRANSFER_ORDER__INIT;
	REQUEST(r, "", TRANSFER_ORDER);
	r.request_id = (char *)(uintptr_t)id;
	r.actor = "ann";
	r.transfer_order = &o;
	o.job = (char *)(uintptr_t)job;
	o.act = act;
	o.rate_bytes_per_s = rate;
	Vrsas__V1__ControlReply *reply = ask(&r);
	assert_int_equal(reply->code, want);
	assert_true(want != VRSAS__V1__CONTROL_CODE__CONTROL_OK || reply->done[0]);
	done(reply);
}

#define ACT(x) VRSAS__V1__TRANSFER_ACT__TRANSFER_ACT_##x
#define CODE(x) VRSAS__V1__CONTROL_CODE__CONTROL_##x

static void transfers_are_shown_and_take_words(void **state)
{
	(void)state;
	Vrsas__V1__TransferQuery q = VRSAS__V1__TRANSFER_QUERY__INIT;
	Vrsas__V1__Relocation story = VRSAS__V1__RELOCATION__INIT;
	REQUEST(r, "", TRANSFERS);

	put_transfer("web1-3", "web1", VRSAS__V1__TRANSFER_STATE__TRANSFER_STATE_DONE, 5);
	put_transfer("web1-4", "web1", VRSAS__V1__TRANSFER_STATE__TRANSFER_STATE_COPYING,
		     0);
	put_transfer("db1-1", "db1", VRSAS__V1__TRANSFER_STATE__TRANSFER_STATE_FAILED, 7);
	r.transfers = &q;
	Vrsas__V1__ControlReply *reply = ask(&r);
	assert_int_equal(reply->transfers->n_transfer, 3);
	assert_string_equal(reply->transfers->transfer[0]->job_id, "web1-4");
	done(reply);
	q.open_only = true;
	reply = ask(&r);
	assert_int_equal(reply->transfers->n_transfer, 1);
	done(reply);
	q.job = "web9";
	reply = ask(&r);
	assert_int_equal(reply->code, CODE(NOT_FOUND));
	done(reply);

	give_word("t1", "web1", ACT(PAUSE), 0, CODE(OK));
	word_is("web1-4", "pause", "1");
	give_word("t2", "web1-4", ACT(RESUME), 0, CODE(OK));
	word_is("web1-4", "pause", "0");
	give_word("t3", "web1", ACT(RATE), 5000000, CODE(OK));
	word_is("web1-4", "rate", "5000000");
	give_word("t4", "db1", ACT(PAUSE), 0, CODE(REFUSED)); /* it has ended */
	word_is("db1-1", "pause", NULL);
	give_word("t5", "web1", ACT(UNSPECIFIED), 0, CODE(USAGE));
	give_word("t6", "../x", ACT(PAUSE), 0, CODE(USAGE));

	/* what a relocation waits for is given up with the relocation */
	story.vm_name = "web1";
	story.transfer_job = "web1-4";
	story.state = VRSAS__V1__RELOCATION_STATE__TRANSFERRING;
	engine.record = &story;
	give_word("t7", "web1", ACT(CANCEL), 0, CODE(REFUSED));
	word_is("web1-4", "cancel", NULL);
	engine.record = NULL;
	give_word("t8", "web1", ACT(CANCEL), 0, CODE(OK));
	word_is("web1-4", "cancel", "1");
}

static void what_copies_were_expected_to_take_is_shown_beside_what_they_took(void **state)
{
	(void)state;
	Vrsas__V1__TransferTimesQuery q = VRSAS__V1__TRANSFER_TIMES_QUERY__INIT;
	struct vrs_store *own = redis_store(&redis);
	struct vrs_err err = {0};
	REQUEST(r, "", TRANSFER_TIMES);

	vrs_store_addf(own, "LPUSH " VRS_KEY "eta:{c1}:{c2} %s",
		       "100 full 1000 900 50 40 30 60 0 0 web1-1");
	vrs_store_addf(own, "LPUSH " VRS_KEY "eta:{c1}:{c2} %s", "no such line");
	vrs_store_addf(own, "LPUSH " VRS_KEY "eta:{c2}:{c1} %s",
		       "200 changes 1000 9 7 0 0 0 0 0 web1-2");
	assert_ok(vrs_store_run(own, NULL, &err), &err);
	vrs_store_close(own);
	r.transfer_times = &q;
	Vrsas__V1__ControlReply *reply = ask(&r);
	assert_int_equal(reply->transfer_times->n_past, 2);
	const Vrsas__V1__TransferPast *p = reply->transfer_times->past[0];
	assert_string_equal(p->job_id, "web1-2");
	assert_true(p->changes_only);
	p = reply->transfer_times->past[1];
	assert_string_equal(p->source_cluster, "c1");
	assert_int_equal(p->took_ms, 50);
	assert_int_equal(p->predicted_ms, 40);
	assert_int_equal(p->predicted_low_ms, 30);
	assert_int_equal(p->predicted_high_ms, 60);
	done(reply);
	q.source_cluster = "c1";
	reply = ask(&r);
	assert_int_equal(reply->transfer_times->n_past, 1);
	done(reply);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(status_tells_health_and_why),
		cmocka_unit_test(a_story_that_waits_for_a_person_is_critical),
		cmocka_unit_test(on_standby_nothing_old_is_shown),
		cmocka_unit_test(hosts_and_vms_are_listed),
		cmocka_unit_test(a_plan_is_only_a_plan),
		cmocka_unit_test(a_dry_run_of_a_move_is_a_plan_too),
		cmocka_unit_test(an_order_acts_once_however_often_it_is_asked),
		cmocka_unit_test(a_confirmation_needs_a_name_and_a_reason),
		cmocka_unit_test(what_comes_from_outside_is_checked),
		cmocka_unit_test(a_refusal_of_the_engine_comes_through),
		cmocka_unit_test(events_are_waited_for),
		cmocka_unit_test(without_a_predictor_the_stored_forecast_is_shown),
		cmocka_unit_test(predictors_are_asked_for_everything_and_for_one),
		cmocka_unit_test(transfers_are_shown_and_take_words),
		cmocka_unit_test(
			what_copies_were_expected_to_take_is_shown_beside_what_they_took),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
