/* The copy to the target, and the grant: the only point from which a VM may run
 * elsewhere. */
#include <stdio.h>

#include "machine/step.h"

/* --- the copy --- */

static void copy_to_target(struct step *s)
{
	struct reloc *n = s->n;

	n->copy[n->target].disks = true; /* from now on there may be data */
	n->copy[n->target].seed = n->copy[n->target].remove = false;
	step_go(s, RELOC_TRANSFERRING, "%s/%s reserved the capacity",
		n->copy[n->target].place.cluster, n->copy[n->target].place.host);
	n->job = n->op;
	n->token = 1;
	n->moving = true;
	n->progress = 0;
	if (n->copy_started_ms == 0)
		n->copy_started_ms = s->now_ms;
}

/* RESERVING and LOCAL_RESTART. */
void step_reserving(struct step *s)
{
	struct reloc *n = s->n;
	const struct reloc_event *ev = s->ev;

	if (step_interrupted(s))
		return;
	if (ev->kind == RELOC_RESERVED && n->state == RELOC_RESERVING) {
		if (ev->ok)
			copy_to_target(s);
		else
			step_next_target(s, ev->text);
	} else if (ev->kind == RELOC_DEFINED && n->state == RELOC_LOCAL_RESTART) {
		n->copied = ev->ok;
		if (ev->ok)
			step_go(s, RELOC_GRANTING,
				"defined; its disks are on shared storage");
		else
			step_next_target(s, ev->text);
	} else if (ev->kind == RELOC_TICK && step_late(s)) {
		step_next_target(s, "the target does not answer");
	}
}

static void verified(struct step *s)
{
	struct reloc *n = s->n;

	/* defining has the whole deadline, however long hashing took */
	if (n->state == RELOC_VERIFYING)
		n->deadline_ms = s->now_ms + s->rules->verify_ms;
	n->copied = true;
	n->moving = false;
	n->copied_ms = s->now_ms;
	n->bytes_moved = s->ev->bytes;
	n->copy[n->target].defined = true; /* the order to define follows */
	if (n->state == RELOC_TRANSFERRING)
		step_go(s, RELOC_VERIFYING, "copied and verified");
	else
		step_because(s, "copied and verified");
}

static void on_transfer(struct step *s)
{
	struct reloc *n = s->n;
	const struct reloc_event *ev = s->ev;

	if (ev->job != n->job || ev->token != n->token || n->copied)
		return;
	switch (ev->transfer) {
	case RELOC_XFER_WAITING:
		step_patience(s);
		break;
	case RELOC_XFER_MOVING:
		step_progress(s);
		break;
	case RELOC_XFER_PROVING:
		if (n->state == RELOC_TRANSFERRING)
			step_go(s, RELOC_VERIFYING, "comparing source and target");
		else
			step_progress(s);
		break;
	case RELOC_XFER_DONE:
	case RELOC_XFER_FAILED:
		if (ev->transfer == RELOC_XFER_DONE && ev->ok) {
			verified(s);
			break;
		}
		if (ev->permanent) {
			n->moving = false;
			step_next_target(s, ev->text);
			break;
		}
		/* fall through - a "done" without equal hashes is retried too */
	case RELOC_XFER_LOST:
		n->token++;
		n->progress = 0;
		if (n->state == RELOC_VERIFYING)
			step_go(s, RELOC_TRANSFERRING, "retrying: %.150s", ev->text);
		else
			step_because(s, "retrying: %.150s", ev->text);
		break;
	}
}

/* TRANSFERRING and VERIFYING. */
void step_transferring(struct step *s)
{
	struct reloc *n = s->n;
	const struct reloc_event *ev = s->ev;

	if (step_interrupted(s))
		return;
	if (ev->kind == RELOC_TRANSFER) {
		on_transfer(s);
	} else if (ev->kind == RELOC_DEFINED && n->copied) {
		if (ev->ok)
			step_go(s, RELOC_GRANTING, "defined, start blocked");
		else if (ev->permanent)
			step_next_target(s, ev->text);
	} else if (ev->kind == RELOC_TICK && step_late(s)) {
		step_next_target(
			s, n->state == RELOC_TRANSFERRING
				   ? "the copy made no progress"
				   : "the copy was not verified or defined in time");
	}
}

