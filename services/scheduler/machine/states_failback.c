/* From the grant on: start, running away from home, failback. */
#include <stdio.h>
#include <string.h>

#include "machine/step.h"

/* It may have run there, and its guest may have acknowledged writes: from now on those
 * disks hold the VM's data. */
static void data_is_at_active(struct reloc *n)
{
	n->good = n->active;
	n->copied = false;
}

/* The host of the newest grant died before its VM was in service, or while it was being
 * stopped: one more copy must be proven off. */
static bool active_died(struct step *s)
{
	struct reloc *n = s->n;
	const struct reloc_event *ev = s->ev;

	if (step_at(s) != (int)n->active ||
	    (ev->kind != RELOC_HOST_DOWN && ev->kind != RELOC_OPERATOR_FAIL &&
	     ev->kind != RELOC_OPERATOR_CONFIRM_OFF))
		return false;
	n->copy[n->active].alive = false;
	n->planned = false;
	n->fence_error[0] = '\0';
	data_is_at_active(n);
	step_go(s, RELOC_FENCING, "%s", ev->text);
	if (ev->kind == RELOC_OPERATOR_CONFIRM_OFF)
		step_prove(s, &n->copy[n->active], RELOC_F5_OPERATOR);
	return true;
}

static bool leftovers(const struct reloc *n)
{
	for (uint32_t i = 0; i < n->n_copies; i++)
		if (i != n->active && (n->copy[i].defined || n->copy[i].remove))
			return true;
	return false;
}

/* The places that still define an old copy, or keep disks that are not needed. */
static void name_leftovers(const struct reloc *n, char *buf, size_t size)
{
	size_t len = 0;

	buf[0] = '\0';
	for (uint32_t i = 0; i < n->n_copies && len + 2 < size; i++) {
		const struct reloc_copy *c = &n->copy[i];

		if (i == n->active || (!c->defined && !c->remove))
			continue;
		int add = snprintf(buf + len, size - len, "%s%s/%s %s", len ? ", " : "",
				   c->place.cluster, c->place.host,
				   c->defined ? "still defines it" : "keeps its disks");
		len += add > 0 ? (size_t)add : 0;
	}
}

static void end_failback(struct step *s)
{
	struct reloc *n = s->n;

	n->target = -1;
	n->planned = n->failback_asked = n->cancelled = n->copied = n->local = false;
	n->pinned[0] = '\0';
	step_compact(n);
}

static void home_again(struct step *s, const char *why)
{
	end_failback(s);
	step_go(s, RELOC_PROTECTED, "%s", why);
}

/* The VM is proven to run at home. Of the disks elsewhere only those that it ran on last
 * may stay, as a seed; the others are removed. `last`: where it came from; 0: it was not
 * away, so the seed that is there is the newest. */
static void mark_disks(struct step *s, uint32_t last)
{
	struct reloc *n = s->n;

	for (uint32_t i = 1; i < n->n_copies; i++) {
		struct reloc_copy *c = &n->copy[i];
		bool newest = last > 0 ? i == last : c->seed;

		c->seed = c->disks && !c->shared && newest && s->rules->keep_away;
		c->remove = c->disks && !c->shared && !c->seed;
		if (c->shared)
			c->disks = false; /* these are home's own */
	}
}

/* In service; proven: its guest answered. */
static void in_service(struct step *s, bool proven, const char *why)
{
	struct reloc *n = s->n;
	uint32_t last = n->good;
	bool was_away = n->fb_stopped_ms > 0 && n->good != n->active;

	n->good = n->active;
	n->target = -1;
	n->copied = n->good_failed = false;
	n->starts = 0;
	if (n->active != 0) {
		n->alive_ms = s->now_ms;
		n->auto_failback_held |=
			n->planned; /* left to the operator who moved it */
		n->planned = false;
		n->copy[0].disks = true;
		step_go(s, RELOC_RUNNING_AWAY, "%s", why);
		return;
	}
	n->copy[0].shared = false;
	if (proven)
		mark_disks(s, last);
	if (was_away || n->fb_stopped_ms > 0)
		n->fb_alive_ms = s->now_ms;
	else
		n->alive_ms = s->now_ms;
	if (leftovers(n))
		step_go(s, RELOC_CLEANUP, "%s", why);
	else
		home_again(s, why);
}

