/* SPLIT_SUSPECT: one of two running copies must be stopped. */
#include <stdio.h>
#include <string.h>

#include "machine/step.h"

/* What could not be stopped, or why nothing is. */
static void stop_reason(const struct reloc *n, char *buf, size_t size)
{
	const struct reloc_place *granted = &n->copy[n->active].place;
	bool off = n->granted_seen == RELOC_SEEN_OFF ||
		   n->copy[n->active].proof != RELOC_NO_PROOF;
	uint32_t running = n->active;

	for (uint32_t i = 0; i < n->n_copies; i++)
		if (n->copy[i].seen_running)
			running = i;
	const struct reloc_place *p = &n->copy[running].place;
	if (step_knows_older(n, running))
		(void)snprintf(buf, size,
			       "an older copy runs on %s/%s and cannot be confirmed off; "
			       "stop it by hand, or power its host off and run `vrsctl "
			       "fail HOST --confirm-off`",
			       p->cluster, p->host);
	else
		(void)snprintf(
			buf, size,
			"%s runs on %s/%s, and the granted copy on %s/%s %s, so VR-SAS "
			"cannot choose; stop that copy by hand; until then VR-SAS starts "
			"and stops nothing",
			n->copy[running].stranger ? "a copy that VR-SAS did not start"
						  : "a copy with an older grant",
			p->cluster, p->host, granted->cluster, granted->host,
			off ? "does not" : "cannot be queried");
}

static void hold_for_stop(struct step *s)
{
	char reason[sizeof(s->n->hold_reason)];

	stop_reason(s->n, reason, sizeof(reason));
	step_hold(s, RELOC_NEEDS_STOP, "%s", reason);
}

/* Its owner stopped it at home and runs it in another cluster. Definition and disks at
 * the old place are left alone from now on. */
static bool moved_by_owner(struct step *s)
{
	struct reloc *n = s->n;
	uint32_t to = 0, running = 0;
	char from[140];

	for (uint32_t i = 1; i < n->n_copies; i++)
		if (n->copy[i].seen_running) {
			to = i;
			running++;
		}
	if (n->resume != RELOC_PROTECTED || n->active != 0 || n->good != 0 ||
	    running != 1 || !n->copy[to].stranger ||
	    strcmp(n->copy[to].place.cluster, n->copy[0].place.cluster) == 0)
		return false;
	(void)snprintf(from, sizeof(from), "%s/%s", n->copy[0].place.cluster,
		       n->copy[0].place.host);
	n->copy[0] = (struct reloc_copy){.place = n->copy[to].place,
					 .epoch = ++n->epoch,
					 .defined = true,
					 .disks = true,
					 .alive = true};
	n->copy[to].defined = n->copy[to].disks = n->copy[to].seen_running = false;
	step_compact(n);
	step_go(s, RELOC_PROTECTED,
		"off on %s, runs on %s/%s: its owner moved it, and this is its home now",
		from, n->copy[0].place.cluster, n->copy[0].place.host);
	return true;
}

/* The granted host reports whether it runs there. Silence voids no answer. */
static void granted_answered(struct step *s)
{
	struct reloc *n = s->n;
	enum reloc_seen seen = s->ev->seen;

	if (seen == RELOC_SEEN_ON && !n->copy[n->active].alive)
		n->copy[n->active].alive = s->changed = true;
	if (seen == n->granted_seen ||
	    (seen == RELOC_UNREACHABLE && n->granted_seen != RELOC_NOT_ASKED))
		return;
	n->granted_seen = seen;
	s->changed = true;
	if (seen == RELOC_SEEN_OFF && moved_by_owner(s))
		return;
	if (seen == RELOC_SEEN_ON) {
		step_because(s, "the granted host confirms that it runs there");
		if (n->paged_ms < n->since_ms)
			n->paged_ms = s->now_ms;
	}
	if (n->state == RELOC_HOLD_OPERATOR)
		stop_reason(n, n->hold_reason, sizeof(n->hold_reason));
}

/* A copy that was seen running is now off, or its host is. */
static bool split_copy_off(struct step *s, int i)
{
	struct reloc *n = s->n;
	const struct reloc_event *ev = s->ev;

	if (i == (int)n->active && ev->kind == RELOC_QUERIED)
		granted_answered(s);
	if (i < 0 || i == (int)n->active)
		return false;
	if (ev->kind == RELOC_STOPPED && ev->ok)
		step_stopped(s, (uint32_t)i);
	else if (ev->kind == RELOC_FENCE_RESULT && ev->proof != RELOC_NO_PROOF)
		step_prove(s, &n->copy[i], ev->proof);
	else if (ev->kind == RELOC_OPERATOR_CONFIRM_OFF)
		step_prove(s, &n->copy[i], RELOC_F5_OPERATOR);
	else
		return step_seen_off(s);
	step_because(s, "the copy on %s/%s is off", n->copy[i].place.cluster,
		     n->copy[i].place.host);
	return true;
}

