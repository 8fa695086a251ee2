/* Turns an order into a job on one host, and its result into an event of the record. The
 * table orders[] describes each order. */
#include <stdio.h>
#include <string.h>

#include "engine/parts.h"
#include "vrs/clock.h"
#include "vrs/mem.h"

struct order_job {
	struct host_job job;
	enum reloc_order_kind kind;
	struct reloc_place place;
	uint64_t op;
};

/* --- preparation of an order; false: it cannot be executed now --- */

/* The memory of a VM that was paused since the order is not destroyed for a move. */
static bool prepare_stop(struct entry *en, const struct reloc_order *o,
			 struct host_op *op, struct engine *e)
{
	(void)o;
	(void)e;
	op->keep_paused = en->r.planned && en->r.state == RELOC_FENCING;
	return true;
}

static bool prepare_kill(struct entry *en, const struct reloc_order *o,
			 struct host_op *op, struct engine *e)
{
	(void)e;
	op->spare = o->spare;
	if (o->spare && en->msg->vm)
		(void)vrs_strcpy(op->health, sizeof(op->health), en->msg->vm->health);
	return true;
}

static bool prepare_reserve(struct entry *en, const struct reloc_order *o,
			    struct host_op *op, struct engine *e)
{
	const struct reloc_place *p = &en->r.copy[o->copy].place;
	const struct vrs_site_host *host =
		vrs_site_host(engine_site(e), p->cluster, p->host);
	const struct vrs_site_cluster *cluster =
		vrs_site_cluster(engine_site(e), p->cluster);
	const char *images = host && host->images && *host->images ? host->images
			     : cluster                             ? cluster->images
								   : "";

	(void)vrs_strcpy(op->images, sizeof(op->images), images);
	if (en->msg->vm) {
		op->disk_bytes = fleet_vm_disk_bytes(en->msg->vm);
		op->ram_bytes = en->msg->vm->ram_bytes;
	}
	return true;
}

static bool prepare_definition(struct entry *en, const struct reloc_order *o,
			       struct host_op *op, struct engine *e)
{
	const struct reloc_place *p = &en->r.copy[o->copy].place;
	size_t n;
	Vrsas__V1__PlacedDisk *const *disk = engine_disks_of(en->msg, p, &n);

	if (!en->msg->vm)
		return false;
	op->vm = fleet_definition_new(en->msg->vm);
	if (o->copy == 0 || en->r.copy[o->copy].shared)
		return true; /* at home, or on home's own disks: as it was found */
	op->move = fleet_move_new(
		vrs_site_cluster(engine_site(e), en->r.copy[0].place.cluster),
		vrs_site_cluster(engine_site(e), p->cluster), disk, n);
	return true;
}

/* Every fourth check queries the hypervisor instead of the guest's health address, so
 * that a crashed guest is noticed. */
static bool prepare_health(struct entry *en, const struct reloc_order *o,
			   struct host_op *op, struct engine *e)
{
	const struct slot *s = engine_slot(en, o);

	(void)e;
	if (!en->msg->vm || !en->msg->vm->health[0] || (s && s->tries % 4 == 3)) {
		op->kind = HOST_OP_STATE;
		return true;
	}
	(void)vrs_strcpy(op->health, sizeof(op->health), en->msg->vm->health);
	return true;
}

/* --- results --- */

struct result {
	struct reloc_event ev;
	struct record_load load;
};

static void fence_result(struct entry *en, const struct order_job *j, struct result *r)
{
	(void)en;
	r->ev.proof = j->job.op.ok ? RELOC_F3_ATTESTED : RELOC_NO_PROOF;
}

static void query_result(struct entry *en, const struct order_job *j, struct result *r)
{
	(void)en;
	r->ev.seen = host_op_seen(&j->job.op);
}

static void stop_result(struct entry *en, const struct order_job *j, struct result *r)
{
	(void)en;
	r->ev.permanent = j->job.op.spared;
}

static void kill_result(struct entry *en, const struct order_job *j, struct result *r)
{
	(void)en;
	r->ev.seen = j->job.op.was_on ? RELOC_SEEN_ON : RELOC_SEEN_OFF;
	if (j->job.op.spared) {
		r->ev.kind = RELOC_HEALTH;
		r->ev.ok = true;
	}
}

