#include "machine/step.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "vrs/mem.h"

/* --- copies --- */

/* A copy that might run, for all that is known. One that was never granted is defined
 * with its start blocked: it needs no proof unless somebody saw it running. */
bool step_needs_proof(const struct reloc_copy *c)
{
	return c->seen_running ||
	       (c->defined && c->epoch > 0 && c->proof == RELOC_NO_PROOF);
}

bool step_all_proven_but(const struct reloc *r, int32_t except)
{
	for (uint32_t i = 0; i < r->n_copies; i++)
		if ((int32_t)i != except && step_needs_proof(&r->copy[i]))
			return false;
	return true;
}

void step_prove(struct step *s, struct reloc_copy *c, enum reloc_proof proof)
{
	c->proof = proof;
	c->proof_at_ms = s->now_ms;
	c->seen_running = false;
	c->alive = proof == RELOC_F3_ATTESTED;
	(void)vrs_strcpy(c->proof_by, sizeof(c->proof_by), s->ev->by);
	(void)vrs_strcpy(c->proof_text, sizeof(c->proof_text), s->ev->text);
	s->changed = true;
}

void step_stopped(struct step *s, uint32_t i)
{
	struct reloc_copy *c = &s->n->copy[i];

	step_prove(s, c, RELOC_F3_ATTESTED);
	if (reloc_undefines(s->n, RELOC_DO_KILL, i))
		c->defined = false;
}

/* Whatever was proven of it is void. What was copied from it may be older than it is. */
void step_unprove(struct step *s, uint32_t i)
{
	struct reloc_copy *c = &s->n->copy[i];

	c->proof = RELOC_NO_PROOF;
	c->proof_at_ms = 0;
	c->proof_by[0] = c->proof_text[0] = '\0';
	if (i == s->n->good)
		s->n->copied = false;
	s->changed = true;
}

/* Leaves out copies of which nothing is left. Home stays copy[0]. */
void step_compact(struct reloc *n)
{
	for (uint32_t i = n->n_copies - 1; i > 0; i--) {
		if (i == n->active || i == n->good || (int32_t)i == n->target ||
		    n->copy[i].defined || n->copy[i].disks || n->copy[i].seen_running)
			continue;
		memmove(&n->copy[i], &n->copy[i + 1],
			(n->n_copies - i - 1) * sizeof(n->copy[0]));
		n->n_copies--;
		memset(&n->copy[n->n_copies], 0, sizeof(n->copy[0]));
		n->active -= n->active > i;
		n->good -= n->good > i;
		n->target -= n->target > (int32_t)i;
		n->unsure = -1;
	}
}

/* Where room is needed, disks that only wait to be removed or reused are lost sight of.
 */
static void give_up_one(struct reloc *n)
{
	for (uint32_t i = n->n_copies - 1; i > 0; i--)
		if (i != n->active && i != n->good && (int32_t)i != n->target &&
		    !n->copy[i].defined && !n->copy[i].seen_running) {
			n->copy[i].disks = false;
			step_compact(n);
			return;
		}
}

/* Index of the copy at a place, made if need be; -1: no room for one more. */
int32_t step_want_copy(struct reloc *n, const struct reloc_place *place)
{
	int at = reloc_copy_at(n, place->cluster, place->host);

	if (at >= 0)
		return at;
	step_compact(n);
	if (n->n_copies == RELOC_MAX_COPIES)
		give_up_one(n);
	if (n->n_copies == RELOC_MAX_COPIES)
		return -1;
	n->copy[n->n_copies] = (struct reloc_copy){.place = *place};
	return (int32_t)n->n_copies++;
}

/* --- changing state --- */

static int64_t deadline_of(const struct reloc_rules *rules, const struct reloc *n)
{
	switch (n->state) {
	case RELOC_SUSPECT:
		return rules->suspect_ms;
	case RELOC_FENCING:
		return rules->fence_ms;
	case RELOC_DECIDING:
		return rules->decide_ms;
	case RELOC_RESERVING:
	case RELOC_LOCAL_RESTART:
		return rules->reserve_ms;
	case RELOC_TRANSFERRING:
	case RELOC_FB_FINAL_SYNC:
		return rules->stall_ms;
	case RELOC_VERIFYING:
		return rules->verify_ms;
	case RELOC_GRANTING:
	case RELOC_FB_GRANTING:
	case RELOC_HOME_GRANT:
		return rules->grant_ms;
	case RELOC_STARTING:
	case RELOC_RESTORING_HOME:
		return rules->boot_ms;
	case RELOC_START_FAILED:
	case RELOC_FB_QUIESCE:
		return rules->stop_ms;
	case RELOC_REPROTECTING:
		return rules->look_ms;
	case RELOC_WAIT_REPAIR:
	case RELOC_HOLD_OPERATOR:
	case RELOC_HOLD_BRAKE:
		return rules->review_ms;
	case RELOC_SPLIT_SUSPECT:
		return rules->split_ms;
	case RELOC_CLEANUP:
		return rules->cleanup_ms;
	default:
		return 0; /* left by the next tick, or nothing is under way */
	}
}

