/* The machine's record as a message, and back. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "machine/records.h"
#include "machine/states.h"
#include "vrs/bus.h"
#include "vrs/mem.h"

_Static_assert((int)RELOC_PROTECTED == VRSAS__V1__RELOCATION_STATE__PROTECTED, "");
_Static_assert((int)RELOC_HOME_GRANT == VRSAS__V1__RELOCATION_STATE__HOME_GRANT, "");
_Static_assert((int)RELOC_SPLIT_SUSPECT == VRSAS__V1__RELOCATION_STATE__SPLIT_SUSPECT,
	       "");
_Static_assert((int)RELOC_FB_QUIESCE == VRSAS__V1__RELOCATION_STATE__FB_QUIESCE, "");
_Static_assert((int)RELOC_F5_OPERATOR == VRSAS__V1__EVIDENCE_CLASS__F5_OPERATOR, "");

/* Everything that the message borrows while it is being packed. */
struct scratch {
	Vrsas__V1__Copy copy[RELOC_MAX_COPIES], *copies[RELOC_MAX_COPIES];
	Vrsas__V1__Evidence proof[RELOC_MAX_COPIES], *proofs[RELOC_MAX_COPIES];
	Vrsas__V1__PlacedDisk vm_disk[16], *vm_disks[16];
	char tried_text[RELOC_MAX_TRIED][132];
	char *tried[RELOC_MAX_TRIED];
	char op_id[96], job[160];
};

static const Vrsas__V1__Copy *copy_before(const Vrsas__V1__Relocation *prev,
					  const struct reloc_place *p)
{
	for (size_t i = 0; prev && i < prev->n_copy; i++)
		if (strcmp(prev->copy[i]->cluster, p->cluster) == 0 &&
		    strcmp(prev->copy[i]->host, p->host) == 0)
			return prev->copy[i];
	return NULL;
}

/* Home's disks as its hypervisor described them. */
static size_t disks_of_vm(const Vrsas__V1__VmFacts *vm, struct scratch *k)
{
	size_t n = vm ? vm->n_disk : 0;

	if (n > 16)
		n = 16;
	for (size_t i = 0; i < n; i++) {
		const Vrsas__V1__Disk *d = vm->disk[i];

		vrsas__v1__placed_disk__init(&k->vm_disk[i]);
		k->vm_disk[i].path = d->path;
		k->vm_disk[i].format = d->format;
		k->vm_disk[i].bus = d->bus;
		k->vm_disk[i].virtual_bytes = d->virtual_bytes;
		k->vm_disk[i].allocated_bytes = d->allocated_bytes;
		k->vm_disk[i].shared = d->shared;
		k->vm_disk[i].target = d->target;
		k->vm_disks[i] = &k->vm_disk[i];
	}
	return n;
}

static void copies_to(const struct reloc *r, const Vrsas__V1__Relocation *prev,
		      const struct record_load *load, struct scratch *k,
		      Vrsas__V1__Relocation *m)
{
	for (uint32_t i = 0; i < r->n_copies; i++) {
		const struct reloc_copy *c = &r->copy[i];
		const Vrsas__V1__Copy *before = copy_before(prev, &c->place);
		Vrsas__V1__Copy *to = &k->copy[i];

		vrsas__v1__copy__init(to);
		to->cluster = c->place.cluster;
		to->host = c->place.host;
		to->epoch = c->epoch;
		to->defined = c->defined;
		to->disks = c->disks;
		to->shared = c->shared;
		to->alive = c->alive;
		to->seen_running = c->seen_running;
		to->stranger = c->stranger;
		to->remove = c->remove;
		to->seed = c->seed;
		if (c->proof != RELOC_NO_PROOF) {
			Vrsas__V1__Evidence *e = &k->proof[i];

			vrsas__v1__evidence__init(e);
			e->cls = (Vrsas__V1__EvidenceClass)c->proof;
			e->at_ms = c->proof_at_ms;
			e->by = c->proof_by;
			e->text = c->proof_text;
			to->proof = e;
			k->proofs[m->n_evidence++] = e;
		}
		if (load->n_disks[i] > 0) {
			to->disk = load->disk[i];
			to->n_disk = load->n_disks[i];
		} else if (before && before->n_disk > 0 && !(i == 0 && load->vm)) {
			to->disk = before->disk;
			to->n_disk = before->n_disk;
		} else if (i == 0) {
			to->n_disk = disks_of_vm(m->vm, k);
			to->disk = k->vm_disks;
		}
		k->copies[i] = to;
	}
	m->copy = k->copies;
	m->n_copy = r->n_copies;
	m->evidence = k->proofs;
	m->home_disk = k->copy[0].disk;
	m->n_home_disk = k->copy[0].n_disk;
	int away = r->active != 0 ? (int)r->active : r->target > 0 ? r->target : -1;
	if (away > 0) {
		m->away_disk = k->copy[away].disk;
		m->n_away_disk = k->copy[away].n_disk;
	}
}

