/* The building blocks of the states: copies, proofs, and the change of state. */
#include "machine/step.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "vrs/mem.h"

/* clang-format off */
static const char *const event_names[RELOC_N_EVENTS] = {
	[RELOC_TICK]                 = "tick",
	[RELOC_HOST_SUSPECT]         = "host suspect",
	[RELOC_HOST_BRAKE]           = "host brake",
	[RELOC_HOST_DOWN]            = "host down",
	[RELOC_HOST_UP]              = "host up",
	[RELOC_HOST_BACK]            = "host back",
	[RELOC_SEEN_RUNNING]         = "seen running",
	[RELOC_SEEN_TWICE]           = "seen twice",
	[RELOC_WENT_DOWN]            = "went down",
	[RELOC_FENCE_RESULT]         = "fence result",
	[RELOC_STOPPED]              = "stopped",
	[RELOC_DECIDED]              = "decided",
	[RELOC_RESERVED]             = "reserved",
	[RELOC_TRANSFER]             = "transfer",
	[RELOC_DEFINED]              = "defined",
	[RELOC_RECHECKED]            = "rechecked",
	[RELOC_STARTED]              = "started",
	[RELOC_HEALTH]               = "health",
	[RELOC_QUERIED]              = "queried",
	[RELOC_QUARANTINED]          = "quarantined",
	[RELOC_CLEANED]              = "cleaned",
	[RELOC_REMOVED]              = "disks removed",
	[RELOC_OPERATOR_FAIL]        = "operator: failed",
	[RELOC_OPERATOR_CONFIRM_OFF] = "operator: off",
	[RELOC_OPERATOR_WITHDRAW]    = "operator: withdraw",
	[RELOC_OPERATOR_RELOCATE]    = "operator: relocate",
	[RELOC_OPERATOR_FAILBACK]    = "operator: failback",
	[RELOC_OPERATOR_CANCEL]      = "operator: cancel",
};
/* clang-format on */

const char *reloc_event_name(enum reloc_event_kind k)
{
	return event_names[k];
}

/* --- copies --- */

int reloc_copy_at(const struct reloc *r, const char *cluster, const char *host)
{
	for (uint32_t i = 0; i < r->n_copies; i++)
		if (strcmp(r->copy[i].place.cluster, cluster) == 0 &&
		    strcmp(r->copy[i].place.host, host) == 0)
			return (int)i;
	return -1;
}

int step_at(const struct step *s)
{
	return reloc_copy_at(s->n, s->ev->place.cluster, s->ev->place.host);
}

bool reloc_undefines(const struct reloc *r, enum reloc_order_kind kind, uint32_t copy)
{
	return (kind == RELOC_DO_STOP || kind == RELOC_DO_KILL ||
		kind == RELOC_DO_FENCE) &&
	       !r->copy[copy].stranger && /* the definition is its owner's */
	       (copy != r->good || (copy == r->active && r->starts > 0));
}

bool step_in_split(const struct reloc *r)
{
	return r->state == RELOC_SPLIT_SUSPECT || r->hold == RELOC_NEEDS_STOP;
}

/* Of two copies the one with the older grant is stopped, but not before the granted host
 * was queried: if the VM is off there, the other copy may be the only one left. One
 * without a grant is stopped only if the granted one was seen running since the split. */
bool step_knows_older(const struct reloc *r, uint32_t i)
{
	const struct reloc_copy *newest = &r->copy[r->active];
	bool proven = newest->proof != RELOC_NO_PROOF;

	if (r->copy[i].stranger)
		return newest->alive && !proven && r->granted_seen == RELOC_SEEN_ON;
	return !step_in_split(r) || proven || r->granted_seen == RELOC_UNREACHABLE ||
	       r->granted_seen == RELOC_SEEN_ON;
}

/* A copy that may be running. One that was never granted is defined with its start
 * blocked: it needs no proof unless it was seen running. */
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
	if (c->stranger || reloc_undefines(s->n, RELOC_DO_KILL, i))
		c->defined = false;
	c->stranger = false; /* its owner keeps the definition */
}

/* Its proof is void, and a copy made of it may be outdated. */
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

bool step_answers(struct step *s, uint32_t i)
{
	struct reloc_copy *c = &s->n->copy[i];

	if (c->alive)
		return false;
	if (c->proof != RELOC_F3_ATTESTED)
		step_unprove(s, i);
	c->alive = true;
	step_because(s, "%s answers again", s->ev->place.host);
	return true;
}

/* Drops copies that neither run nor have a definition or disks. Home stays copy[0]. */
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

/* Drops one copy of which only disks are left; they are no longer removed or reused. */
static void drop_disks_only(struct reloc *n)
{
	for (uint32_t i = n->n_copies - 1; i > 0; i--)
		if (i != n->active && i != n->good && (int32_t)i != n->target &&
		    !n->copy[i].defined && !n->copy[i].seen_running) {
			n->copy[i].disks = false;
			step_compact(n);
			return;
		}
}

/* Index of the copy at a place, added if necessary; -1: the record is full. */
int32_t step_want_copy(struct reloc *n, const struct reloc_place *place)
{
	int at = reloc_copy_at(n, place->cluster, place->host);

	if (at >= 0)
		return at;
	step_compact(n);
	if (n->n_copies == RELOC_MAX_COPIES)
		drop_disks_only(n);
	if (n->n_copies == RELOC_MAX_COPIES)
		return -1;
	n->copy[n->n_copies] = (struct reloc_copy){.place = *place};
	return (int32_t)n->n_copies++;
}

/* --- changing state --- */

static int64_t deadline_of(const struct step *s)
{
	size_t budget = s->states[s->n->state].budget;

	return budget ? *(const int64_t *)((const char *)s->rules + budget) : 0;
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
	char why[sizeof(n->why)]; /* an argument may be n->why itself */
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	if (!why[0]) /* no reason given: name the event */
		(void)snprintf(why, sizeof(why), "%s%s%s", reloc_event_name(s->ev->kind),
			       s->ev->place.host[0] ? ": " : "", s->ev->place.host);
	memcpy(n->why, why, sizeof(why));
	n->state = to;
	n->op++;
	n->since_ms = s->now_ms;
	int64_t budget_ms = deadline_of(s);
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

/* Nothing has changed: the alert is repeated when due. */
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
	int64_t budget_ms = deadline_of(s);

	/* not a durable write for every few bytes */
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
	int64_t budget_ms = deadline_of(s);

	if (n->deadline_ms - s->now_ms >= budget_ms / 2)
		return;
	n->deadline_ms = s->now_ms + budget_ms;
	s->changed = true;
}

/* A new failure or order: clears what the previous one left in the record. */
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
	n->pinned[0] = n->fence_error[0] = '\0';
	n->bytes_moved = n->fb_bytes_moved = 0;
	n->detected_ms = n->fenced_ms = n->decided_ms = n->copy_started_ms = 0;
	n->copied_ms = n->granted_ms = n->alive_ms = n->host_back_ms = 0;
	n->fb_stopped_ms = n->fb_alive_ms = n->predicted_outage_ms = 0;
}

/* The host of the newest grant is down, or was declared down. */
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

/* Starts it again where its data is: at home, or where it ran last. */
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