static void quarantine_result(struct entry *en, const struct order_job *j,
			      struct result *r)
{
	(void)en;
	if (host_op_is_on(&j->job.op)) /* also when paused: it could continue */
		r->ev.kind = RELOC_SEEN_RUNNING;
	else if (j->kind == RELOC_DO_CLEAN && r->ev.ok)
		(void)snprintf(r->ev.text, sizeof(r->ev.text),
			       "the copy on %s/%s is undefined", j->place.cluster,
			       j->place.host);
}

/* Health according to the hypervisor: crashed or off is a result too; a VM without a
 * health address is healthy after running for the time `settle`. */
static void health_by_state(struct entry *en, const struct order_job *j,
			    struct reloc_event *ev)
{
	const struct host_op *op = &j->job.op;
	bool by_address = en->msg->vm && en->msg->vm->health[0];
	int64_t now_ms = vrs_now_mono_ms();

	ev->ok = ev->permanent = false;
	if (!op->ok)
		return;
	if (!op->exists || op->state == VRS_HV_OFF || op->state == VRS_HV_CRASHED) {
		ev->permanent = true;
		(void)snprintf(ev->text, sizeof(ev->text), "hypervisor: %s",
			       op->exists ? vrs_hv_state_name(op->state)
					  : "VM not found");
		en->running_mono_ms = 0;
	} else if (op->state == VRS_HV_RUNNING && !by_address) {
		if (!en->running_mono_ms)
			en->running_mono_ms = now_ms;
		ev->ok = now_ms - en->running_mono_ms >= engine_conf(j->job.e)->settle_ms;
		(void)snprintf(
			ev->text, sizeof(ev->text),
			"running for %lld s according to its hypervisor; no health "
			"address is set",
			(long long)((now_ms - en->running_mono_ms) / 1000));
	}
}

static void health_result(struct entry *en, const struct order_job *j, struct result *r)
{
	if (j->job.op.kind == HOST_OP_STATE)
		health_by_state(en, j, &r->ev);
}

static void reserve_result(struct entry *en, const struct order_job *j, struct result *r)
{
	if (!r->ev.ok || en->r.op != j->op || en->r.target < 0)
		return;
	uint32_t t = (uint32_t)en->r.target;
	r->load.disk[t] =
		engine_place_disks(j->job.e, &en->r, en->msg, t, &r->load.n_disks[t]);
}

/* --- the table --- */

static int64_t tick(const struct engine *e)
{
	return engine_conf(e)->tick_ms;
}

static int64_t two_ticks(const struct engine *e)
{
	return 2 * engine_conf(e)->tick_ms;
}

static int64_t health_retry(const struct engine *e)
{
	return engine_conf(e)->health_retry_ms;
}

/* Orders that are one operation on one host. With backoff, the pause before a retry grows
 * with the number of attempts. */
static const struct order {
	enum host_op_kind op;
	enum reloc_event_kind event;
	int64_t (*pause_ms)(const struct engine *e);
	bool backoff;
	bool (*prepare)(struct entry *en, const struct reloc_order *o, struct host_op *op,
			struct engine *e);
	void (*result)(struct entry *en, const struct order_job *j, struct result *r);
} orders[] = {
	/* without a power controller: by the hypervisor; else fencing.c */
	[RELOC_DO_FENCE] = {HOST_OP_FENCE, RELOC_FENCE_RESULT, engine_fence_retry_ms,
			    false, NULL, fence_result},
	[RELOC_DO_STOP] = {HOST_OP_STOP, RELOC_STOPPED, tick, true, prepare_stop,
			   stop_result},
	[RELOC_DO_KILL] = {HOST_OP_KILL, RELOC_STOPPED, tick, true, prepare_kill,
			   kill_result},
	[RELOC_DO_RESERVE] = {HOST_OP_RESERVE, RELOC_RESERVED, tick, true,
			      prepare_reserve, reserve_result},
	[RELOC_DO_DEFINE] = {HOST_OP_DEFINE, RELOC_DEFINED, tick, true,
			     prepare_definition, NULL},
	[RELOC_DO_START] = {HOST_OP_START, RELOC_STARTED, tick, true, prepare_definition,
			    NULL},
	[RELOC_DO_HEALTH] = {HOST_OP_HEALTH, RELOC_HEALTH, health_retry, true,
			     prepare_health, health_result},
	[RELOC_DO_QUERY] = {HOST_OP_STATE, RELOC_QUERIED, tick, true, NULL, query_result},
	[RELOC_DO_QUARANTINE] = {HOST_OP_QUARANTINE, RELOC_QUARANTINED, two_ticks, true,
				 NULL, quarantine_result},
	[RELOC_DO_CLEAN] = {HOST_OP_QUARANTINE, RELOC_CLEANED, two_ticks, true, NULL,
			    quarantine_result},
};

