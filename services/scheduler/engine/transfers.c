/* Transfers: which disks go where, the job for a mover, and its progress. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/parts.h"
#include "vrs/clock.h"
#include "vrs/keys.h"
#include "vrs/mem.h"

/* --- disks --- */

static char *disk_path(const struct engine *e, const struct reloc *r, uint32_t target,
		       const char *format, size_t i)
{
	const struct reloc_place *p = &r->copy[target].place;
	const struct vrs_site_host *h =
		vrs_site_host(engine_site(e), p->cluster, p->host);
	const struct vrs_site_cluster *c = vrs_site_cluster(engine_site(e), p->cluster);
	const char *images = h && h->images && *h->images ? h->images
			     : c && c->images             ? c->images
							  : "/var/lib/libvirt/images";

	/* a name of its own for each relocation: what an older one left there is neither
	 * overwritten nor in the way */
	return vrs_asprintf("%s/%s-%.8s-r%llu-%zu.%s", images, r->vm_name, r->vm_id,
			    (unsigned long long)r->op, i, format);
}

/* The disks that stayed there when it last came home, if all of them
 * can be built upon. */
static Vrsas__V1__PlacedDisk *const *seed_at(const struct reloc *r,
					     const Vrsas__V1__Relocation *msg,
					     uint32_t target,
					     const struct vrs_site_cluster *c)
{
	size_t n, n_seed;
	Vrsas__V1__PlacedDisk *const *from =
		engine_disks_of(msg, &r->copy[r->good].place, &n);
	Vrsas__V1__PlacedDisk *const *seed =
		engine_disks_of(msg, &r->copy[target].place, &n_seed);

	if (!r->copy[target].seed || n_seed != n)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		const char *format =
			c && c->format && *c->format ? c->format : from[i]->format;

		if (!seed[i]->content_hash[0] || strcmp(seed[i]->format, format) != 0 ||
		    seed[i]->virtual_bytes != from[i]->virtual_bytes)
			return NULL;
	}
	return seed;
}

Vrsas__V1__PlacedDisk **engine_place_disks(const struct engine *e, const struct reloc *r,
					   const Vrsas__V1__Relocation *msg,
					   uint32_t target, size_t *ret_n)
{
	const struct vrs_site_cluster *c =
		vrs_site_cluster(engine_site(e), r->copy[target].place.cluster);
	size_t n;
	Vrsas__V1__PlacedDisk *const *from =
		engine_disks_of(msg, &r->copy[r->good].place, &n);
	Vrsas__V1__PlacedDisk **list = vrs_calloc(n + 1, sizeof(*list));
	Vrsas__V1__PlacedDisk *const *seed = seed_at(r, msg, target, c);

	if (r->copy[target].seed && !seed)
		log_warn("disks kept for a later failover cannot be reused; remove them "
			 "by hand vm=%s host=%s",
			 r->vm_name, r->copy[target].place.host);
	for (size_t i = 0; i < n; i++) {
		Vrsas__V1__PlacedDisk *d = list[i] = vrs_calloc(1, sizeof(*d));
		const char *format =
			c && c->format && *c->format ? c->format : from[i]->format;

		vrsas__v1__placed_disk__init(d);
		d->path = seed ? vrs_strdup(seed[i]->path)
			       : disk_path(e, r, target, format, i);
		if (seed)
			d->content_hash = vrs_strdup(seed[i]->content_hash);
		d->format = vrs_strdup(format);
		d->bus = vrs_strdup(c && c->disk_bus && *c->disk_bus ? c->disk_bus
								     : from[i]->bus);
		d->target = vrs_strdup(from[i]->target);
		d->virtual_bytes = from[i]->virtual_bytes;
		d->shared = c && c->shared_storage ? VRSAS__V1__ANSWER__ANSWER_YES
						   : VRSAS__V1__ANSWER__ANSWER_NO;
	}
	*ret_n = n;
	return list;
}

