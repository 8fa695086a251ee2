/* From the suspicion to the decision: is the host dead, is that proven, which target. */
#include <stdio.h>
#include <string.h>

#include "machine/step.h"
#include "vrs/mem.h"

void step_protected(struct step *s)
{
	struct reloc *n = s->n;

	switch (s->ev->kind) {
	case RELOC_HOST_SUSPECT:
	case RELOC_HOST_BRAKE:
		step_suspect(s);
		return;
	case RELOC_OPERATOR_RELOCATE:
		step_planned(s);
		return;
	case RELOC_WENT_DOWN:
		if (step_at(s) == (int)n->active) {
			step_begin(s);
			n->silent_since_ms = n->detected_ms = s->now_ms;
			step_regrant_good(s, s->ev->text[0] ? s->ev->text
							    : "the VM went down");
		}
		return;
	case RELOC_SEEN_TWICE:
		step_seen_twice(s);
		return;
	case RELOC_SEEN_RUNNING: /* moved by its own cluster */
		if (step_at(s) < 0 && n->active == 0 &&
		    strcmp(n->copy[0].place.cluster, s->ev->place.cluster) == 0) {
			n->copy[0].place = s->ev->place;
			step_because(s, "its cluster moved it to %s", s->ev->place.host);
			return;
		}
		break;
	default:
		break;
	}
	step_watch(s);
}

/* SUSPECT and HOLD_BRAKE: nothing has been done yet. */
void step_suspected(struct step *s)
{
	struct reloc *n = s->n;

	switch (s->ev->kind) {
	case RELOC_HOST_SUSPECT:
	case RELOC_HOST_BRAKE:
		step_suspect(s);
		return;
	case RELOC_HOST_UP:
	case RELOC_HOST_BACK:
		if (step_at(s) != (int)n->active)
			break;
		if (!n->copy[n->active].alive) { /* the VM is queried next */
			n->copy[n->active].alive = true;
			step_because(s, "%s answers again", s->ev->place.host);
		}
		return;
	case RELOC_QUERIED:
		if (step_at(s) != (int)n->active)
			return;
		if (s->ev->seen == RELOC_SEEN_ON)
			step_go(s, n->resume, "the VM runs and its host answers");
		else if (s->ev->seen == RELOC_SEEN_OFF)
			step_regrant_good(s,
					  "its host answers again, but the VM is down");
		return;
	case RELOC_TICK:
		if (!step_late(s))
			return;
		if (n->copy[n->active].alive) { /* the VM is being queried */
			n->deadline_ms = s->now_ms + s->rules->suspect_ms;
			s->changed = true;
			return;
		}
		if (n->state == RELOC_SUSPECT) {
			step_host_down(s, "its host stays silent");
			return;
		}
		step_page_again(s); /* the brake */
		return;
	default:
		break;
	}
	step_watch(s);
}

/* --- FENCING, and HOLD_OPERATOR that waits for proof --- */

/* Every copy that needs proof has it; a good copy whose host is alive may run again. */
static bool fencing_done(struct step *s)
{
	struct reloc *n = s->n;
	bool spare_good = n->copy[n->good].alive && !n->planned;
	const struct reloc_copy *newest = &n->copy[n->active];

	if (!step_all_proven_but(n, spare_good ? (int32_t)n->good : -1))
		return false;
	if (spare_good) {
		step_regrant_good(s, "its host is alive and no other copy runs");
		return true;
	}
	for (uint32_t i = 0; i < n->n_copies; i++)
		if (n->copy[i].proof_at_ms > newest->proof_at_ms)
			newest = &n->copy[i];
	n->fenced_ms = s->now_ms;
	step_go(s, RELOC_FENCED, "proven not to run on %s/%s, by %s: %.100s",
		newest->place.cluster, newest->place.host, newest->proof_by,
		newest->proof_text);
	return true;
}

