/* Orders become jobs on lanes; what came of a job becomes an event. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/base.h"
#include "vrs/mem.h"

/* --- slots: what is under way, and when it may be tried again --- */

static bool slot_is(const struct slot *s, enum reloc_order_kind kind,
		    const struct reloc_place *place, uint64_t op)
{
	return s->used && s->kind == kind && s->op == op &&
	       strcmp(s->place.cluster, place->cluster) == 0 &&
	       strcmp(s->place.host, place->host) == 0;
}

/* The slot to do this order in; NULL: it is under way, or its time has not come. */
struct slot *engine_slot(struct entry *en, const struct reloc_order *o)
{
	const struct reloc_place *place = &en->r.copy[o->copy].place;
	struct slot *open = NULL;

	for (size_t i = 0; i < MAX_SLOTS; i++) {
		struct slot *s = &en->slot[i];

		if (slot_is(s, o->kind, place, o->op))
			return s->busy || s->again_mono_ms > engine_mono() ? NULL : s;
		if (!s->used || (!s->busy && s->op != o->op))
			open = s;
	}
	if (!open)
		return NULL; /* older jobs have not come back: later */
	*open = (struct slot){
		.used = true, .kind = o->kind, .place = *place, .op = o->op};
	return open;
}

void engine_slot_done(struct entry *en, enum reloc_order_kind kind,
		      const struct reloc_place *place, uint64_t op, int64_t again_ms)
{
	for (size_t i = 0; i < MAX_SLOTS; i++) {
		struct slot *s = &en->slot[i];

		if (!slot_is(s, kind, place, op))
			continue;
		s->busy = false;
		/* what fails at once shall not be asked without a pause */
		int64_t factor = s->tries < 4 ? 1 : s->tries < 10 ? 3 : 10;
		s->tries++;
		s->again_mono_ms = engine_mono() + again_ms * factor;
	}
}

/* --- a job for one copy --- */

struct job {
	struct engine *e;
	struct act_job act;
	enum reloc_order_kind kind;
	struct reloc_place place;
	uint64_t op;
};

static void job_work(void *arg)
{
	struct job *j = arg;

	act_run(&j->act);
}

static struct job *job_new(struct engine *e, const struct entry *en, struct host *h,
			   enum act_kind kind, const struct reloc_order *o)
{
	struct job *j = vrs_calloc(1, sizeof(*j));

	j->e = e;
	j->kind = o->kind;
	j->place = en->r.copy[o->copy].place;
	j->op = o->op;
	j->act.kind = kind;
	j->act.host = &h->act;
	j->act.rules = &e->act;
	j->act.lease = &e->lanes_lease;
	j->act.lease_token = e->lease.token;
	(void)vrs_strcpy(j->act.vm_id, sizeof(j->act.vm_id), en->r.vm_id);
	return j;
}

static void job_free(struct job *j)
{
	act_job_fini(&j->act);
	free(j);
}

static void submit(struct job *j, const char *what, const char *where,
		   void (*done)(void *arg))
{
	char lane[320];

	(void)snprintf(lane, sizeof(lane), "%s:%s", what, where);
	vrs_workers_submit(j->e->workers, lane, job_work, done, j);
}

static void lane_name(const struct reloc_place *p, char *buf, size_t size)
{
	(void)snprintf(buf, size, "%s/%s", p->cluster, p->host);
}

static struct reloc_event answer(const struct job *j, enum reloc_event_kind kind)
{
	struct reloc_event ev = {
		.kind = kind,
		.op = j->op,
		.place = j->place,
		.ok = j->act.ok,
		.permanent = j->act.permanent,
	};

	(void)vrs_strcpy(ev.text, sizeof(ev.text), j->act.text);
	(void)snprintf(ev.by, sizeof(ev.by), "%.80s", j->place.host);
	return ev;
}

static int64_t pause_after(const struct engine *e, enum reloc_order_kind kind)
{
	int64_t tick_ms = e->conf.tick_ms;

	switch (kind) {
	case RELOC_DO_FENCE:
		return e->conf.fence_retry_ms;
	case RELOC_DO_HEALTH:
		return e->conf.health_retry_ms;
	case RELOC_DO_QUARANTINE:
	case RELOC_DO_CLEAN:
		return 2 * tick_ms;
	default:
		return tick_ms;
	}
}

/* --- the other orders --- */