void step_because(struct step *s, const char *fmt, ...)
{
	char why[sizeof(s->n->why)];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	memcpy(s->n->why, why, sizeof(why));
	s->changed = true;
}

void step_go(struct step *s, enum reloc_state to, const char *fmt, ...)
{
	struct reloc *n = s->n;
	char why[sizeof(n->why)]; /* what is printed may be the old reason itself */
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	if (!why[0]) /* whoever was asked had nothing to say: then what happened */
		(void)snprintf(why, sizeof(why), "%s%s%s", reloc_event_name(s->ev->kind),
			       s->ev->place.host[0] ? ": " : "", s->ev->place.host);
	memcpy(n->why, why, sizeof(why));
	n->state = to;
	n->op++;
	n->since_ms = s->now_ms;
	int64_t budget_ms = deadline_of(s->rules, n);
	n->deadline_ms = budget_ms > 0 ? s->now_ms + budget_ms : 0;
	n->unsure = -1;
	if (to != RELOC_HOLD_OPERATOR) {
		n->hold = RELOC_NO_HOLD;
		n->hold_reason[0] = '\0';
	}
	s->changed = true;
}

void step_hold(struct step *s, enum reloc_hold kind, const char *fmt, ...)
{
	char reason[sizeof(s->n->hold_reason)];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(reason, sizeof(reason), fmt, ap);
	va_end(ap);
	step_go(s, RELOC_HOLD_OPERATOR, "%.190s", reason);
	s->n->hold = kind;
	memcpy(s->n->hold_reason, reason, sizeof(reason));
	s->n->paged_ms = s->now_ms;
}

bool step_late(const struct step *s)
{
	return s->n->deadline_ms > 0 && s->now_ms >= s->n->deadline_ms;
}

/* Nothing has changed: whoever was called is called again in time. */
void step_page_again(struct step *s)
{
	struct reloc *n = s->n;

	n->deadline_ms = s->now_ms + s->rules->review_ms;
	if (s->now_ms - n->paged_ms >= s->rules->page_ms)
		n->paged_ms = s->now_ms;
	s->changed = true;
}

void step_progress(struct step *s)
{
	struct reloc *n = s->n;
	int64_t budget_ms = deadline_of(s->rules, n);

	/* not every byte is worth a durable write */
	if (s->ev->bytes <= n->progress ||
	    n->deadline_ms - s->now_ms >= budget_ms * 3 / 4)
		return;
	n->progress = s->ev->bytes;
	n->deadline_ms = s->now_ms + budget_ms;
	s->changed = true;
}

void step_patience(struct step *s)
{
	struct reloc *n = s->n;
	int64_t budget_ms = deadline_of(s->rules, n);

	if (n->deadline_ms - s->now_ms >= budget_ms / 2)
		return;
	n->deadline_ms = s->now_ms + budget_ms;
	s->changed = true;
}

/* A new failure, or a new order: what the last one left in the record is over. */
void step_begin(struct step *s)
{
	struct reloc *n = s->n;

	n->target = -1;
	n->unsure = -1;
	step_compact(n);
	(void)snprintf(n->id, sizeof(n->id), "%.40s-%llu", n->vm_name,
		       (unsigned long long)(n->op + 1));
	n->planned = n->readable = n->copied = n->started = n->local = false;
	n->good_failed = false;
	n->cancelled = n->failback_asked = n->auto_failback_held = false;
	n->starts = n->decisions = n->n_tried = 0;
	memset(n->tried, 0, sizeof(n->tried));
	n->pinned[0] = n->fence_said[0] = '\0';
	n->bytes_moved = n->fb_bytes_moved = 0;
	n->detected_ms = n->fenced_ms = n->decided_ms = n->copy_started_ms = 0;
	n->copied_ms = n->granted_ms = n->alive_ms = n->host_back_ms = 0;
	n->fb_stopped_ms = n->fb_alive_ms = n->predicted_outage_ms = 0;
}

/* The host of the newest grant is down, or a person says so. */
void step_host_down(struct step *s, const char *why)
{
	struct reloc *n = s->n;
	bool suspected = n->state == RELOC_SUSPECT || n->state == RELOC_HOLD_BRAKE;

	step_begin(s);
	if (!suspected)
		n->silent_since_ms = s->now_ms;
	n->detected_ms = s->now_ms;
	n->copy[n->active].alive = false;
	step_go(s, RELOC_DOWN_LIKELY, "%s", why);
}

