/* The last check before a grant: the proof of every other copy is read again, and the
 * target must answer. */
#include <stdio.h>
#include <stdlib.h>

#include "engine/parts.h"
#include "vrs/mem.h"

struct recheck {
	struct engine *e;
	char vm_id[132];
	struct reloc_place target;
	uint64_t op, lease_token;
	unsigned open;
	bool target_answers;
	char target_text[120];
	struct {
		struct reloc_copy copy;
		enum reloc_seen vm, power;
		char text[120];
	} c[RELOC_MAX_COPIES];
	uint32_t n;
};

struct recheck_job {
	struct host_job job;
	struct recheck *all;
	int copy; /* -1: the target */
};

static void recheck_over(struct recheck *all)
{
	struct engine *e = all->e;
	struct entry *en = engine_entry(e, all->vm_id);
	struct reloc_event ev = {
		.kind = RELOC_RECHECKED, .op = all->op, .recheck = RELOC_STANDS};

	for (uint32_t i = 0; i < all->n; i++) {
		enum reloc_recheck r =
			reloc_weigh(&all->c[i].copy, all->c[i].vm, all->c[i].power);

		/* a contradiction outweighs an unreadable proof */
		if (r == RELOC_STANDS || ev.recheck == RELOC_GONE ||
		    (r == RELOC_UNSURE && ev.recheck == RELOC_UNSURE))
			continue;
		ev.recheck = r;
		ev.place = all->c[i].copy.place;
		(void)snprintf(ev.text, sizeof(ev.text), "%s/%s: %s%s%s",
			       ev.place.cluster, ev.place.host,
			       r == RELOC_GONE ? "still on, or its proof no longer holds"
					       : "its proof could not be read again",
			       all->c[i].text[0] ? ": " : "", all->c[i].text);
	}
	if (ev.recheck == RELOC_STANDS && !all->target_answers) {
		ev.recheck = RELOC_TARGET_SILENT;
		ev.place = all->target;
		(void)snprintf(ev.text, sizeof(ev.text), "%s/%s does not answer: %.50s",
			       all->target.cluster, all->target.host, all->target_text);
	}
	if (en) {
		const struct slot key = {
			.kind = RELOC_DO_RECHECK, .place = all->target, .op = all->op};
		engine_slot_done(en, &key, engine_conf(e)->tick_ms, true);
		/* proofs that were read under an older lease prove nothing now */
		if (all->lease_token == engine_lease_token(e))
			(void)engine_feed(e, en, &ev, NULL);
	}
	free(all);
	engine_pump_soon(e);
}

static enum reloc_seen power_seen(enum vrs_power power)
{
	switch (power) {
	case VRS_POWER_OFF:
		return RELOC_SEEN_OFF;
	case VRS_POWER_ON:
		return RELOC_SEEN_ON;
	default:
		return RELOC_UNREACHABLE;
	}
}

static void recheck_done(struct host_job *job)
{
	struct recheck_job *j = (void *)job;
	struct recheck *all = j->all;
	const struct host_op *op = &job->op;

	if (j->copy < 0) {
		all->target_answers = op->ok;
		(void)vrs_strcpy(all->target_text, sizeof(all->target_text), op->text);
	} else if (op->kind == HOST_OP_STATE) {
		all->c[j->copy].vm = host_op_seen(op);
	} else {
		all->c[j->copy].power = power_seen(op->power);
		if (op->power == VRS_POWER_ON)
			engine_host_is_on(all->e, job->h,
					  all->c[j->copy].copy.proof_at_ms,
					  "its power reads on");
		(void)vrs_strcpy(all->c[j->copy].text, sizeof(all->c[j->copy].text),
				 op->text);
	}
	if (--all->open == 0)
		recheck_over(all);
}

static void recheck_ask(struct recheck *all, struct host *h, enum host_op_kind kind,
			int copy)
{
	struct recheck_job *j = host_job_new(sizeof(*j), all->e, h, kind, all->vm_id);

	j->all = all;
	j->copy = copy;
	all->open++;
	host_job_submit(&j->job, recheck_done);
}

/* For a host that was powered off only the power is read: its hypervisor would time out,
 * and its power controller shows whether the host is on. */
void engine_recheck(struct engine *e, const struct entry *en, const struct reloc_order *o)
{
	struct recheck *all = vrs_calloc(1, sizeof(*all));
	const struct reloc *r = &en->r;

	all->e = e;
	all->op = o->op;
	all->lease_token = engine_lease_token(e);
	all->target = r->copy[o->copy].place;
	(void)vrs_strcpy(all->vm_id, sizeof(all->vm_id), r->vm_id);
	all->open = 1; /* one more, until all are submitted */
	for (uint32_t i = 0; i < r->n_copies; i++) {
		const struct reloc_copy *c = &r->copy[i];
		struct host *h = engine_host_of(e, &c->place);

		if (i == o->copy)
			continue;
		all->c[all->n].copy = *c;
		bool by_power =
			h && engine_has_fence(h) &&
			(c->proof == RELOC_F1_POWER_OFF || c->proof == RELOC_F5_OPERATOR);
		if (by_power)
			recheck_ask(all, h, HOST_OP_POWER, (int)all->n);
		else if (h)
			recheck_ask(all, h, HOST_OP_STATE, (int)all->n);
		all->n++;
	}
	struct host *target = engine_host_of(e, &all->target);
	if (target)
		recheck_ask(all, target, HOST_OP_STATE, -1);
	if (--all->open == 0)
		recheck_over(all);
}