static void hold_for_proof(struct step *s, const char *last_error)
{
	const struct reloc *n = s->n;
	uint32_t unproven = n->active;

	for (uint32_t i = 0; i < n->n_copies; i++)
		if (step_needs_proof(&n->copy[i]))
			unproven = i;
	step_hold(s, RELOC_NEEDS_PROOF,
		  "no proof that it is off on %s/%s%s%.100s; nothing starts elsewhere "
		  "until its power state is off or an operator confirms that it is off",
		  n->copy[unproven].place.cluster, n->copy[unproven].place.host,
		  last_error[0] ? ": " : "", last_error);
}

static void fencing_late(struct step *s)
{
	struct reloc *n = s->n;

	if (n->planned) {
		step_regrant_good(s, "the VM did not stop in time");
	} else if (n->state == RELOC_FENCING) {
		hold_for_proof(s, n->fence_error);
	} else { /* already held: fencing continues */
		step_page_again(s);
	}
}

static void fence_result(struct step *s, int i)
{
	struct reloc *n = s->n;
	const struct reloc_event *ev = s->ev;

	if (i < 0)
		return;
	if (ev->proof != RELOC_NO_PROOF) {
		step_prove(s, &n->copy[i], ev->proof);
	} else if (strcmp(n->fence_error, ev->text) != 0) {
		(void)vrs_strcpy(n->fence_error, sizeof(n->fence_error), ev->text);
		step_because(s, "%s", ev->text);
		if (n->state == RELOC_HOLD_OPERATOR) {
			int64_t paged_ms = n->paged_ms;

			hold_for_proof(s, n->fence_error);
			n->paged_ms = paged_ms;
		}
	}
}

void step_fencing(struct step *s)
{
	struct reloc *n = s->n;
	const struct reloc_event *ev = s->ev;
	int i = step_at(s);

	switch (ev->kind) {
	case RELOC_FENCE_RESULT:
		fence_result(s, i);
		break;
	case RELOC_STOPPED:
		if (i >= 0 && ev->ok) {
			step_stopped(s, (uint32_t)i);
		} else if (n->planned && ev->permanent && i == (int)n->active) {
			step_go(s, i == 0 ? RELOC_PROTECTED : RELOC_RUNNING_AWAY,
				"not moved: %.150s", ev->text); /* it was not touched */
			return;
		}
		break;
	case RELOC_OPERATOR_CONFIRM_OFF:
		if (i >= 0)
			step_prove(s, &n->copy[i], RELOC_F5_OPERATOR);
		break;
	case RELOC_HOST_UP:
	case RELOC_HOST_BACK:
		if (i < 0 || !step_answers(s, (uint32_t)i))
			return;
		break;
	case RELOC_HOST_DOWN:
	case RELOC_OPERATOR_FAIL:
		if (i < 0 || !n->copy[i].alive)
			return;
		n->copy[i].alive = false;
		if (i == (int)n->good)
			n->planned = false; /* it is no longer a planned move */
		step_because(s, "%s", ev->text);
		break;
	case RELOC_SEEN_RUNNING:
		if (i < 0)
			step_stranger(s);
		return;
	case RELOC_QUERIED:
		(void)step_seen_off(s);
		break;
	case RELOC_OPERATOR_RELOCATE:
		(void)vrs_strcpy(n->pinned, sizeof(n->pinned), ev->place.cluster);
		n->cancelled = false;
		step_because(s, "%s pinned it to %s", ev->by, ev->place.cluster);
		return;
	case RELOC_OPERATOR_CANCEL:
		if (n->planned) {
			step_regrant_good(s, ev->text);
		} else if (!n->cancelled) {
			n->cancelled = true;
			step_because(s, "%s", ev->text);
		}
		return;
	default:
		break;
	}
	if (!fencing_done(s) && ev->kind == RELOC_TICK && step_late(s))
		fencing_late(s);
}

/* --- events that interrupt everything between proof and grant --- */

