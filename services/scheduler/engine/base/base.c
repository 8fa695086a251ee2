/* What every part of the engine looks up: the time, a host, a record, a copy's disks, and
 * whether an order may be carried out now. */
#include "engine/base/state.h"

#include <string.h>

#include "vrs/clock.h"
#include "vrs/loop.h"
#include "vrs/mem.h"

/* A lease that may have run out is not relied on; the store would refuse us anyway. */
bool engine_may_act(const struct engine *e)
{
	return e->lease.token != 0 && e->loaded &&
	       vrs_now_mono_ms() < e->lease_until_mono_ms;
}

uint64_t engine_lease_token(const struct engine *e)
{
	return e->lease.token;
}

uint64_t engine_removal_token(struct engine *e)
{
	return (e->lease.token << 20) + ++e->removals;
}

const struct engine_conf *engine_conf(const struct engine *e)
{
	return &e->conf;
}

const struct vrs_site *engine_site(const struct engine *e)
{
	return e->site;
}

struct vrs_store *engine_store(const struct engine *e)
{
	return e->svc->store;
}

void engine_store_trouble(struct engine *e, const char *text)
{
	vrs_complain(&e->store_complaint, VRS_WARN, "%s", text);
}

struct counters *engine_counts(struct engine *e)
{
	return &e->counters;
}

int engine_ask_mover(struct engine *e, const Vrsas__V1__TransferJob *job,
		     vrs_req_done_fn fn, void *arg, struct vrs_err *err)
{
	return vrs_req_send(e->req, &job->base, 2 * e->conf.mover_silent_ms, fn, arg,
			    err);
}

int engine_load_fleet(struct engine *e, bool fresh, struct fleet **ret,
		      struct vrs_err *err)
{
	return fleet_load(e->loader, fresh, ret, err);
}

struct fleet *engine_last_fleet(const struct engine *e)
{
	return e->loader ? fleet_loader_last(e->loader) : NULL;
}

void engine_pump_soon(struct engine *e)
{
	if (e->pump && !e->pump_due)
		e->pump_due = vrs_loop_after(e->svc->loop, 0, e->pump, e);
}

/* --- hosts --- */

struct reloc_place engine_place(const char *cluster, const char *host)
{
	struct reloc_place p = {0};

	(void)vrs_strcpy(p.cluster, sizeof(p.cluster), cluster);
	(void)vrs_strcpy(p.host, sizeof(p.host), host);
	return p;
}

struct reloc_place engine_place_of(const struct host *h)
{
	return engine_place(h->cluster, h->name);
}

size_t engine_n_hosts(const struct engine *e)
{
	return e->n_hosts;
}

struct host *engine_nth_host(const struct engine *e, size_t i)
{
	return &e->host[i];
}

struct host *engine_host_of(const struct engine *e, const struct reloc_place *p)
{
	for (size_t i = 0; i < e->n_hosts; i++)
		if (strcmp(e->host[i].cluster, p->cluster) == 0 &&
		    strcmp(e->host[i].name, p->host) == 0)
			return &e->host[i];
	return NULL;
}

struct host *engine_host_at(struct engine *e, const struct fleet *w,
			    const struct fleet_host *wh)
{
	const struct reloc_place p = engine_place(fleet_cluster_name(w, wh), wh->name);

	return engine_host_of(e, &p);
}

bool engine_has_fence(const struct host *h)
{
	return h->site->fence && *h->site->fence;
}

void engine_mark_lives(struct engine *e, struct fleet *w)
{
	for (size_t i = 0; i < e->n_hosts; i++) {
		const struct host *h = &e->host[i];
		struct fleet_host *wh = fleet_host(w, h->cluster, h->name);

		if (!wh)
			continue;
		switch (h->memory.verdict) {
		case DETECTOR_SUSPECT:
		case DETECTOR_BRAKE:
			wh->life = FLEET_SUSPECT;
			break;
		case DETECTOR_DOWN_LIKELY:
			wh->life = FLEET_DOWN;
			break;
		case DETECTOR_BACK:
			wh->life = FLEET_BACK;
			break;
		default:
			if (h->handled && h->memory.up_since_ms == 0)
				wh->life = FLEET_DOWN;
			break;
		}
	}
}

