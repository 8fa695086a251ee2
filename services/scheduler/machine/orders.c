/* What has to be done in a state, derived from the record alone. */
#include "machine/step.h"

bool step_follows_transfer(enum reloc_state s)
{
	return s == RELOC_TRANSFERRING || s == RELOC_VERIFYING ||
	       s == RELOC_FB_FINAL_SYNC;
}

bool reloc_undefines(const struct reloc *r, enum reloc_order_kind kind, uint32_t copy)
{
	return (kind == RELOC_DO_STOP || kind == RELOC_DO_KILL ||
		kind == RELOC_DO_FENCE) &&
	       (copy != r->good || (copy == r->active && r->starts > 0));
}

struct orders {
	const struct reloc *r;
	struct reloc_order *list;
	size_t n;
};

static void order(struct orders *o, enum reloc_order_kind kind, uint32_t copy)
{
	if (o->n < RELOC_MAX_ORDERS)
		o->list[o->n++] = (struct reloc_order){
			.kind = kind,
			.copy = copy,
			.op = o->r->op,
			.undefine = reloc_undefines(o->r, kind, copy),
			.spare = o->r->state == RELOC_START_FAILED,
		};
}

/* Of two copies the one with the older grant has to go. One without any grant is the
 * older one as long as the granted one can run; once that is dead, the stranger may be
 * all that is left of the VM, and only people can tell. */
bool step_can_tell(const struct reloc *r, uint32_t i)
{
	const struct reloc_copy *newest = &r->copy[r->active];

	return !r->copy[i].stranger || (newest->alive && newest->proof == RELOC_NO_PROOF);
}

/* A stranger's host is another's: it is never fenced for it. */
static void order_off(struct orders *o, uint32_t i)
{
	const struct reloc_copy *c = &o->r->copy[i];

	if (!step_can_tell(o->r, i))
		order(o, RELOC_DO_LOOK, i);
	else if (c->alive || c->stranger)
		order(o, i == o->r->good ? RELOC_DO_STOP : RELOC_DO_KILL, i);
	else
		order(o, RELOC_DO_FENCE, i);
}

/* Proof for every copy that lacks it: from its hypervisor when its host answers, from its
 * power otherwise. A good copy whose host lives is not shot, unless it is to be moved. */
static void order_proofs(struct orders *o)
{
	const struct reloc *r = o->r;

	for (uint32_t i = 0; i < r->n_copies; i++) {
		const struct reloc_copy *c = &r->copy[i];

		if (step_needs_proof(c) && !(i == r->good && c->alive && !r->planned))
			order_off(o, i);
	}
}

/* Older copies that nothing rests on lose their definitions; their disks stay. */
static void order_quarantine(struct orders *o)
{
	const struct reloc *r = o->r;

	for (uint32_t i = 0; i < r->n_copies; i++)
		if (i != r->active && i != r->good && r->copy[i].defined)
			order(o, RELOC_DO_QUARANTINE, i);
}

static void order_stop_older(struct orders *o)
{
	const struct reloc *r = o->r;
	bool doubt = false;

	for (uint32_t i = 0; r->home_unclear && i < r->n_copies; i++)
		order(o, RELOC_DO_LOOK, i);
	for (uint32_t i = 0; !r->home_unclear && i < r->n_copies; i++) {
		if (i == r->active || !r->copy[i].seen_running)
			continue;
		doubt = doubt || !step_can_tell(r, i);
		order_off(o, i);
	}
	if (doubt && r->copy[r->active].proof == RELOC_NO_PROOF)
		order(o, RELOC_DO_LOOK, r->active); /* it may run after all */
}

/* Disks that are marked for it, while the VM runs at home on its own. */
static void order_removal(struct orders *o)
{
	const struct reloc *r = o->r;

	for (uint32_t i = 1; i < r->n_copies && r->active == 0 && r->good == 0; i++)
		if (r->copy[i].remove && r->copy[i].disks && !r->copy[i].shared &&
		    !r->copy[i].defined && !r->copy[i].seen_running)
			order(o, RELOC_DO_REMOVE, i);
}

static void order_cleaning(struct orders *o)
{
	const struct reloc *r = o->r;

	for (uint32_t i = 0; i < r->n_copies; i++)
		if (i != r->active && r->copy[i].defined)
			order(o, RELOC_DO_CLEAN, i);
	order_removal(o);
}

size_t reloc_orders(const struct reloc *r, struct reloc_order *ret)
{
	struct orders o = {.r = r, .list = ret};
	uint32_t target = r->target >= 0 ? (uint32_t)r->target : 0;

	if (r->moving && !step_follows_transfer(r->state))
		order(&o, RELOC_DO_CANCEL_TRANSFER, target);
	switch (r->state) {
	case RELOC_PROTECTED:
	case RELOC_RUNNING_AWAY:
	case RELOC_FAILBACK_READY:
		order_quarantine(&o);
		if (r->state == RELOC_PROTECTED)
			order_removal(&o);
		break;
	case RELOC_SUSPECT:
	case RELOC_HOLD_BRAKE:
		if (r->copy[r->active].alive)
			order(&o, RELOC_DO_LOOK, r->active);
		break;
	case RELOC_FENCING:
		order_proofs(&o);
		break;
	case RELOC_HOLD_OPERATOR:
		if (r->hold == RELOC_NEEDS_PROOF)
			order_proofs(&o);
		else if (r->hold == RELOC_NEEDS_STOP)
			order_stop_older(&o);
		break;
	case RELOC_DECIDING:
		order(&o, RELOC_DO_DECIDE, r->good);
		break;
	case RELOC_RESERVING:
		order(&o, RELOC_DO_RESERVE, target);
		break;
	case RELOC_LOCAL_RESTART:
		order(&o, RELOC_DO_DEFINE, target);
		break;
	case RELOC_TRANSFERRING:
	case RELOC_FB_FINAL_SYNC:
		order(&o, RELOC_DO_TRANSFER, target);
		break;
	case RELOC_VERIFYING:
		order(&o, r->copied ? RELOC_DO_DEFINE : RELOC_DO_TRANSFER, target);
		break;
	case RELOC_GRANTING:
	case RELOC_HOME_GRANT:
	case RELOC_FB_GRANTING:
		order(&o, RELOC_DO_RECHECK, target);
		break;
	case RELOC_STARTING:
	case RELOC_RESTORING_HOME:
		order(&o, r->started ? RELOC_DO_HEALTH : RELOC_DO_START, r->active);
		order_quarantine(&o);
		break;
	case RELOC_START_FAILED:
		order(&o, RELOC_DO_KILL, r->active);
		break;
	case RELOC_REPROTECTING:
		order(&o, RELOC_DO_LOOK, 0);
		order_quarantine(&o);
		break;
	case RELOC_FB_QUIESCE:
		order(&o, RELOC_DO_STOP, r->active);
		break;
	case RELOC_CLEANUP:
		order_cleaning(&o);
		break;
	case RELOC_SPLIT_SUSPECT:
		order_stop_older(&o);
		break;
	default:
		break;
	}
	return o.n;
}
