/* Proof of death: a host's power is taken, once for all its VMs, and before a grant every
 * proof is read again. */
#include <stdio.h>
#include <stdlib.h>

#include "engine/base/base.h"
#include "vrs/mem.h"

/* --- one host's power serves all its VMs --- */

struct fence_job {
	struct engine *e;
	struct host *h;
	struct act_job act;
};

static void fence_work(void *arg)
{
	struct fence_job *j = arg;

	act_run(&j->act);
}

/* Tells every record that waited for this host before the order was given. */
static void fence_done(void *arg)
{
	struct fence_job *j = arg;
	struct engine *e = j->e;
	struct reloc_order order[RELOC_MAX_ORDERS];

	j->h->fencing = false;
	j->h->next_fence_mono_ms = engine_mono() + e->conf.fence_retry_ms;
	for (size_t i = 0; i < e->n_entries; i++) {
		struct entry *en = e->entry[i];
		size_t n = reloc_orders(&en->r, order);

		if (en->r.since_ms > j->h->fence_began_ms ||
		    j->act.lease_token != e->lease.token)
			continue;
		for (size_t k = 0; k < n; k++) {
			const struct reloc_place *p = &en->r.copy[order[k].copy].place;
			struct reloc_event ev = {
				.kind = RELOC_FENCE_RESULT,
				.op = order[k].op,
				.place = *p,
				.proof = j->act.ok ? RELOC_F1_POWER_OFF : RELOC_NO_PROOF,
			};

			if (order[k].kind != RELOC_DO_FENCE ||
			    engine_host_of(e, p) != j->h)
				continue;
			(void)snprintf(ev.by, sizeof(ev.by), "%.90s", j->h->site->fence);
			(void)vrs_strcpy(ev.text, sizeof(ev.text), j->act.text);
			(void)engine_feed(e, en, &ev, NULL);
			break;
		}
	}
	if (!j->act.ok)
		log_warn("fencing proves nothing yet, next try in %lld ms: %s host=%s/%s",
			 (long long)e->conf.fence_retry_ms, j->act.text, j->h->cluster,
			 j->h->name);
	else
		engine_tell_host(e, j->h, VRSAS__V1__SEVERITY__SEVERITY_NOTICE,
				 "host.fenced", "%s/%s is off: %s", j->h->cluster,
				 j->h->name, j->act.text);
	free(j);
	engine_pump(e);
}

void engine_fence(struct engine *e, struct host *h)
{
	char lane[160];

	if (h->fencing || h->next_fence_mono_ms > engine_mono())
		return;
	struct fence_job *j = vrs_calloc(1, sizeof(*j));
	j->e = e;
	j->h = h;
	j->act.kind = ACT_FENCE;
	j->act.host = &h->act;
	j->act.rules = &e->act;
	j->act.lease = &e->lanes_lease;
	j->act.lease_token = e->lease.token;
	h->fencing = true;
	h->fence_began_ms = engine_wall();
	log_notice("fencing host=%s/%s agent=%s", h->cluster, h->name, h->site->fence);
	(void)snprintf(lane, sizeof(lane), "fence:%s/%s", h->cluster, h->name);
	vrs_workers_submit(e->workers, lane, fence_work, fence_done, j);
}

/* --- reading all proofs again --- */

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
	struct recheck *all;
	struct act_job act;
	int copy; /* -1: the target */
};

static void recheck_work(void *arg)
{
	struct recheck_job *j = arg;

	act_run(&j->act);
}