static void host_is_up(struct step *s, int i)
{
	struct reloc *n = s->n;
	struct reloc_copy *c = &n->copy[i];

	if (c->alive)
		return;
	c->alive = true;
	step_because(s, "%s answers again", s->ev->place.host);
	if (c->proof == RELOC_F3_ATTESTED || (i == n->target && i != (int)n->good))
		return;
	step_unprove(s, (uint32_t)i);
	if (i == (int)n->good)
		step_regrant_good(s, "its host came back before it ran elsewhere");
	else if (step_needs_proof(c))
		step_go(s, RELOC_FENCING,
			"%s is back, so its copy must be proven off again",
			s->ev->place.host);
}

static void host_is_down(struct step *s, int i)
{
	struct reloc *n = s->n;
	struct reloc_copy *c = &n->copy[i];

	if (i == n->target && i != (int)n->good) {
		c->alive = false;
		step_next_target(s, "the target's host died");
	} else if (c->alive) {
		c->alive = false;
		step_because(s, "%s", s->ev->text);
		if (step_needs_proof(c)) {
			n->planned = false;
			step_go(s, RELOC_FENCING, "%s", s->ev->text);
		}
	}
}

static void seen_running(struct step *s, int i)
{
	struct reloc *n = s->n;

	if (i < 0) {
		step_stranger(s);
		return;
	}
	if (i == (int)n->good) {
		if (i == n->target)
			return; /* about to be granted to that host */
		step_unprove(s, (uint32_t)i);
		n->copy[i].alive = true;
		step_regrant_good(s, "the VM was seen running where its data is");
		return;
	}
	step_runs_there(s, (uint32_t)i);
	if (n->copy[i].stranger) {
		step_split(s, (uint32_t)i);
		return;
	}
	step_go(s, RELOC_FENCING, "the VM was seen running on %s/%s without a grant",
		s->ev->place.cluster, s->ev->place.host);
}

static void withdrawn_or_cancelled(struct step *s, int i)
{
	struct reloc *n = s->n;

	if (s->ev->kind == RELOC_OPERATOR_WITHDRAW) {
		if (i >= 0 && n->copy[i].proof == RELOC_F5_OPERATOR) {
			step_unprove(s, (uint32_t)i);
			n->target = -1;
			step_go(s, RELOC_FENCING, "%s withdrew the claim", s->ev->by);
		}
		return;
	}
	if (n->target == (int32_t)n->good)
		return; /* already cancelled */
	if (n->copy[n->good].alive) {
		step_regrant_good(s, s->ev->text);
	} else {
		n->cancelled = true;
		n->target = -1;
		n->copied = false;
		step_go(s, RELOC_WAIT_REPAIR, "%s", s->ev->text);
	}
}

bool step_interrupted(struct step *s)
{
	int i = step_at(s);

	switch (s->ev->kind) {
	case RELOC_HOST_UP:
	case RELOC_HOST_BACK:
		if (i >= 0)
			host_is_up(s, i);
		return true;
	case RELOC_HOST_DOWN:
	case RELOC_OPERATOR_FAIL:
		if (i >= 0)
			host_is_down(s, i);
		return true;
	case RELOC_SEEN_RUNNING:
		seen_running(s, i);
		return true;
	case RELOC_OPERATOR_WITHDRAW:
	case RELOC_OPERATOR_CANCEL:
		withdrawn_or_cancelled(s, i);
		return true;
	default:
		return false;
	}
}

/* --- the decision --- */

void step_fenced(struct step *s)
{
	struct reloc *n = s->n;

	if (step_interrupted(s) || s->ev->kind != RELOC_TICK)
		return;
	if (n->cancelled)
		step_go(s, RELOC_WAIT_REPAIR, "its relocation was cancelled");
	else if (n->copied && n->target >= 0 && n->target != (int32_t)n->good)
		step_go(s, n->target == 0 ? RELOC_FB_GRANTING : RELOC_GRANTING,
			"its copy is already verified");
	else {
		n->target = -1;
		step_go(s, RELOC_DECIDING, "choosing a target");
	}
}

