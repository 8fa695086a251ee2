/* One step of the machine: event in, next record out; and the orders of a record. */
#include "machine/machine.h"

#include <stdio.h>
#include <string.h>

#include "machine/orders.h"
#include "machine/step.h"
#include "vrs/mem.h"

void reloc_init(struct reloc *r, const char *vm_id, const char *vm_name,
		const struct reloc_place *home)
{
	*r = (struct reloc){
		.state = RELOC_PROTECTED,
		.resume = RELOC_PROTECTED,
		.epoch = 1,
		.op = 1,
		.n_copies = 1,
		.target = -1,
		.unsure = -1,
	};
	(void)vrs_strcpy(r->vm_id, sizeof(r->vm_id), vm_id);
	(void)vrs_strcpy(r->vm_name, sizeof(r->vm_name), vm_name);
	r->copy[0] = (struct reloc_copy){
		.place = *home,
		.epoch = 1,
		.defined = true,
		.disks = true,
		.alive = true,
	};
}

/* --- one step --- */

static bool is_answer(enum reloc_event_kind k)
{
	return k >= RELOC_FENCE_RESULT && k <= RELOC_REMOVED && k != RELOC_TRANSFER;
}

/* A transfer that no state waits for has ended. */
static void end_transfer(struct step *s)
{
	const struct reloc_event *ev = s->ev;

	if (ev->kind == RELOC_TRANSFER && s->n->moving && ev->job == s->n->job &&
	    (ev->transfer == RELOC_XFER_DONE || ev->transfer == RELOC_XFER_FAILED ||
	     ev->transfer == RELOC_XFER_LOST)) {
		s->n->moving = false;
		step_because(s, "the cancelled transfer has ended");
	}
}

/* Requested before the boot deadline, answered after it: still a sign of life. */
static bool is_late_health_answer(const struct reloc *r, const struct reloc_event *ev)
{
	return ev->kind == RELOC_HEALTH && ev->ok && ev->op + 1 == r->op &&
	       r->state == RELOC_START_FAILED;
}

bool reloc_step(const struct reloc *r, const struct reloc_event *ev,
		const struct reloc_rules *rules, int64_t now_ms, struct reloc *next)
{
	struct step s = {.ev = ev,
			 .rules = rules,
			 .states = reloc_state(RELOC_NONE),
			 .now_ms = now_ms,
			 .n = next};

	*next = *r;
	if (is_answer(ev->kind) && ev->op != r->op && !is_late_health_answer(r, ev))
		return false;
	if (ev->kind == RELOC_TRANSFER && !reloc_state(r->state)->transfers)
		end_transfer(&s);
	else
		reloc_state(r->state)->handle(&s);
	return s.changed;
}

size_t reloc_orders(const struct reloc *r, struct reloc_order *ret)
{
	const struct reloc_state_info *state = reloc_state(r->state);
	struct order_list o = {.r = r, .list = ret};

	if (r->moving && !state->transfers)
		order_cancel_transfer(&o);
	if (state->orders)
		state->orders(&o);
	return o.n;
}

const char *reloc_refuses(const struct reloc *r, const struct reloc_event *ev)
{
	const struct reloc_state_info *state = reloc_state(r->state);

	switch (ev->kind) {
	case RELOC_OPERATOR_RELOCATE:
		return state->may_relocate && r->hold != RELOC_NEEDS_STOP
			       ? NULL
			       : "its relocation is in progress";
	case RELOC_OPERATOR_FAILBACK:
		if (r->active == 0)
			return "the VM is at home";
		return state->may_fail_back ? NULL : "its relocation is in progress";
	case RELOC_OPERATOR_CANCEL:
		if (state->may_cancel)
			return NULL;
		return r->state == RELOC_PROTECTED ? "no relocation is in progress"
						   : "it is past the point of no return";
	case RELOC_OPERATOR_WITHDRAW:
		for (uint32_t i = 0; i < r->n_copies; i++)
			if (r->copy[i].proof == RELOC_F5_OPERATOR && i != r->active &&
			    r->copy[i].epoch < r->epoch)
				return "the VM already runs elsewhere because of that "
				       "claim";
		return NULL;
	default:
		return NULL;
	}
}

enum reloc_recheck reloc_weigh(const struct reloc_copy *c, enum reloc_seen vm,
			       enum reloc_seen power)
{
	bool by_power = c->proof == RELOC_F1_POWER_OFF || c->proof == RELOC_F5_OPERATOR;

	if (vm == RELOC_SEEN_ON)
		return RELOC_GONE;
	if (!c->defined || c->epoch == 0)
		return RELOC_STANDS; /* nothing there can start by itself */
	if (by_power && (vm == RELOC_SEEN_OFF || power == RELOC_SEEN_ON))
		return RELOC_GONE; /* its host is on */
	if (vm == RELOC_SEEN_OFF)
		return RELOC_STANDS;
	if (power == RELOC_SEEN_OFF)
		return RELOC_STANDS;
	return c->proof == RELOC_F5_OPERATOR ? RELOC_STANDS : RELOC_UNSURE;
}