static enum reloc_event_kind event_of(enum reloc_order_kind kind)
{
	switch (kind) {
	case RELOC_DO_FENCE:
		return RELOC_FENCE_RESULT;
	case RELOC_DO_STOP:
	case RELOC_DO_KILL:
		return RELOC_STOPPED;
	case RELOC_DO_RESERVE:
		return RELOC_RESERVED;
	case RELOC_DO_DEFINE:
		return RELOC_DEFINED;
	case RELOC_DO_START:
		return RELOC_STARTED;
	case RELOC_DO_HEALTH:
		return RELOC_HEALTH;
	case RELOC_DO_LOOK:
		return RELOC_LOOKED;
	case RELOC_DO_QUARANTINE:
		return RELOC_QUARANTINED;
	default:
		return RELOC_CLEANED;
	}
}

/* Health, when the question went to the hypervisor: crashed or off is an answer too; and
 * without a health address, running for a while is all that can be known. */
static void health_by_state(struct engine *e, struct entry *en, const struct job *j,
			    struct reloc_event *ev)
{
	bool by_address = en->msg->vm && en->msg->vm->health[0];
	int64_t now_ms = engine_mono();

	ev->ok = ev->permanent = false;
	if (!j->act.ok)
		return;
	if (!j->act.exists || j->act.state == VRS_HV_OFF ||
	    j->act.state == VRS_HV_CRASHED) {
		ev->permanent = true;
		(void)snprintf(ev->text, sizeof(ev->text), "its hypervisor says %s",
			       j->act.exists ? vrs_hv_state_name(j->act.state)
					     : "that it is gone");
		en->running_mono_ms = 0;
	} else if (j->act.state == VRS_HV_RUNNING && !by_address) {
		if (!en->running_mono_ms)
			en->running_mono_ms = now_ms;
		ev->ok = now_ms - en->running_mono_ms >= e->conf.settle_ms;
		(void)snprintf(ev->text, sizeof(ev->text),
			       "it has no health address; its hypervisor says that it "
			       "has been running for %lld s",
			       (long long)((now_ms - en->running_mono_ms) / 1000));
	}
}

static void job_done(void *arg)
{
	struct job *j = arg;
	struct engine *e = j->e;
	struct entry *en = engine_entry(e, j->act.vm_id);
	struct reloc_event ev = answer(j, event_of(j->kind));
	struct record_load load = {0};
	Vrsas__V1__PlacedDisk **disk = NULL;
	size_t n_disks = 0;

	if (!en) {
		job_free(j);
		return;
	}
	engine_slot_done(en, j->kind, &j->place, j->op, pause_after(e, j->kind));
	if (j->act.lease_token != e->lease.token) { /* what it saw may be long over */
		job_free(j);
		return;
	}
	switch (j->kind) {
	case RELOC_DO_FENCE: /* without a power controller: by its hypervisor */
		ev.proof = j->act.ok ? RELOC_F3_ATTESTED : RELOC_NO_PROOF;
		break;
	case RELOC_DO_LOOK:
		ev.seen = act_seen(&j->act);
		break;
	case RELOC_DO_KILL:
		ev.seen = j->act.was_on ? RELOC_SEEN_ON : RELOC_SEEN_OFF;
		if (j->act.spared) {
			ev.kind = RELOC_HEALTH;
			ev.ok = true;
		}
		break;
	case RELOC_DO_QUARANTINE:
	case RELOC_DO_CLEAN:
		if (act_is_on(&j->act)) /* paused, too: it could go on */
			ev.kind = RELOC_SEEN_RUNNING;
		else if (j->kind == RELOC_DO_CLEAN && ev.ok)
			(void)snprintf(ev.text, sizeof(ev.text),
				       "the copy on %s/%s is undefined", j->place.cluster,
				       j->place.host);
		break;
	case RELOC_DO_HEALTH:
		if (j->act.kind == ACT_STATE)
			health_by_state(e, en, j, &ev);
		break;
	case RELOC_DO_RESERVE:
		if (ev.ok && en->r.op == j->op && en->r.target >= 0) {
			uint32_t t = (uint32_t)en->r.target;

			disk = engine_place_disks(e, &en->r, en->msg, t, &n_disks);
			load.disk[t] = disk;
			load.n_disks[t] = n_disks;
		}
		break;
	default:
		break;
	}
	(void)engine_feed(e, en, &ev, &load);
	engine_disks_free(disk, n_disks);
	job_free(j);
	engine_pump(e);
}

static void add_definition(const struct engine *e, const struct entry *en,
			   const struct reloc_order *o, struct job *j)
{
	const struct reloc_place *p = &en->r.copy[o->copy].place;
	size_t n;
	Vrsas__V1__PlacedDisk *const *disk = engine_disks_of(en->msg, p, &n);

	if (!en->msg->vm)
		return;
	j->act.vm = act_vm_new(en->msg->vm);
	if (o->copy == 0)
		return; /* at home: as it was found */
	if (n != j->act.vm->n_disks)
		n = 0;
	j->act.move = act_move_new(vrs_site_cluster(e->site, en->r.copy[0].place.cluster),
				   vrs_site_cluster(e->site, p->cluster), disk, n);
}

