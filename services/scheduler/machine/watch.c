/* Events with the same meaning in every state in which the VM runs or starts. */
#include "machine/step.h"
#include "vrs/mem.h"

void step_removed(struct step *s)
{
	int i = step_at(s);

	if (i <= 0 || !s->ev->ok || !s->n->copy[i].remove)
		return;
	s->n->copy[i].disks = s->n->copy[i].remove = false;
	step_because(s, "%s", s->ev->text);
}

static void answers_again(struct step *s, int i)
{
	struct reloc *n = s->n;

	(void)step_answers(s, (uint32_t)i);
	if (i == 0 && s->ev->kind == RELOC_HOST_BACK && n->host_back_ms == 0) {
		n->host_back_ms = s->now_ms;
		step_because(s, "the home host is back");
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
	step_go(s, RELOC_FENCING, "move requested by %s: %s", s->ev->by, s->ev->text);
}