static void wait_or_hold(struct step *s, bool may_wait, const char *why)
{
	struct reloc *n = s->n;

	n->target = -1;
	if (n->copy[n->good].alive && !n->good_failed)
		step_regrant_good(s, why); /* it can run where its data is */
	else if (may_wait)
		step_go(s, RELOC_WAIT_REPAIR, "%s", why);
	else
		step_hold(s, RELOC_NEEDS_CHOICE, "%s", why);
}

static void decided(struct step *s)
{
	struct reloc *n = s->n;
	const struct reloc_event *ev = s->ev;

	n->decided_ms = s->now_ms;
	n->decisions++;
	n->readable = ev->readable;
	n->predicted_outage_ms = ev->predicted_ms;
	n->copied = n->local = false;
	if (ev->verdict == RELOC_HOLD || ev->verdict == RELOC_WAIT) {
		wait_or_hold(s, ev->verdict == RELOC_WAIT, ev->text);
		return;
	}
	if (n->decisions > s->rules->max_decisions) {
		wait_or_hold(s, false, "every chosen target has failed");
		return;
	}
	if (ev->verdict == RELOC_RELOCATE && !ev->readable) {
		wait_or_hold(s, false, "its disks cannot be read without its host");
		return;
	}
	int32_t i = step_want_copy(n, &ev->place);
	if (i < 0 || i == (int32_t)n->good || step_needs_proof(&n->copy[i])) {
		wait_or_hold(s, false, "the chosen target cannot take it");
		return;
	}
	n->target = i;
	n->starts = 0;
	n->started = false;
	n->copy[i].alive = true;
	n->copy[i].shared = n->copy[i].stranger = false;
	if (ev->verdict == RELOC_LOCAL) {
		n->local = true;
		n->copy[i].shared = n->good == 0 || n->copy[n->good].shared;
		n->copy[i].defined = true;
		step_go(s, RELOC_LOCAL_RESTART, "%s", ev->text);
	} else {
		step_go(s, RELOC_RESERVING, "%s", ev->text);
	}
}

void step_deciding(struct step *s)
{
	if (step_interrupted(s))
		return;
	if (s->ev->kind == RELOC_DECIDED)
		decided(s);
	else if (s->ev->kind == RELOC_TICK && step_late(s))
		wait_or_hold(s, false, "no decision was made in time");
}

static void decide_again(struct step *s, const char *why)
{
	struct reloc *n = s->n;

	n->decisions = n->n_tried = 0;
	n->target = -1;
	n->good_failed = false;
	if (n->copy[n->good].alive)
		step_regrant_good(s, why);
	else
		step_go(s, step_all_proven_but(n, -1) ? RELOC_DECIDING : RELOC_FENCING,
			"%s", why);
}

static bool moved_by_operator(struct step *s)
{
	struct reloc *n = s->n;

	if (s->ev->kind != RELOC_OPERATOR_RELOCATE)
		return false;
	(void)vrs_strcpy(n->pinned, sizeof(n->pinned), s->ev->place.cluster);
	n->cancelled = false;
	n->decisions = n->n_tried = 0;
	n->target = -1;
	step_go(s, step_all_proven_but(n, -1) ? RELOC_DECIDING : RELOC_FENCING,
		"requested by %s", s->ev->by);
	return true;
}

void step_waiting(struct step *s)
{
	if (step_interrupted(s) || moved_by_operator(s))
		return;
	if (s->ev->kind != RELOC_TICK || !step_late(s))
		return;
	if (s->n->cancelled) {
		s->n->deadline_ms = s->now_ms + s->rules->review_ms;
		s->changed = true;
	} else {
		decide_again(s, "re-evaluating the wait");
	}
}

void step_hold_choice(struct step *s)
{
	if (step_interrupted(s) || moved_by_operator(s))
		return;
	if (s->ev->kind == RELOC_TICK && step_late(s))
		decide_again(s, "re-evaluating the hold");
}