void engine_disks_free(Vrsas__V1__PlacedDisk **disk, size_t n)
{
	for (size_t i = 0; disk && i < n; i++)
		vrsas__v1__placed_disk__free_unpacked(disk[i], NULL);
	free(disk);
}

/* --- assigning --- */

/* Hosts that can reach the disks of a copy: its own while it is alive, and, on shared
 * storage, the other live hosts of its cluster. */
size_t engine_ends_of(struct engine *e, const struct reloc_copy *c, const char **ret)
{
	const struct vrs_site_cluster *cluster =
		vrs_site_cluster(engine_site(e), c->place.cluster);
	const struct host *own = engine_host_of(e, &c->place);
	size_t n = 0;

	if (own && c->alive && own->site->ssh && *own->site->ssh)
		ret[n++] = own->site->ssh;
	if (n > 0 && (!cluster || !cluster->shared_storage))
		return n;
	for (int round = 0; round < 2; round++) /* those that surely live come first */
		for (size_t i = 0; i < engine_n_hosts(e) && n < ENGINE_MAX_ENDS; i++) {
			const struct host *h = engine_nth_host(e, i);
			bool lives = h->memory.verdict == DETECTOR_OK && !h->handled;

			if (h == own || strcmp(h->cluster, c->place.cluster) != 0 ||
			    !h->site->ssh || !*h->site->ssh || lives != (round == 0) ||
			    h->memory.verdict == DETECTOR_DOWN_LIKELY || h->handled)
				continue;
			ret[n++] = h->site->ssh;
		}
	return n;
}

struct handing {
	struct engine *e;
	char vm_id[132];
	uint64_t job, token;
};

static void handed(void *arg, const ProtobufCMessage *reply, const struct vrs_err *err)
{
	struct handing *h = arg;
	const Vrsas__V1__TransferAccept *a = (const void *)reply;
	struct entry *en = engine_entry(h->e, h->vm_id);

	if (en && en->handed_job == h->job && en->handed_token == h->token) {
		en->handing = false;
		en->accepted = a && a->accepted;
		en->handed_mono_ms = vrs_now_mono_ms();
		if (en->accepted)
			log_info("transfer accepted vm=%s job=%llu token=%llu mover=%s",
				 en->r.vm_name, (unsigned long long)h->job,
				 (unsigned long long)h->token, a->mover);
		else
			log_warn("no mover accepted the transfer, retry in %lld ms: %s "
				 "vm=%s",
				 (long long)engine_conf(h->e)->tick_ms,
				 a ? a->reason : err->text, en->r.vm_name);
	}
	free(h);
}

/* Everything that the job message borrows. */
struct job_parts {
	const char *source[ENGINE_MAX_ENDS], *target[ENGINE_MAX_ENDS];
	Vrsas__V1__DiskCopy copy[VRS_HV_MAX_DISKS], *copies[VRS_HV_MAX_DISKS];
};

static size_t disk_copies(const struct entry *en, struct job_parts *k)
{
	const struct reloc *r = &en->r;
	size_t n_from, n_to;
	Vrsas__V1__PlacedDisk *const *from =
		engine_disks_of(en->msg, &r->copy[r->good].place, &n_from);
	Vrsas__V1__PlacedDisk *const *to =
		engine_disks_of(en->msg, &r->copy[r->target].place, &n_to);
	size_t n = n_from < n_to ? n_from : n_to;

	if (n > VRS_HV_MAX_DISKS)
		n = VRS_HV_MAX_DISKS;
	for (size_t i = 0; i < n; i++) {
		Vrsas__V1__DiskCopy *d = &k->copy[i];

		vrsas__v1__disk_copy__init(d);
		d->source_path = from[i]->path;
		d->source_format = from[i]->format;
		d->target_path = to[i]->path;
		d->target_format = to[i]->format;
		d->virtual_bytes = from[i]->virtual_bytes;
		/* home, or to a seed: changed blocks only */
		if (r->target == 0 || to[i]->content_hash[0]) {
			d->base_path = to[i]->path;
			d->base_hash = to[i]->content_hash;
		}
		k->copies[i] = d;
	}
	return n;
}