/* STARTING and RESTORING_HOME. */
void step_starting(struct step *s)
{
	struct reloc *n = s->n;
	const struct reloc_event *ev = s->ev;

	if (active_died(s))
		return;
	switch (ev->kind) {
	case RELOC_STARTED:
		if (ev->ok && !n->started) {
			n->started = n->maybe_ran = true;
			step_because(s, "started on %s/%s", ev->place.cluster,
				     ev->place.host);
		} else if (!ev->ok && ev->permanent) {
			step_go(s, RELOC_START_FAILED, "%s", ev->text);
		}
		return;
	case RELOC_HEALTH:
		if (ev->ok)
			in_service(s, true, ev->text);
		else if (ev->permanent)
			step_go(s, RELOC_START_FAILED, "%s", ev->text);
		return;
	case RELOC_TICK:
		if (!step_late(s))
			return;
		/* its data is here, so no other host is better: keep it, and alert */
		if (n->started && n->good == n->active) {
			n->paged_ms = s->now_ms;
			in_service(s, false,
				   "it runs, but its guest has not answered in time");
		} else {
			n->maybe_ran = true; /* a start that hung may have succeeded */
			step_go(s, RELOC_START_FAILED,
				"its guest did not answer in time");
		}
		return;
	default:
		step_watch(s);
	}
}

static void copy_home(struct step *s);

/* All start attempts on this host are used up, and the VM is confirmed off there. */
static void start_given_up(struct step *s)
{
	struct reloc *n = s->n;
	const struct reloc_copy *home = &n->copy[0];
	bool home_fit =
		home->alive && (!home->defined || home->proof == RELOC_F3_ATTESTED);

	if (n->maybe_ran)
		data_is_at_active(n);
	n->target = (int32_t)n->active;
	if (n->good != n->active && n->copy[n->good].alive) {
		n->auto_failback_held = true; /* it never ran here */
		step_regrant_good(s, "it does not start on that host");
	} else if (n->good == n->active && n->active != 0 && home_fit &&
		   !n->good_failed) {
		n->good_failed = n->auto_failback_held = true;
		copy_home(s); /* with what it may have written */
	} else {
		n->good_failed = n->good == n->active;
		step_next_target(s, "it does not start on that host");
	}
}

void step_start_failed(struct step *s)
{
	struct reloc *n = s->n;
	const struct reloc_event *ev = s->ev;

	if (active_died(s))
		return;
	if (ev->kind == RELOC_TICK && step_late(s)) {
		data_is_at_active(n);
		step_go(s, RELOC_FENCING,
			"its hypervisor did not confirm it off in time");
		return;
	}
	if (ev->kind == RELOC_HEALTH && ev->ok && step_at(s) == (int)n->active) {
		in_service(s, true, ev->text); /* before it was stopped */
		return;
	}
	if (ev->kind != RELOC_STOPPED || !ev->ok) {
		step_watch(s);
		return;
	}
	n->maybe_ran |= ev->seen == RELOC_SEEN_ON;
	struct reloc_copy *c = &n->copy[n->active];
	step_stopped(s, n->active);
	if (n->starts <
	    s->rules->max_starts) { /* on the same host, under the same grant */
		c->proof = RELOC_NO_PROOF;
		c->defined = true;
		n->starts++;
		n->started = false;
		step_go(s, n->active == 0 ? RELOC_RESTORING_HOME : RELOC_STARTING,
			"start attempt %u on %s/%s", n->starts, c->place.cluster,
			c->place.host);
	} else {
		start_given_up(s);
	}
}