static void add_needs(const struct engine *e, const struct entry *en,
		      const struct reloc_place *p, struct job *j)
{
	const struct vrs_site_host *host = vrs_site_host(e->site, p->cluster, p->host);
	const struct vrs_site_cluster *cluster = vrs_site_cluster(e->site, p->cluster);
	const char *images = host && host->images && *host->images ? host->images
			     : cluster                             ? cluster->images
								   : "";

	(void)vrs_strcpy(j->act.images, sizeof(j->act.images), images);
	if (!en->msg->vm)
		return;
	j->act.disk_bytes = fleet_vm_disk_bytes(en->msg->vm);
	j->act.ram_bytes = en->msg->vm->ram_bytes;
}

/* The guest's own word first; every other time its hypervisor's, so that a crashed one is
 * not waited for. */
static void ask_health(struct engine *e, struct entry *en, struct host *h,
		       const struct reloc_order *o, struct slot *s)
{
	bool by_address = en->msg->vm && en->msg->vm->health[0] && s->tries % 4 != 3;
	struct job *j = job_new(e, en, h, by_address ? ACT_HEALTH : ACT_STATE, o);
	char where[160];

	if (by_address) {
		(void)vrs_strcpy(j->act.health, sizeof(j->act.health),
				 en->msg->vm->health);
		submit(j, "health", en->r.vm_id, job_done);
		return;
	}
	lane_name(&j->place, where, sizeof(where));
	submit(j, "hv", where, job_done);
}

static bool is_asked(const struct entry *en)
{
	for (size_t i = 0; i < MAX_SLOTS; i++)
		if (en->slot[i].busy && en->slot[i].kind == RELOC_DO_HEALTH)
			return true;
	return false;
}

void engine_do(struct engine *e, struct entry *en, const struct reloc_order *o)
{
	const struct reloc_place *p = &en->r.copy[o->copy].place;
	struct host *h = engine_host_of(e, p);
	char where[160];
	struct job *j;

	if (o->kind == RELOC_DO_TRANSFER) {
		engine_transfer_do(e, en);
		return;
	}
	if (o->kind == RELOC_DO_CANCEL_TRANSFER) {
		engine_transfer_cancel(e, en);
		return;
	}
	if (o->kind == RELOC_DO_REMOVE) {
		engine_remove_do(e, en, o);
		return;
	}
	if (!h) /* nobody has described it: the deadline leads out */
		return;
	if (o->spare && is_asked(en))
		return; /* its word may be on its way */
	if (o->kind == RELOC_DO_FENCE && h->site->fence && *h->site->fence) {
		engine_fence(e, h);
		return;
	}
	struct slot *s = engine_slot(en, o);
	if (!s)
		return;
	s->busy = true;
	lane_name(p, where, sizeof(where));
	switch (o->kind) {
	case RELOC_DO_RECHECK:
		engine_recheck(e, en, o);
		return;
	case RELOC_DO_HEALTH:
		ask_health(e, en, h, o, s);
		return;
	case RELOC_DO_FENCE:
		j = job_new(e, en, h, ACT_FENCE, o);
		break;
	case RELOC_DO_STOP:
		j = job_new(e, en, h, ACT_STOP, o);
		break;
	case RELOC_DO_KILL:
		j = job_new(e, en, h, ACT_KILL, o);
		j->act.spare = o->spare;
		if (o->spare && en->msg->vm)
			(void)vrs_strcpy(j->act.health, sizeof(j->act.health),
					 en->msg->vm->health);
		break;
	case RELOC_DO_RESERVE:
		j = job_new(e, en, h, ACT_RESERVE, o);
		add_needs(e, en, p, j);
		break;
	case RELOC_DO_DEFINE:
	case RELOC_DO_START:
		j = job_new(e, en, h, o->kind == RELOC_DO_START ? ACT_START : ACT_DEFINE,
			    o);
		add_definition(e, en, o, j);
		if (!j->act.vm) {
			s->busy = false;
			job_free(j);
			return;
		}
		break;
	case RELOC_DO_LOOK:
		j = job_new(e, en, h, ACT_STATE, o);
		break;
	default:
		j = job_new(e, en, h, ACT_QUARANTINE, o);
		break;
	}
	j->act.undefine = o->undefine;
	submit(j, "hv", where, job_done);
}