/* --- GRANTING, HOME_GRANT, FB_GRANTING: the commit point --- */

static void grant(struct step *s)
{
	struct reloc *n = s->n;
	uint32_t i = (uint32_t)n->target;
	struct reloc_copy *c = &n->copy[i];

	n->epoch++;
	n->active = i;
	c->epoch = n->epoch;
	c->defined = c->alive = true;
	c->proof = RELOC_NO_PROOF;
	c->proof_at_ms = 0;
	c->proof_by[0] = c->proof_text[0] = '\0';
	n->started = n->maybe_ran = false;
	n->starts++;
	n->granted_ms = s->now_ms;
	step_go(s, i == 0 ? RELOC_RESTORING_HOME : RELOC_STARTING,
		"granted to %s/%s, epoch %llu", c->place.cluster, c->place.host,
		(unsigned long long)n->epoch);
}

static void contradicted(struct step *s, int i)
{
	struct reloc *n = s->n;

	if (i < 0)
		return;
	step_unprove(s, (uint32_t)i);
	n->copy[i].alive = true;
	if (i == (int)n->good) {
		step_regrant_good(s, s->ev->text);
		return;
	}
	step_runs_there(s, (uint32_t)i);
	if (n->copy[i].stranger)
		step_split(s, (uint32_t)i);
	else
		step_go(s, RELOC_FENCING, "%s", s->ev->text);
}

static void grant_late(struct step *s)
{
	struct reloc *n = s->n;
	bool target_silent = n->unsure < 0 || n->unsure == n->target;

	if (!target_silent) {
		struct reloc_copy *c = &n->copy[n->unsure];

		c->proof = RELOC_NO_PROOF; /* not contradicted: `copied` stays */
		if (step_needs_proof(c)) {
			step_go(s, RELOC_FENCING, "the proof for %s could not be re-read",
				c->place.host);
			return;
		}
	}
	if (n->target == (int32_t)n->good)
		step_hold(s, RELOC_NEEDS_CHOICE,
			  "%s/%s has its data and is on, but its hypervisor does not "
			  "answer",
			  n->copy[n->good].place.cluster, n->copy[n->good].place.host);
	else if (n->state == RELOC_FB_GRANTING) {
		n->auto_failback_held = true;
		step_regrant_good(s, "the home host does not answer");
	} else {
		step_next_target(s, "the target does not answer");
	}
}

void step_granting(struct step *s)
{
	struct reloc *n = s->n;
	const struct reloc_event *ev = s->ev;

	if (n->state == RELOC_FB_GRANTING && step_at(s) == 0 &&
	    ev->kind == RELOC_HOST_DOWN) {
		n->copy[0].alive = false;
		n->host_back_ms = 0;
		step_regrant_good(s, "the home host failed again");
		return;
	}
	if (step_interrupted(s))
		return;
	if (ev->kind == RELOC_TICK && step_late(s)) {
		grant_late(s);
		return;
	}
	if (ev->kind != RELOC_RECHECKED)
		return;
	switch (ev->recheck) {
	case RELOC_STANDS:
		if (!step_all_proven_but(n, n->target))
			step_go(s, RELOC_FENCING, "another copy is not proven off");
		else if (n->target != (int32_t)n->good && !n->copied)
			step_next_target(s, "its copy is not verified");
		else
			grant(s);
		break;
	case RELOC_GONE:
		contradicted(s, step_at(s));
		break;
	case RELOC_UNSURE:
	case RELOC_TARGET_SILENT: {
		int32_t silent = ev->recheck == RELOC_UNSURE ? step_at(s) : n->target;

		if (silent != n->unsure) {
			n->unsure = silent;
			step_because(s, "%s", ev->text);
		}
		break;
	}
	}
}