/* Towards the failback, as far as the home host allows it now. */
static void approach_failback(struct step *s)
{
	struct reloc *n = s->n;
	bool tick = s->ev->kind == RELOC_TICK;
	bool home_fit = n->host_back_ms > 0 && n->copy[0].alive && !n->copy[0].defined;

	if (n->state != RELOC_RUNNING_AWAY && n->state != RELOC_REPROTECTING &&
	    n->state != RELOC_FAILBACK_READY)
		return;
	if (n->state != RELOC_RUNNING_AWAY && !home_fit) {
		step_go(s, RELOC_RUNNING_AWAY, "the home host is no longer available");
	} else if (n->state == RELOC_RUNNING_AWAY && home_fit && tick) {
		step_go(s, RELOC_REPROTECTING, "the home host is back");
	} else if (n->state == RELOC_REPROTECTING && tick && step_late(s)) {
		n->host_back_ms = 0; /* until it is stable again */
		step_go(s, RELOC_RUNNING_AWAY,
			"the home host answers, but its hypervisor does not");
	} else if (n->state == RELOC_FAILBACK_READY && tick &&
		   (n->failback_asked ||
		    (s->rules->auto_failback && !n->auto_failback_held))) {
		step_go(s, RELOC_FB_QUIESCE, "starting the failback");
	}
}

/* RUNNING_AWAY, REPROTECTING, FAILBACK_READY. */
void step_running_away(struct step *s)
{
	struct reloc *n = s->n;
	const struct reloc_event *ev = s->ev;
	int i = step_at(s);

	switch (ev->kind) {
	case RELOC_HOST_SUSPECT:
	case RELOC_HOST_BRAKE:
		if (i == (int)n->active) {
			step_suspect(s);
			return;
		}
		if (i != 0 || n->host_back_ms == 0)
			return;
		n->host_back_ms = 0;
		step_because(s, "the home host is silent again");
		break;
	case RELOC_OPERATOR_RELOCATE:
		step_planned(s);
		return;
	case RELOC_WENT_DOWN:
		if (i == (int)n->active)
			step_regrant_good(s, "the VM went down");
		return;
	case RELOC_OPERATOR_FAILBACK:
		n->failback_asked = true;
		n->auto_failback_held = false;
		step_because(s, "%s requested the failback", ev->by);
		break;
	case RELOC_OPERATOR_CANCEL:
		n->failback_asked = false;
		n->auto_failback_held = true;
		step_because(s, "%s", ev->text);
		return;
	case RELOC_QUERIED:
		if (ev->seen == RELOC_SEEN_OFF && i == 0 &&
		    n->state == RELOC_REPROTECTING)
			step_go(s, RELOC_FAILBACK_READY,
				"the home host can take it back");
		return;
	default:
		step_watch(s);
		break;
	}
	approach_failback(s);
}

/* --- the failback --- */

/* Cancels the failback: the VM runs on where it is, under a new epoch. */
static void stay_away(struct step *s, const char *why)
{
	s->n->auto_failback_held = true;
	s->n->failback_asked = false;
	step_regrant_good(s, why);
}

/* Events that cancel the failback. True when the event was one of these. */
static bool failback_cancelled(struct step *s)
{
	struct reloc *n = s->n;
	const struct reloc_event *ev = s->ev;

	if (ev->kind == RELOC_OPERATOR_CANCEL) {
		stay_away(s, ev->text);
		return true;
	}
	if ((ev->kind == RELOC_HOST_DOWN || ev->kind == RELOC_OPERATOR_FAIL) &&
	    step_at(s) == 0) {
		n->copy[0].alive = false;
		n->host_back_ms = 0;
		step_regrant_good(s, "the home host failed again");
		return true;
	}
	return false;
}

static void copy_home(struct step *s)
{
	struct reloc *n = s->n;

	n->fb_stopped_ms = s->now_ms;
	n->target = 0;
	n->starts = 0;
	n->started = false;
	if (n->copy[n->active].shared) {
		n->copied = true;
		step_go(s, RELOC_FB_GRANTING, "stopped; the home host shares its disks");
		return;
	}
	step_go(s, RELOC_FB_FINAL_SYNC, "stopped; copying changed blocks home");
	n->copied = false;
	n->job = n->op;
	n->token = 1;
	n->moving = true;
	n->progress = 0;
}