/* Lets it run again where its data is: at home, or where it was last. */
void step_regrant_good(struct step *s, const char *why)
{
	struct reloc *n = s->n;

	n->target = (int32_t)n->good;
	n->starts = 0;
	n->started = false;
	step_go(s, n->good == 0 ? RELOC_HOME_GRANT : RELOC_GRANTING, "%s", why);
}

void step_next_target(struct step *s, const char *why)
{
	struct reloc *n = s->n;

	if (n->target >= 0 && n->n_tried < RELOC_MAX_TRIED)
		n->tried[n->n_tried++] = n->copy[n->target].place;
	n->target = -1;
	n->copied = n->local = false;
	step_go(s, RELOC_DECIDING, "%s", why);
}

/* --- watching a VM that runs --- */

void step_removed(struct step *s)
{
	int i = step_at(s);

	if (i <= 0 || !s->ev->ok || !s->n->copy[i].remove)
		return;
	s->n->copy[i].disks = s->n->copy[i].remove = false;
	step_because(s, "%s", s->ev->text);
}

int step_at(const struct step *s)
{
	return reloc_copy_at(s->n, s->ev->place.cluster, s->ev->place.host);
}

/* A host answers: what its power was proven to be is void, what its hypervisor attested
 * of the VM is not. */
static void answers_again(struct step *s, int i)
{
	struct reloc *n = s->n;

	if (!n->copy[i].alive) {
		if (n->copy[i].proof != RELOC_F3_ATTESTED)
			step_unprove(s, (uint32_t)i);
		n->copy[i].alive = true;
		step_because(s, "%s/%s answers again", s->ev->place.cluster,
			     s->ev->place.host);
	}
	if (i == 0 && s->ev->kind == RELOC_HOST_BACK && n->host_back_ms == 0) {
		n->host_back_ms = s->now_ms;
		step_because(s, "home is back");
	}
}

void step_watch(struct step *s)
{
	struct reloc *n = s->n;
	const struct reloc_event *ev = s->ev;
	int i = step_at(s);

	if (i < 0) {
		if (ev->kind == RELOC_SEEN_RUNNING)
			step_stranger(s);
		return;
	}
	bool at_active = i == (int)n->active;
	switch (ev->kind) {
	case RELOC_HOST_DOWN:
	case RELOC_OPERATOR_FAIL:
		if (at_active) {
			step_host_down(s, ev->text);
		} else if (n->copy[i].alive) {
			n->copy[i].alive = false;
			if (i == 0)
				n->host_back_ms = 0;
			step_because(s, "%s/%s is down", ev->place.cluster,
				     ev->place.host);
		}
		break;
	case RELOC_OPERATOR_CONFIRM_OFF:
		if (at_active) {
			step_host_down(s, ev->text);
			step_prove(s, &n->copy[n->active], RELOC_F5_OPERATOR);
		}
		break;
	case RELOC_HOST_UP:
	case RELOC_HOST_BACK:
		if (!at_active)
			answers_again(s, i);
		break;
	case RELOC_SEEN_RUNNING:
		if (!at_active)
			step_split(s, (uint32_t)i);
		break;
	case RELOC_REMOVED:
		step_removed(s);
		break;
	case RELOC_QUARANTINED:
		if (at_active || !ev->ok)
			break;
		step_prove(s, &n->copy[i], RELOC_F3_ATTESTED);
		n->copy[i].defined = false;
		step_because(s, "the copy on %s/%s is off and cannot start",
			     ev->place.cluster, ev->place.host);
		break;
	default:
		break;
	}
}

void step_suspect(struct step *s)
{
	struct reloc *n = s->n;
	enum reloc_state from = n->state;
	bool brake = s->ev->kind == RELOC_HOST_BRAKE;

	if (step_at(s) != (int)n->active)
		return;
	if (from == (brake ? RELOC_HOLD_BRAKE : RELOC_SUSPECT)) {
		s->changed = n->copy[n->active].alive;
		n->copy[n->active].alive = false;
		return;
	}
	n->copy[n->active].alive = false;
	if (from != RELOC_SUSPECT && from != RELOC_HOLD_BRAKE) {
		n->resume = n->active == 0 ? RELOC_PROTECTED : RELOC_RUNNING_AWAY;
		n->silent_since_ms = s->now_ms;
	}
	if (brake)
		n->paged_ms = s->now_ms;
	step_go(s, brake ? RELOC_HOLD_BRAKE : RELOC_SUSPECT, "%s", s->ev->text);
}

void step_planned(struct step *s)
{
	struct reloc *n = s->n;

	step_begin(s);
	n->planned = true;
	n->copy[n->active].alive = true;
	(void)vrs_strcpy(n->pinned, sizeof(n->pinned), s->ev->place.cluster);
	n->detected_ms = n->silent_since_ms = s->now_ms;
	step_go(s, RELOC_FENCING, "%s asked to move it: %s", s->ev->by, s->ev->text);
}