static void moments_to(const struct reloc *r, Vrsas__V1__Relocation *m)
{
	m->silent_since_ms = r->silent_since_ms;
	m->detected_at_ms = r->detected_ms;
	m->fenced_at_ms = r->fenced_ms;
	m->decided_at_ms = r->decided_ms;
	m->copy_started_at_ms = r->copy_started_ms;
	m->copied_at_ms = r->copied_ms;
	m->granted_at_ms = r->granted_ms;
	m->alive_at_ms = r->alive_ms;
	m->host_back_at_ms = r->host_back_ms;
	m->fb_stopped_at_ms = r->fb_stopped_ms;
	m->fb_alive_at_ms = r->fb_alive_ms;
	m->paged_at_ms = r->paged_ms;
	m->predicted_outage_ms = r->predicted_outage_ms;
	m->state_since_ms = r->since_ms;
	m->deadline_at_ms = r->deadline_ms;
}

static void moments_from(const Vrsas__V1__Relocation *m, struct reloc *r)
{
	r->silent_since_ms = m->silent_since_ms;
	r->detected_ms = m->detected_at_ms;
	r->fenced_ms = m->fenced_at_ms;
	r->decided_ms = m->decided_at_ms;
	r->copy_started_ms = m->copy_started_at_ms;
	r->copied_ms = m->copied_at_ms;
	r->granted_ms = m->granted_at_ms;
	r->alive_ms = m->alive_at_ms;
	r->host_back_ms = m->host_back_at_ms;
	r->fb_stopped_ms = m->fb_stopped_at_ms;
	r->fb_alive_ms = m->fb_alive_at_ms;
	r->paged_ms = m->paged_at_ms;
	r->predicted_outage_ms = m->predicted_outage_ms;
	r->since_ms = m->state_since_ms;
	r->deadline_ms = m->deadline_at_ms;
}

static void places_to(const struct reloc *r, struct scratch *k, Vrsas__V1__Relocation *m)
{
	const struct reloc_place *home = &r->copy[0].place;
	const struct reloc_place *active = &r->copy[r->active].place;

	m->home_cluster = home->cluster;
	m->home_host = home->host;
	m->active_cluster = active->cluster;
	m->active_host = active->host;
	if (r->target >= 0) {
		m->target_cluster = r->copy[r->target].place.cluster;
		m->target_host = r->copy[r->target].place.host;
	}
	m->active_copy = r->active;
	m->good_copy = r->good;
	m->target_copy = r->target;
	m->unsure_copy = r->unsure;
	for (uint32_t i = 0; i < r->n_tried; i++) {
		(void)snprintf(k->tried_text[i], sizeof(k->tried_text[i]), "%s/%s",
			       r->tried[i].cluster, r->tried[i].host);
		k->tried[i] = k->tried_text[i];
	}
	m->tried = (void *)k->tried;
	m->n_tried = r->n_tried;
}