void step_quiesce(struct step *s)
{
	struct reloc *n = s->n;
	const struct reloc_event *ev = s->ev;

	if (active_died(s) || failback_cancelled(s))
		return;
	if (ev->kind == RELOC_STOPPED && ev->ok && step_at(s) == (int)n->active) {
		step_prove(s, &n->copy[n->active], RELOC_F3_ATTESTED);
		copy_home(s);
	} else if (ev->kind == RELOC_TICK && step_late(s)) {
		stay_away(s, "the VM did not stop in time");
	} else {
		step_watch(s);
	}
}

static void sync_home(struct step *s)
{
	struct reloc *n = s->n;
	const struct reloc_event *ev = s->ev;

	if (ev->job != n->job || ev->token != n->token)
		return;
	if (ev->transfer == RELOC_XFER_DONE && ev->ok) {
		n->moving = false;
		n->copied = true;
		n->fb_bytes_moved = ev->bytes;
		step_go(s, RELOC_FB_GRANTING, "home and remote disks are equal");
	} else if (ev->transfer == RELOC_XFER_FAILED && ev->permanent) {
		n->moving = false;
		stay_away(s, ev->text);
	} else if (ev->transfer == RELOC_XFER_WAITING) {
		step_patience(s);
	} else if (ev->transfer == RELOC_XFER_MOVING ||
		   ev->transfer == RELOC_XFER_PROVING) {
		step_progress(s);
	} else {
		n->token++;
		n->progress = 0;
		step_because(s, "retrying: %.150s", ev->text);
	}
}

void step_final_sync(struct step *s)
{
	struct reloc *n = s->n;
	const struct reloc_event *ev = s->ev;
	int i = step_at(s);

	if (failback_cancelled(s))
		return;
	switch (ev->kind) {
	case RELOC_TRANSFER:
		sync_home(s);
		break;
	case RELOC_HOST_DOWN:
	case RELOC_HOST_UP:
		if (i >= 0 && n->copy[i].alive != (ev->kind == RELOC_HOST_UP)) {
			n->copy[i].alive = ev->kind == RELOC_HOST_UP;
			step_because(s, "%s", ev->text);
		}
		break;
	case RELOC_SEEN_RUNNING:
		if (i == (int)n->good) {
			step_unprove(s, n->good);
			stay_away(s, "the VM was seen running after it was stopped");
		} else if (i >= 0) {
			step_split(s, (uint32_t)i);
		} else {
			step_stranger(s);
		}
		break;
	case RELOC_TICK:
		if (step_late(s))
			stay_away(s, "the copy home made no progress");
		break;
	default:
		break;
	}
}

void step_cleanup(struct step *s)
{
	struct reloc *n = s->n;
	const struct reloc_event *ev = s->ev;
	int i = step_at(s);

	switch (ev->kind) {
	case RELOC_HOST_SUSPECT:
	case RELOC_HOST_BRAKE:
		step_suspect(s);
		return;
	case RELOC_CLEANED:
		if (i < 0 || i == (int)n->active || !ev->ok)
			return;
		step_prove(s, &n->copy[i], RELOC_F3_ATTESTED);
		n->copy[i].defined = false;
		step_because(s, "%s", ev->text);
		break;
	case RELOC_REMOVED:
		step_removed(s);
		break;
	case RELOC_TICK:
		if (step_late(s)) {
			char left[110];

			name_leftovers(n, left, sizeof(left));
			step_go(s, RELOC_PROTECTED,
				"at home; not removed yet: %s; removal is retried", left);
			end_failback(s);
			return;
		}
		break;
	default:
		step_watch(s);
		break;
	}
	if (n->state == RELOC_CLEANUP && !leftovers(n))
		home_again(s, "at home, cleanup complete");
}
