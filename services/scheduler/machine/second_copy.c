/* A copy is seen running where it must not: moved by its own cluster, older than the
 * granted one, or unknown to VR-SAS. */
#include <stdio.h>
#include <string.h>

#include "machine/step.h"

/* Its own cluster runs it on another host now: that host becomes its home. */
static void adopt(struct step *s)
{
	struct reloc *n = s->n;
	const struct reloc_copy was = n->copy[n->active];
	int32_t i = step_want_copy(n, &s->ev->place);

	if (i < 0)
		return;
	n->copy[n->active].disks = false; /* now the other copy's */
	if (n->active == 0) { /* home moves; the copy at the old home must stay off */
		struct reloc_copy moved = n->copy[0];

		n->copy[0] = n->copy[i];
		n->copy[i] = moved;
		i = 0;
	}
	n->active = n->good = (uint32_t)i;
	n->target = -1;
	n->epoch++;
	n->copy[i].epoch = n->epoch;
	n->copy[i].defined = n->copy[i].alive = true;
	n->copy[i].disks = was.disks;
	n->copy[i].shared = was.shared;
	n->copy[i].proof = RELOC_NO_PROOF;
	n->copied = false;
	step_go(s, i == 0 ? RELOC_PROTECTED : RELOC_RUNNING_AWAY,
		"its own cluster moved it to %s", s->ev->place.host);
}

static bool may_be_adopted(enum reloc_state s)
{
	return s <= RELOC_GRANTING || s == RELOC_RUNNING_AWAY ||
	       s == RELOC_REPROTECTING || s == RELOC_FAILBACK_READY ||
	       s == RELOC_LOCAL_RESTART || s == RELOC_HOME_GRANT;
}

void step_stranger(struct step *s)
{
	struct reloc *n = s->n;
	const struct reloc_place *p = &s->ev->place;
	bool own = strcmp(n->copy[n->active].place.cluster, p->cluster) == 0;

	if (own && may_be_adopted(n->state) && n->hold != RELOC_NEEDS_STOP) {
		adopt(s);
		return;
	}
	int32_t i = step_want_copy(n, p);
	if (i < 0) {
		if (s->now_ms - n->paged_ms < s->rules->page_ms)
			return;
		n->paged_ms = s->now_ms;
		step_because(
			s,
			"a copy also runs on %s/%s; the record cannot hold more copies",
			p->cluster, p->host);
		return;
	}
	step_split(s, (uint32_t)i);
}

/* --- one copy must be stopped --- */

void step_runs_there(struct step *s, uint32_t i)
{
	struct reloc_copy *c = &s->n->copy[i];

	step_unprove(s, i);
	/* it was considered as a target only, or its definition was removed since */
	if (!c->defined && (s->n->state == RELOC_PROTECTED ||
			    (c->epoch == 0 && !c->disks && !c->shared)))
		c->stranger = true;
	c->seen_running = c->defined = c->alive = true;
}

/* The state that follows when one of the two is off. A state that leads to a grant starts
 * with the proofs again. */
static enum reloc_state after_split(const struct reloc *n)
{
	switch (n->state) {
	case RELOC_SUSPECT:
	case RELOC_HOLD_BRAKE:
		return n->resume;
	case RELOC_FB_FINAL_SYNC:
		return RELOC_FB_QUIESCE;
	case RELOC_FB_GRANTING:
	case RELOC_HOME_GRANT:
	case RELOC_LOCAL_RESTART:
		return RELOC_FENCING;
	default:
		return n->state >= RELOC_DOWN_LIKELY && n->state <= RELOC_GRANTING
			       ? RELOC_FENCING
			       : n->state;
	}
}

void step_split(struct step *s, uint32_t i)
{
	struct reloc *n = s->n;
	const struct reloc_place *p = &n->copy[i].place;
	const struct reloc_place *granted = &n->copy[n->active].place;
	bool open = step_in_split(n);

	if (n->copy[i].seen_running && open)
		return; /* known */
	step_runs_there(s, i);
	if (open)
		return;
	n->granted_seen = RELOC_NOT_ASKED;
	n->resume = after_split(n);
	/* a VM at home may have been moved by its owner: the alert waits for an answer */
	if (n->state != RELOC_PROTECTED)
		n->paged_ms = s->now_ms;
	step_go(s, RELOC_SPLIT_SUSPECT,
		"%s runs on %s/%s; %s/%s is queried for the granted copy",
		n->copy[i].stranger ? "a copy unknown to VR-SAS" : "an older copy",
		p->cluster, p->host, granted->cluster, granted->host);
}

bool step_seen_off(struct step *s)
{
	int i = step_at(s);

	if (s->ev->kind != RELOC_QUERIED || s->ev->seen != RELOC_SEEN_OFF || i < 0 ||
	    i == (int)s->n->active || !s->n->copy[i].seen_running)
		return false;
	step_prove(s, &s->n->copy[i], RELOC_F3_ATTESTED);
	if (s->n->copy[i].stranger)
		s->n->copy[i].defined = s->n->copy[i].stranger = false;
	step_because(s, "the copy on %s/%s is off", s->ev->place.cluster,
		     s->ev->place.host);
	return true;
}