Vrsas__V1__Relocation *record_message(const struct reloc *r,
				      const Vrsas__V1__Relocation *prev,
				      const struct record_load *load)
{
	Vrsas__V1__Relocation m = VRSAS__V1__RELOCATION__INIT;
	struct scratch *k = vrs_calloc(1, sizeof(*k));

	m.id = r->id;
	m.vm_id = r->vm_id;
	m.vm_name = r->vm_name;
	m.state = (Vrsas__V1__RelocationState)r->state;
	m.resume_state = r->resume;
	m.epoch = r->epoch;
	m.op = r->op;
	(void)snprintf(k->op_id, sizeof(k->op_id), "%s/%llu", r->id[0] ? r->id : "-",
		       (unsigned long long)r->op);
	m.op_id = k->op_id;
	m.owner_token = load->owner_token;
	m.vm = (void *)(load->vm ? load->vm : prev ? prev->vm : NULL);
	m.decision = (void *)(load->decision ? load->decision
			      : prev         ? prev->decision
					     : NULL);
	copies_to(r, prev, load, k, &m);
	places_to(r, k, &m);
	moments_to(r, &m);
	m.src_readable = r->decided_ms == 0 ? VRSAS__V1__ANSWER__ANSWER_UNSPECIFIED
			 : r->readable      ? VRSAS__V1__ANSWER__ANSWER_YES
					    : VRSAS__V1__ANSWER__ANSWER_NO;
	if (r->job) {
		(void)snprintf(k->job, sizeof(k->job), "%s-%llu", r->vm_id,
			       (unsigned long long)r->job);
		m.transfer_job = k->job;
	}
	m.job_number = r->job;
	m.transfer_token = r->token;
	m.moving = r->moving;
	m.progress = r->progress;
	m.start_attempts = r->starts;
	m.decisions = r->decisions;
	m.hold = r->hold;
	m.hold_reason = r->hold_reason;
	m.why = r->why;
	m.fence_error = r->fence_error;
	m.cancel_asked = r->cancelled;
	m.failback_asked = r->failback_asked;
	m.auto_failback_held = r->auto_failback_held;
	m.pinned_cluster = r->pinned;
	m.planned = r->planned;
	m.copied = r->copied;
	m.started = r->started;
	m.maybe_ran = r->maybe_ran;
	m.good_failed = r->good_failed;
	m.local = r->local;
	m.home_unclear = r->home_unclear;
	m.granted_seen = r->granted_seen;
	m.bytes_moved = r->bytes_moved;
	m.fb_bytes_moved = r->fb_bytes_moved;

	Vrsas__V1__Relocation *ret = vrs_msg_dup(&m.base);
	free(k);
	return ret;
}

static void copies_from(const Vrsas__V1__Relocation *m, struct reloc *r)
{
	r->n_copies = (uint32_t)m->n_copy;
	for (uint32_t i = 0; i < r->n_copies; i++) {
		const Vrsas__V1__Copy *from = m->copy[i];
		struct reloc_copy *c = &r->copy[i];

		(void)vrs_strcpy(c->place.cluster, sizeof(c->place.cluster),
				 from->cluster);
		(void)vrs_strcpy(c->place.host, sizeof(c->place.host), from->host);
		c->epoch = from->epoch;
		c->defined = from->defined;
		c->disks = from->disks;
		c->shared = from->shared;
		c->alive = from->alive;
		c->seen_running = from->seen_running;
		c->stranger = from->stranger;
		c->remove = from->remove;
		c->seed = from->seed;
		if (!from->proof)
			continue;
		c->proof = (enum reloc_proof)from->proof->cls;
		c->proof_at_ms = from->proof->at_ms;
		(void)vrs_strcpy(c->proof_by, sizeof(c->proof_by), from->proof->by);
		(void)vrs_strcpy(c->proof_text, sizeof(c->proof_text), from->proof->text);
	}
}