/* --- found in two places, before it had a record --- */

/* VR-SAS started neither: only an operator knows which one is right. */
static void both_places(const struct reloc *n, char *buf, size_t size)
{
	const struct reloc_copy *other = &n->copy[0];

	for (uint32_t i = 1; i < n->n_copies && other == &n->copy[0]; i++)
		if (n->copy[i].seen_running)
			other = &n->copy[i];
	(void)snprintf(buf, size, "%s/%s and %s/%s", n->copy[0].place.cluster,
		       n->copy[0].place.host, other->place.cluster, other->place.host);
}

void step_seen_twice(struct step *s)
{
	struct reloc *n = s->n;
	int32_t i = step_want_copy(n, &s->ev->place);
	char both[280];

	if (i <= 0 || n->active != 0)
		return;
	step_runs_there(s, (uint32_t)i);
	n->home_unclear = true;
	n->resume = RELOC_PROTECTED;
	both_places(n, both, sizeof(both));
	step_go(s, RELOC_SPLIT_SUSPECT,
		"the VM runs on %s, and VR-SAS started neither copy", both);
	n->paged_ms = s->now_ms;
}

/* It is off there: the copy leaves the record, and its disks stay. */
static void is_off_there(struct step *s, uint32_t gone)
{
	struct reloc *n = s->n;
	uint32_t left = 0;

	for (uint32_t i = 1; i < n->n_copies; i++)
		if (i != gone && n->copy[i].seen_running)
			left = i;
	if (gone == 0) { /* then the other one is the VM, and its host is home */
		if (left == 0)
			return;
		n->copy[0].place = n->copy[left].place;
		n->copy[0].alive = true;
		gone = left;
		for (left = n->n_copies - 1; left > 0; left--)
			if (left != gone && n->copy[left].seen_running)
				break;
	}
	n->copy[gone].defined = n->copy[gone].disks = n->copy[gone].seen_running = false;
	step_compact(n);
	if (left > 0) {
		step_because(s, "off on %s/%s", s->ev->place.cluster, s->ev->place.host);
		return;
	}
	n->home_unclear = false;
	step_go(s, RELOC_PROTECTED, "the VM now runs on %s/%s only",
		n->copy[0].place.cluster, n->copy[0].place.host);
}

static void hold_unclear(struct step *s)
{
	char both[280];

	both_places(s->n, both, sizeof(both));
	step_hold(s, RELOC_NEEDS_STOP,
		  "the VM runs on %s, and VR-SAS started neither copy, so it cannot "
		  "choose; stop one by hand; until then VR-SAS starts, stops and moves "
		  "nothing",
		  both);
}

static void step_unclear(struct step *s)
{
	struct reloc *n = s->n;
	const struct reloc_event *ev = s->ev;
	int i = step_at(s);

	switch (ev->kind) {
	case RELOC_QUERIED:
		if (i >= 0 && ev->seen == RELOC_SEEN_OFF)
			is_off_there(s, (uint32_t)i);
		break;
	case RELOC_OPERATOR_CONFIRM_OFF:
		if (i >= 0)
			is_off_there(s, (uint32_t)i);
		break;
	case RELOC_SEEN_RUNNING:
		i = step_want_copy(n, &ev->place);
		if (i > 0 && !n->copy[i].seen_running)
			step_runs_there(s, (uint32_t)i);
		break;
	case RELOC_TICK:
		if (!step_late(s))
			break;
		if (n->state == RELOC_SPLIT_SUSPECT)
			hold_unclear(s);
		else
			step_page_again(s);
		break;
	default:
		break;
	}
}

/* SPLIT_SUSPECT, and HOLD_OPERATOR that waits for a stop. Nothing is granted until every
 * older copy is confirmed off. */
void step_split_suspect(struct step *s)
{
	struct reloc *n = s->n;
	const struct reloc_event *ev = s->ev;
	int i = step_at(s);

	if (n->home_unclear) {
		step_unclear(s);
		return;
	}
	bool known_dead =
		i == (int)n->active && !n->copy[i].alive &&
		(ev->kind == RELOC_HOST_DOWN || ev->kind == RELOC_OPERATOR_FAIL);

	if (!split_copy_off(s, i) && !known_dead)
		step_watch(s);
	if (n->state != RELOC_SPLIT_SUSPECT && n->state != RELOC_HOLD_OPERATOR)
		return;
	bool over = true;
	for (uint32_t k = 0; k < n->n_copies; k++)
		over = over && !n->copy[k].seen_running;
	if (over) {
		step_go(s, n->resume, "the second copy is off");
	} else if (ev->kind == RELOC_TICK && step_late(s)) {
		if (n->state == RELOC_SPLIT_SUSPECT) {
			hold_for_stop(s);
			return;
		}
		step_page_again(s);
	}
}
