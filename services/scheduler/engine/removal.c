/* Disks that are not needed: a mover removes them when no definition names them. */
#include <stdio.h>
#include <string.h>

#include "engine/parts.h"
#include "vrs/clock.h"
#include "vrs/mem.h"

/* A name that only a relocation of this VM gives (transfers.c). */
static bool is_ours(const char *path, const char *vm_id)
{
	const char *name = strrchr(path, '/');
	char mark[24];

	(void)snprintf(mark, sizeof(mark), "-%.8s-r", vm_id);
	return name && strstr(name, mark);
}

static bool record_names(const struct entry *en, const struct reloc_place *p,
			 const char *path)
{
	for (uint32_t i = 0; i < en->r.n_copies; i++) {
		const struct reloc_copy *c = &en->r.copy[i];
		size_t n;
		Vrsas__V1__PlacedDisk *const *disk =
			engine_disks_of(en->msg, &c->place, &n);

		if (c->remove || strcmp(c->place.cluster, p->cluster) != 0)
			continue;
		for (size_t k = 0; k < n; k++)
			if (strcmp(disk[k]->path, path) == 0)
				return true;
	}
	return false;
}

/* Why this disk must not be removed now; NULL: it may be. */
static const char *objection(struct engine *e, const struct fleet *w,
			     const struct entry *en, const struct reloc_place *p,
			     const char *path)
{
	if (!is_ours(path, en->r.vm_id))
		return "its name was not given by a relocation";
	for (size_t i = 0; i < w->n_vms; i++)
		for (size_t k = 0; k < w->vm[i].facts->n_disk; k++)
			if (strcmp(w->vm[i].facts->disk[k]->path, path) == 0)
				return "a VM definition uses it";
	for (size_t i = 0; i < engine_n_entries(e); i++)
		if (record_names(engine_nth_entry(e, i), p, path))
			return "a relocation needs it";
	return NULL;
}

/* The cluster's inventory is newer than the removal of the definition. */
static bool inventory_is_new(const struct fleet *w, const struct reloc_copy *c,
			     int64_t since_ms)
{
	const struct fleet_cluster *wc = fleet_cluster(w, c->place.cluster);
	const struct fleet_host *wh = fleet_host(w, c->place.cluster, c->place.host);
	int64_t after_ms = c->proof_at_ms > since_ms ? c->proof_at_ms : since_ms;

	return wc && wc->collector_alive && wh && wh->inventory_at_ms > after_ms;
}

bool engine_may_remove(struct engine *e, const struct fleet *w, const struct entry *en,
		       uint32_t copy, const char **ret_why)
{
	const struct reloc *r = &en->r;
	const struct reloc_copy *c = &r->copy[copy];
	size_t n;
	Vrsas__V1__PlacedDisk *const *disk = engine_disks_of(en->msg, &c->place, &n);

	*ret_why = NULL;
	if (!c->remove || copy == 0 || copy == r->active || copy == r->good)
		*ret_why = "it is not marked for removal";
	else if (!inventory_is_new(w, c, r->fb_alive_ms))
		*ret_why = "a new inventory of its cluster is awaited";
	for (size_t i = 0; i < n && !*ret_why; i++)
		*ret_why = objection(e, w, en, &c->place, disk[i]->path);
	return !*ret_why;
}

static void removed(struct engine *e, struct entry *en, const struct reloc_place *p,
		    uint64_t op)
{
	struct reloc_event ev = {
		.kind = RELOC_REMOVED, .op = op, .place = *p, .ok = true};

	(void)snprintf(ev.text, sizeof(ev.text),
		       "its unneeded disks on %s/%s are removed", p->cluster, p->host);
	(void)engine_feed(e, en, &ev, NULL);
}