/* The most urgent class first; among equals, VMs that are down before running ones. */
static uint32_t priority_of(const struct entry *en)
{
	uint32_t vm_class = en->msg->vm ? en->msg->vm->vm_class : 0;
	bool runs = en->r.planned || en->r.target == 0;

	return 2 * (vm_class >= 1 && vm_class <= 4 ? 5 - vm_class : 1) + !runs;
}

static void hand_out(struct engine *e, struct entry *en)
{
	Vrsas__V1__TransferJob job = VRSAS__V1__TRANSFER_JOB__INIT;
	const struct reloc *r = &en->r;
	struct job_parts *k = vrs_calloc(1, sizeof(*k));
	struct vrs_err err = {0};

	job.job_id = en->msg->transfer_job;
	job.token = r->token;
	job.vm_id = r->vm_id;
	job.vm_name = r->vm_name;
	job.source_cluster = r->copy[r->good].place.cluster;
	job.target_cluster = r->copy[r->target].place.cluster;
	job.n_source = engine_ends_of(e, &r->copy[r->good], k->source);
	job.source = (void *)k->source;
	job.n_target = engine_ends_of(e, &r->copy[r->target], k->target);
	job.target = (void *)k->target;
	job.n_disk = disk_copies(en, k);
	job.disk = k->copies;
	job.priority = priority_of(en);
	job.rate_limit_bytes_per_s = (uint64_t)engine_conf(e)->rate_limit_bytes_per_s;

	struct handing *h = vrs_calloc(1, sizeof(*h));
	h->e = e;
	h->job = r->job;
	h->token = r->token;
	(void)vrs_strcpy(h->vm_id, sizeof(h->vm_id), r->vm_id);
	en->handed_job = r->job;
	en->handed_token = r->token;
	en->handing = true;
	en->accepted = false;
	en->handed_mono_ms = vrs_now_mono_ms();
	if (engine_ask_mover(e, &job, handed, h, &err) < 0) {
		log_warn("transfer not sent to a mover: %s vm=%s", err.text, r->vm_name);
		en->handing = false;
		free(h);
	}
	free(k);
}

/* --- following --- */

/* The mover's status in Redis; NULL: none. */
Vrsas__V1__TransferStatus *engine_transfer_status(struct engine *e, const char *job,
						  bool *ret_known)
{
	struct vrs_reply *r;
	Vrsas__V1__TransferStatus *st = NULL;

	*ret_known = vrs_store_cmd(engine_store(e), &r, NULL, "HGET %s rec",
				   vrs_key_transfer(job).text) == 0;
	if (!*ret_known)
		return NULL;
	if (r->type == VRS_REPLY_BYTES)
		st = vrsas__v1__transfer_status__unpack(NULL, r->len,
							(const uint8_t *)r->bytes);
	vrs_reply_free(r);
	return st;
}

/* Equal hashes of every disk, each read back from its own side. */
static bool is_proven(const Vrsas__V1__TransferStatus *st, size_t n_disks)
{
	if (st->n_disk != n_disks || n_disks == 0)
		return false;
	for (size_t i = 0; i < n_disks; i++)
		if (!st->disk[i]->source_hash[0] ||
		    strcmp(st->disk[i]->source_hash, st->disk[i]->target_hash) != 0)
			return false;
	return true;
}

/* The disks of one copy with the hashes that were proven now. */
static Vrsas__V1__PlacedDisk **with_hashes(Vrsas__V1__PlacedDisk *const *disk, size_t n,
					   const Vrsas__V1__TransferStatus *st)
{
	Vrsas__V1__PlacedDisk *copy = vrs_calloc(n + 1, sizeof(*copy));
	Vrsas__V1__PlacedDisk **list = vrs_calloc(n + 1, sizeof(*list));

	for (size_t i = 0; i < n; i++) {
		copy[i] = *disk[i];
		copy[i].content_hash = st->disk[i]->source_hash;
		if (copy[i].virtual_bytes == 0)
			copy[i].virtual_bytes = st->disk[i]->virtual_bytes;
		list[i] = &copy[i];
	}
	return list;
}