static void recheck_over(struct recheck *all)
{
	struct engine *e = all->e;
	struct entry *en = engine_entry(e, all->vm_id);
	struct reloc_event ev = {
		.kind = RELOC_RECHECKED, .op = all->op, .recheck = RELOC_STANDS};

	for (uint32_t i = 0; i < all->n; i++) {
		enum reloc_recheck r =
			reloc_weigh(&all->c[i].copy, all->c[i].vm, all->c[i].power);

		/* a contradiction outweighs a doubt */
		if (r == RELOC_STANDS || ev.recheck == RELOC_GONE ||
		    (r == RELOC_UNSURE && ev.recheck == RELOC_UNSURE))
			continue;
		ev.recheck = r;
		ev.place = all->c[i].copy.place;
		(void)snprintf(ev.text, sizeof(ev.text), "%s/%s: %s%s%s",
			       ev.place.cluster, ev.place.host,
			       r == RELOC_GONE ? "not dead after all"
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
		engine_slot_done(en, RELOC_DO_RECHECK, &all->target, all->op,
				 e->conf.tick_ms);
		/* proofs that were read under an older lease prove nothing now */
		if (all->lease_token == e->lease.token)
			(void)engine_feed(e, en, &ev, NULL);
	}
	free(all);
	engine_pump(e);
}

static void recheck_done(void *arg)
{
	struct recheck_job *j = arg;
	struct recheck *all = j->all;

	if (j->copy < 0) {
		all->target_answers = j->act.ok;
		(void)vrs_strcpy(all->target_text, sizeof(all->target_text), j->act.text);
	} else if (j->act.kind == ACT_STATE) {
		all->c[j->copy].vm = act_seen(&j->act);
	} else {
		all->c[j->copy].power = j->act.power == VRS_POWER_OFF ? RELOC_SEEN_OFF
					: j->act.power == VRS_POWER_ON
						? RELOC_SEEN_ON
						: RELOC_UNREACHABLE;
		(void)vrs_strcpy(all->c[j->copy].text, sizeof(all->c[j->copy].text),
				 j->act.text);
	}
	free(j);
	if (--all->open == 0)
		recheck_over(all);
}

static void recheck_ask(struct recheck *all, struct host *h, enum act_kind kind, int copy)
{
	struct engine *e = all->e;
	struct recheck_job *j = vrs_calloc(1, sizeof(*j));
	char lane[160];

	j->all = all;
	j->copy = copy;
	j->act.kind = kind;
	j->act.host = &h->act;
	j->act.rules = &e->act;
	(void)vrs_strcpy(j->act.vm_id, sizeof(j->act.vm_id), all->vm_id);
	all->open++;
	(void)snprintf(lane, sizeof(lane), "%s:%s/%s", kind == ACT_POWER ? "fence" : "hv",
		       h->cluster, h->name);
	vrs_workers_submit(e->workers, lane, recheck_work, recheck_done, j);
}

/* A host that was fenced is asked by its power alone: its hypervisor would only time out.
 * Should it be on, its power controller says so. */
void engine_recheck(struct engine *e, const struct entry *en, const struct reloc_order *o)
{
	struct recheck *all = vrs_calloc(1, sizeof(*all));
	const struct reloc *r = &en->r;

	all->e = e;
	all->op = o->op;
	all->lease_token = e->lease.token;
	all->target = r->copy[o->copy].place;
	(void)vrs_strcpy(all->vm_id, sizeof(all->vm_id), r->vm_id);
	all->open = 1; /* ours, until all are asked */
	for (uint32_t i = 0; i < r->n_copies; i++) {
		const struct reloc_copy *c = &r->copy[i];
		struct host *h = engine_host_of(e, &c->place);

		if (i == o->copy)
			continue;
		all->c[all->n].copy = *c;
		bool by_power =
			h && h->site->fence && *h->site->fence &&
			(c->proof == RELOC_F1_POWER_OFF || c->proof == RELOC_F5_OPERATOR);
		if (by_power)
			recheck_ask(all, h, ACT_POWER, (int)all->n);
		else if (h)
			recheck_ask(all, h, ACT_STATE, (int)all->n);
		all->n++;
	}
	struct host *target = engine_host_of(e, &all->target);
	if (target)
		recheck_ask(all, target, ACT_STATE, -1);
	if (--all->open == 0)
		recheck_over(all);
}