/* --- records --- */

size_t engine_n_entries(const struct engine *e)
{
	return e->n_entries;
}

struct entry *engine_nth_entry(const struct engine *e, size_t i)
{
	return e->entry[i];
}

struct entry *engine_entry(const struct engine *e, const char *vm_id)
{
	for (size_t i = 0; i < e->n_entries; i++)
		if (strcmp(e->entry[i]->r.vm_id, vm_id) == 0)
			return e->entry[i];
	return NULL;
}

Vrsas__V1__PlacedDisk *const *engine_disks_of(const Vrsas__V1__Relocation *msg,
					      const struct reloc_place *p, size_t *ret_n)
{
	for (size_t i = 0; i < msg->n_copy; i++)
		if (strcmp(msg->copy[i]->cluster, p->cluster) == 0 &&
		    strcmp(msg->copy[i]->host, p->host) == 0) {
			*ret_n = msg->copy[i]->n_disk;
			return msg->copy[i]->disk;
		}
	*ret_n = 0;
	return NULL;
}

const Vrsas__V1__VmFacts *engine_facts_at(const struct fleet *w, const char *vm_id,
					  const struct reloc_place *p)
{
	const struct fleet_host *h = fleet_host(w, p->cluster, p->host);

	return h ? fleet_vm_at(w, h, vm_id) : NULL;
}

bool engine_not_listed(const struct fleet *w, const struct entry *en)
{
	const struct reloc_place *home = &en->r.copy[0].place;
	const struct fleet_host *h = fleet_host(w, home->cluster, home->host);

	if (en->r.state != RELOC_PROTECTED || !h ||
	    h->inventory_at_ms <= en->r.since_ms || h->inventory_at_ms == 0)
		return false;
	for (size_t i = 0; i < w->n_vms; i++)
		if (strcmp(w->vm[i].facts->id, en->r.vm_id) == 0)
			return false;
	return true;
}

bool engine_left_alone(const struct fleet *w, const struct entry *en,
		       const Vrsas__V1__VmFacts **ret_vm)
{
	const Vrsas__V1__VmFacts *vm =
		engine_facts_at(w, en->r.vm_id, &en->r.copy[0].place);

	if (ret_vm)
		*ret_vm = vm;
	if (en->r.state != RELOC_PROTECTED)
		return false;
	if (!vm)
		return engine_not_listed(w, en);
	return !vm->protect || vm->state == VRSAS__V1__VM_STATE__VM_STATE_OFF;
}

/* --- orders in progress, and when a retry is due --- */

static bool slot_is(const struct slot *s, enum reloc_order_kind kind,
		    const struct reloc_place *place, uint64_t op)
{
	return s->used && s->kind == kind && s->op == op &&
	       strcmp(s->place.cluster, place->cluster) == 0 &&
	       strcmp(s->place.host, place->host) == 0;
}

struct slot *engine_slot(struct entry *en, const struct reloc_order *o)
{
	const struct reloc_place *place = &en->r.copy[o->copy].place;
	struct slot *open = NULL;

	for (size_t i = 0; i < MAX_SLOTS; i++) {
		struct slot *s = &en->slot[i];

		if (slot_is(s, o->kind, place, o->op))
			return s->busy || s->again_mono_ms > vrs_now_mono_ms() ? NULL : s;
		if (!s->used || (!s->busy && s->op != o->op))
			open = s;
	}
	if (!open)
		return NULL; /* jobs of earlier orders are still running */
	*open = (struct slot){
		.used = true, .kind = o->kind, .place = *place, .op = o->op};
	return open;
}

void engine_slot_done(struct entry *en, const struct slot *key, int64_t pause_ms,
		      bool backoff)
{
	for (size_t i = 0; i < MAX_SLOTS; i++) {
		struct slot *s = &en->slot[i];

		if (!slot_is(s, key->kind, &key->place, key->op))
			continue;
		s->busy = false;
		int64_t factor = !backoff || s->tries < 4 ? 1 : s->tries < 10 ? 3 : 10;
		s->tries++;
		s->again_mono_ms = vrs_now_mono_ms() + pause_ms * factor;
	}
}