static void tried_from(const Vrsas__V1__Relocation *m, struct reloc *r)
{
	for (size_t i = 0; i < m->n_tried && i < RELOC_MAX_TRIED; i++) {
		const char *slash = strchr(m->tried[i], '/');
		struct reloc_place *p = &r->tried[r->n_tried];

		if (!slash)
			continue;
		(void)snprintf(p->cluster, sizeof(p->cluster), "%.*s",
			       (int)(slash - m->tried[i]), m->tried[i]);
		(void)vrs_strcpy(p->host, sizeof(p->host), slash + 1);
		r->n_tried++;
	}
}

/* The table has no row for a number that is reserved. */
static bool state_ok(uint32_t s)
{
	return s > RELOC_NONE && s < RELOC_N_STATES &&
	       reloc_state((enum reloc_state)s)->handle;
}

int record_machine(const Vrsas__V1__Relocation *m, struct reloc *ret, struct vrs_err *err)
{
	struct reloc r = {0};

	if (!vrs_id_ok(m->vm_id) || m->n_copy < 1 || m->n_copy > RELOC_MAX_COPIES ||
	    m->active_copy >= m->n_copy || m->good_copy >= m->n_copy ||
	    m->target_copy < -1 || m->target_copy >= (int32_t)m->n_copy ||
	    m->unsure_copy < -1 || m->unsure_copy >= (int32_t)m->n_copy ||
	    !state_ok(m->state) || (m->resume_state && !state_ok(m->resume_state)) ||
	    m->hold > RELOC_NEEDS_STOP || m->granted_seen > RELOC_NOT_ASKED)
		return vrs_fail(err, VRS_EPARSE, "record of %.60s: invalid", m->vm_id);
	(void)vrs_strcpy(r.id, sizeof(r.id), m->id);
	(void)vrs_strcpy(r.vm_id, sizeof(r.vm_id), m->vm_id);
	(void)vrs_strcpy(r.vm_name, sizeof(r.vm_name), m->vm_name);
	r.state = (enum reloc_state)m->state;
	r.resume = (enum reloc_state)m->resume_state;
	r.epoch = m->epoch;
	r.op = m->op;
	r.active = m->active_copy;
	r.good = m->good_copy;
	r.target = m->target_copy;
	r.unsure = m->unsure_copy;
	copies_from(m, &r);
	tried_from(m, &r);
	moments_from(m, &r);
	r.readable = m->src_readable == VRSAS__V1__ANSWER__ANSWER_YES;
	r.job = m->job_number;
	r.token = m->transfer_token;
	r.moving = m->moving;
	r.progress = m->progress;
	r.starts = m->start_attempts;
	r.decisions = m->decisions;
	r.hold = (enum reloc_hold)m->hold;
	(void)vrs_strcpy(r.hold_reason, sizeof(r.hold_reason), m->hold_reason);
	(void)vrs_strcpy(r.why, sizeof(r.why), m->why);
	(void)vrs_strcpy(r.fence_error, sizeof(r.fence_error), m->fence_error);
	r.cancelled = m->cancel_asked;
	r.failback_asked = m->failback_asked;
	r.auto_failback_held = m->auto_failback_held;
	(void)vrs_strcpy(r.pinned, sizeof(r.pinned), m->pinned_cluster);
	r.planned = m->planned;
	r.copied = m->copied;
	r.started = m->started;
	r.maybe_ran = m->maybe_ran;
	r.good_failed = m->good_failed;
	r.local = m->local;
	r.home_unclear = m->home_unclear;
	r.granted_seen = (enum reloc_seen)m->granted_seen;
	r.bytes_moved = m->bytes_moved;
	r.fb_bytes_moved = m->fb_bytes_moved;
	*ret = r;
	return 0;
}