static void free_list(Vrsas__V1__PlacedDisk **list)
{
	if (list)
		free(list[0]);
	free(list);
}

static void transfer_done(struct engine *e, struct entry *en, struct reloc_event *ev)
{
	const Vrsas__V1__TransferStatus *st = en->status;
	uint32_t good = en->r.good, target = (uint32_t)en->r.target;
	struct record_load load = {0};
	size_t n_good, n_target;
	Vrsas__V1__PlacedDisk *const *from =
		engine_disks_of(en->msg, &en->r.copy[good].place, &n_good);
	Vrsas__V1__PlacedDisk *const *to =
		engine_disks_of(en->msg, &en->r.copy[target].place, &n_target);

	ev->ok = n_good == n_target && is_proven(st, n_good);
	if (ev->ok) {
		load.disk[good] = with_hashes(from, n_good, st);
		load.n_disks[good] = n_good;
		load.disk[target] = with_hashes(to, n_target, st);
		load.n_disks[target] = n_target;
		log_notice("copied and verified vm=%s bytes=%llu resent=%llu",
			   en->r.vm_name, (unsigned long long)st->bytes_sent,
			   (unsigned long long)st->bytes_resent);
	} else {
		(void)vrs_strcpy(ev->text, sizeof(ev->text),
				 "the mover reports done, but the hashes differ");
	}
	(void)engine_feed(e, en, ev, &load);
	free_list(load.disk[good]);
	free_list(load.disk[target]);
}

static void lost(struct engine *e, struct entry *en, const char *why)
{
	struct reloc_event ev = {.kind = RELOC_TRANSFER,
				 .transfer = RELOC_XFER_LOST,
				 .job = en->r.job,
				 .token = en->r.token};

	(void)vrs_strcpy(ev.text, sizeof(ev.text), why);
	(void)engine_feed(e, en, &ev, NULL);
}

static void follow(struct engine *e, struct entry *en)
{
	const Vrsas__V1__TransferStatus *st = en->status;
	struct reloc_event ev = {.kind = RELOC_TRANSFER,
				 .job = en->r.job,
				 .token = en->r.token,
				 .bytes = st->bytes_sent};

	(void)vrs_strcpy(ev.text, sizeof(ev.text), st->error);
	(void)vrs_strcpy(ev.by, sizeof(ev.by), st->mover);
	if (st->beat_at_ms != en->beat_at_ms || en->beat_mono_ms == 0) {
		en->beat_at_ms = st->beat_at_ms;
		en->beat_mono_ms = vrs_now_mono_ms();
	}
	switch (st->state) {
	case VRSAS__V1__TRANSFER_STATE__TRANSFER_STATE_DONE:
		ev.transfer = RELOC_XFER_DONE;
		transfer_done(e, en, &ev);
		return;
	case VRSAS__V1__TRANSFER_STATE__TRANSFER_STATE_FAILED:
	case VRSAS__V1__TRANSFER_STATE__TRANSFER_STATE_CANCELLED:
		ev.transfer = RELOC_XFER_FAILED;
		ev.permanent = st->permanent;
		if (vrs_now_mono_ms() < en->retry_mono_ms)
			return;
		en->xfer_tries += en->xfer_tries < 5;
		en->retry_mono_ms =
			vrs_now_mono_ms() + (engine_conf(e)->tick_ms << en->xfer_tries);
		(void)engine_feed(e, en, &ev, NULL);
		return;
	case VRSAS__V1__TRANSFER_STATE__TRANSFER_STATE_VERIFYING:
		ev.transfer = RELOC_XFER_PROVING;
		ev.bytes = st->bytes_done + st->bytes_compared;
		break;
	case VRSAS__V1__TRANSFER_STATE__TRANSFER_STATE_QUEUED:
	case VRSAS__V1__TRANSFER_STATE__TRANSFER_STATE_PAUSED:
		ev.transfer = RELOC_XFER_WAITING;
		break;
	default:
		ev.transfer = RELOC_XFER_MOVING;
		ev.bytes = st->bytes_done + st->bytes_compared;
		break;
	}
	if (vrs_now_mono_ms() - en->beat_mono_ms >= engine_conf(e)->mover_silent_ms) {
		lost(e, en, "its mover is silent");
		return;
	}
	(void)engine_feed(e, en, &ev, NULL);
}