static void order_done(struct host_job *job)
{
	const struct order_job *j = (void *)job;
	const struct order *o = &orders[j->kind];
	struct engine *e = job->e;
	struct entry *en = engine_entry(e, job->op.vm_id);
	const struct slot key = {.kind = j->kind, .place = j->place, .op = j->op};
	struct result r = {.ev = {.kind = o->event,
				  .op = j->op,
				  .place = j->place,
				  .ok = job->op.ok,
				  .permanent = job->op.permanent}};

	if (!en)
		return;
	engine_slot_done(en, &key, o->pause_ms(e), o->backoff);
	if (!host_job_is_current(job)) /* its result may be outdated */
		return;
	(void)vrs_strcpy(r.ev.text, sizeof(r.ev.text), job->op.text);
	(void)snprintf(r.ev.by, sizeof(r.ev.by), "%.80s", j->place.host);
	if (o->result)
		o->result(en, j, &r);
	(void)engine_feed(e, en, &r.ev, &r.load);
	for (size_t i = 0; i < RELOC_MAX_COPIES; i++)
		engine_disks_free(r.load.disk[i], r.load.n_disks[i]);
	engine_pump_soon(e);
}

/* --- executing an order --- */

static bool is_asked(const struct entry *en)
{
	for (size_t i = 0; i < MAX_SLOTS; i++)
		if (en->slot[i].busy && en->slot[i].kind == RELOC_DO_HEALTH)
			return true;
	return false;
}

static void order_host(struct engine *e, struct entry *en, const struct reloc_order *o,
		       struct host *h)
{
	struct slot *s = engine_slot(en, o);

	if (!s)
		return;
	if (o->kind == RELOC_DO_RECHECK) {
		s->busy = true;
		engine_recheck(e, en, o);
		return;
	}
	const struct order *kind = &orders[o->kind];
	struct order_job *j = host_job_new(sizeof(*j), e, h, kind->op, en->r.vm_id);
	j->kind = o->kind;
	j->place = en->r.copy[o->copy].place;
	j->op = o->op;
	j->job.op.undefine = o->undefine;
	if (kind->prepare && !kind->prepare(en, o, &j->job.op, e)) {
		host_job_free(&j->job);
		return;
	}
	s->busy = true;
	host_job_submit(&j->job, order_done);
}

static void order_fence(struct engine *e, struct entry *en, const struct reloc_order *o,
			struct host *h)
{
	struct reloc_event ev = {.kind = RELOC_FENCE_RESULT,
				 .op = o->op,
				 .place = en->r.copy[o->copy].place};

	if (!engine_fence_waits(h)) {
		engine_fence(e, h);
		return;
	}
	(void)snprintf(ev.text, sizeof(ev.text),
		       "%.64s was switched on and may be booting; it is fenced only if "
		       "it fails again",
		       h->name);
	(void)engine_feed(e, en, &ev, NULL);
}

void engine_order(struct engine *e, struct entry *en, const struct reloc_order *o)
{
	struct host *h = engine_host_of(e, &en->r.copy[o->copy].place);

	if (o->kind == RELOC_DO_TRANSFER)
		engine_transfer_do(e, en);
	else if (o->kind == RELOC_DO_CANCEL_TRANSFER)
		engine_transfer_cancel(e, en);
	else if (o->kind == RELOC_DO_REMOVE)
		engine_remove_do(e, en, o);
	else if (!h)
		return; /* not in site.conf: the deadline of the state resolves it */
	else if (o->spare && is_asked(en))
		return; /* a health check may be in progress */
	else if (o->kind == RELOC_DO_FENCE && engine_has_fence(h))
		order_fence(e, en, o, h);
	else
		order_host(e, en, o, h);
}