/* Follows the job of this slot. False: it must be assigned (again). */
static bool under_way(struct engine *e, struct entry *en, struct slot *s, const char *job)
{
	bool known;
	Vrsas__V1__TransferStatus *st = engine_transfer_status(e, job, &known);
	bool silent = vrs_now_mono_ms() - s->handed_mono_ms >
		      4 * engine_conf(e)->mover_silent_ms;

	if (!known || !st || st->token != s->token) {
		vrsas__v1__transfer_status__free_unpacked(st, NULL);
		return !known || !silent;
	}
	bool over = true;
	switch (st->state) {
	case VRSAS__V1__TRANSFER_STATE__TRANSFER_STATE_DONE:
		removed(e, en, &s->place, s->op);
		break;
	case VRSAS__V1__TRANSFER_STATE__TRANSFER_STATE_FAILED:
	case VRSAS__V1__TRANSFER_STATE__TRANSFER_STATE_CANCELLED:
		log_warn("removing disks failed, retry in %d s: %s vm=%s host=%s",
			 ENGINE_REMOVE_RETRY_MS / 1000, st->error, en->r.vm_name,
			 s->place.host);
		s->token = 0;
		s->again_mono_ms = vrs_now_mono_ms() + ENGINE_REMOVE_RETRY_MS;
		break;
	default:
		over = !silent;
		break;
	}
	vrsas__v1__transfer_status__free_unpacked(st, NULL);
	return over;
}

static void handed(void *arg, const ProtobufCMessage *reply, const struct vrs_err *err)
{
	const Vrsas__V1__TransferAccept *a = (const void *)reply;

	(void)arg;
	if (!a || !a->accepted)
		log_info("no mover accepted a removal, will retry: %s",
			 a ? a->reason : err->text);
}

static void hand_out(struct engine *e, const struct entry *en, uint32_t copy,
		     struct slot *s, const char *job_id)
{
	Vrsas__V1__TransferJob job = VRSAS__V1__TRANSFER_JOB__INIT;
	const struct reloc_copy *c = &en->r.copy[copy];
	const char *target[ENGINE_MAX_ENDS], *path[VRS_HV_MAX_DISKS];
	size_t n;
	Vrsas__V1__PlacedDisk *const *disk = engine_disks_of(en->msg, &c->place, &n);
	struct vrs_err err = {0};

	if (n > VRS_HV_MAX_DISKS)
		n = VRS_HV_MAX_DISKS;
	for (size_t i = 0; i < n; i++)
		path[i] = disk[i]->path;
	s->token = engine_removal_token(e);
	s->handed_mono_ms = vrs_now_mono_ms();
	job.job_id = job_id;
	job.token = s->token;
	job.vm_id = en->r.vm_id;
	job.vm_name = en->r.vm_name;
	job.source_cluster = job.target_cluster = c->place.cluster;
	job.n_target = engine_ends_of(e, c, target);
	job.target = (void *)target;
	job.n_remove_path = n;
	job.remove_path = (void *)path;
	if (engine_ask_mover(e, &job, handed, NULL, &err) < 0) {
		log_warn("removal not sent to a mover: %s vm=%s", err.text,
			 en->r.vm_name);
		s->token = 0;
	}
}

void engine_remove_do(struct engine *e, struct entry *en, const struct reloc_order *o)
{
	struct slot *s = engine_slot(en, o);
	const struct reloc_place place = en->r.copy[o->copy].place;
	const char *why;
	char job[160];
	size_t n;

	if (!s)
		return;
	(void)snprintf(job, sizeof(job), "%.100s-rm%llu-%u", en->r.vm_id,
		       (unsigned long long)o->op, o->copy);
	s->again_mono_ms = vrs_now_mono_ms() + engine_conf(e)->tick_ms;
	if (s->token && under_way(e, en, s, job))
		return;
	(void)engine_disks_of(en->msg, &place, &n);
	if (n == 0) { /* nothing was ever placed there */
		removed(e, en, &place, o->op);
		return;
	}
	struct fleet *w = engine_last_fleet(e);
	if (!w)
		return;
	if (engine_may_remove(e, w, en, o->copy, &why)) {
		hand_out(e, en, o->copy, s, job);
		return;
	}
	if (s->tries++ == 30)
		log_warn("not removing disks: %s vm=%s host=%s/%s", why, en->r.vm_name,
			 place.cluster, place.host);
}