static void drop_status(struct entry *en)
{
	vrsas__v1__transfer_status__free_unpacked(en->status, NULL);
	en->status = NULL;
}

void engine_transfer_do(struct engine *e, struct entry *en)
{
	const struct reloc *r = &en->r;
	int64_t now_ms = vrs_now_mono_ms();
	bool known;

	if (en->poll_mono_ms && now_ms - en->poll_mono_ms < engine_conf(e)->tick_ms / 2)
		return;
	en->poll_mono_ms = now_ms;
	if (en->seen_job != r->job || en->seen_token != r->token) {
		if (en->seen_job != r->job) {
			drop_status(en);
			en->xfer_tries = 0;
			en->retry_mono_ms = 0;
		}
		en->seen_job = r->job;
		en->seen_token = r->token;
		en->beat_mono_ms = 0;
	}
	Vrsas__V1__TransferStatus *st =
		engine_transfer_status(e, en->msg->transfer_job, &known);
	if (!known)
		return;
	if (st) {
		drop_status(en);
		en->status = st;
		if (st->token == r->token) {
			follow(e, en);
			return;
		}
	}
	bool handed_this = en->handed_job == r->job && en->handed_token == r->token;
	if (handed_this && en->handing)
		return;
	if (handed_this && en->accepted) {
		if (now_ms - en->handed_mono_ms >= engine_conf(e)->mover_silent_ms)
			lost(e, en, "the mover that accepted it is silent");
		return;
	}
	if (handed_this && now_ms - en->handed_mono_ms < engine_conf(e)->tick_ms)
		return;
	/* Another scheduler may have assigned the same token before it died. */
	if (!handed_this && (en->own_job != r->job || en->own_token != r->token)) {
		lost(e, en, "assigned by an earlier scheduler");
		return;
	}
	hand_out(e, en);
}

void engine_transfer_cancel(struct engine *e, struct entry *en)
{
	struct reloc_event ev = {
		.kind = RELOC_TRANSFER, .job = en->r.job, .token = en->r.token};
	int64_t now_ms = vrs_now_mono_ms();
	bool known;

	if (en->poll_mono_ms && now_ms - en->poll_mono_ms < engine_conf(e)->tick_ms / 2)
		return;
	en->poll_mono_ms = now_ms;
	if (vrs_store_cmd(engine_store(e), NULL, NULL, "HSET %s cancel 1",
			  vrs_key_transfer(en->msg->transfer_job).text) < 0)
		return;
	Vrsas__V1__TransferStatus *st =
		engine_transfer_status(e, en->msg->transfer_job, &known);
	if (!known)
		return;
	if (st && st->state != VRSAS__V1__TRANSFER_STATE__TRANSFER_STATE_FAILED &&
	    st->state != VRSAS__V1__TRANSFER_STATE__TRANSFER_STATE_CANCELLED &&
	    st->state != VRSAS__V1__TRANSFER_STATE__TRANSFER_STATE_DONE) {
		if (st->beat_at_ms != en->beat_at_ms || en->beat_mono_ms == 0) {
			en->beat_at_ms = st->beat_at_ms;
			en->beat_mono_ms = now_ms;
		}
		vrsas__v1__transfer_status__free_unpacked(st, NULL);
		if (now_ms - en->beat_mono_ms < engine_conf(e)->mover_silent_ms)
			return;
		st = NULL;
	}
	ev.transfer = st ? RELOC_XFER_FAILED : RELOC_XFER_LOST;
	vrsas__v1__transfer_status__free_unpacked(st, NULL);
	(void)engine_feed(e, en, &ev, NULL);
}
