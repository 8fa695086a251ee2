/* The orders of each state, derived from the record alone. */
#include "machine/orders.h"

#include "machine/step.h"

static void order_add(struct order_list *o, enum reloc_order_kind kind, uint32_t copy)
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

/* A stranger's host is never fenced: VR-SAS did not send the copy there. */
static void order_off(struct order_list *o, uint32_t i)
{
	const struct reloc_copy *c = &o->r->copy[i];

	if (!step_knows_older(o->r, i))
		order_add(o, RELOC_DO_QUERY, i);
	else if (c->alive || c->stranger)
		order_add(o, i == o->r->good ? RELOC_DO_STOP : RELOC_DO_KILL, i);
	else
		order_add(o, RELOC_DO_FENCE, i);
}

/* Proof for every copy that lacks it: from its hypervisor if its host answers, otherwise
 * from its power. A good copy whose host is alive is stopped only for a planned move. */
void order_proofs(struct order_list *o)
{
	const struct reloc *r = o->r;

	for (uint32_t i = 0; i < r->n_copies; i++) {
		const struct reloc_copy *c = &r->copy[i];

		if (step_needs_proof(c) && !(i == r->good && c->alive && !r->planned))
			order_off(o, i);
	}
}

/* Older copies that are not needed lose their definitions; their disks stay. */
void order_quarantine(struct order_list *o)
{
	const struct reloc *r = o->r;

	for (uint32_t i = 0; i < r->n_copies; i++)
		if (i != r->active && i != r->good && r->copy[i].defined)
			order_add(o, RELOC_DO_QUARANTINE, i);
}

void order_stop_older(struct order_list *o)
{
	const struct reloc *r = o->r;

	for (uint32_t i = 0; r->home_unclear && i < r->n_copies; i++)
		order_add(o, RELOC_DO_QUERY, i);
	for (uint32_t i = 0; !r->home_unclear && i < r->n_copies; i++) {
		if (i == r->active || !r->copy[i].seen_running)
			continue;
		order_off(o, i);
	}
	if (!r->home_unclear && r->copy[r->active].proof == RELOC_NO_PROOF)
		order_add(o, RELOC_DO_QUERY, r->active); /* does it still run? */
}

/* Disks marked for removal, while the VM runs at home on its own disks. */
static void order_removal(struct order_list *o)
{
	const struct reloc *r = o->r;

	for (uint32_t i = 1; i < r->n_copies && r->active == 0 && r->good == 0; i++)
		if (r->copy[i].remove && r->copy[i].disks && !r->copy[i].shared &&
		    !r->copy[i].defined && !r->copy[i].seen_running)
			order_add(o, RELOC_DO_REMOVE, i);
}

void order_cleanup(struct order_list *o)
{
	const struct reloc *r = o->r;

	for (uint32_t i = 0; i < r->n_copies; i++)
		if (i != r->active && r->copy[i].defined)
			order_add(o, RELOC_DO_CLEAN, i);
	order_removal(o);
}

/* --- the orders of single states --- */

static uint32_t target_of(const struct reloc *r)
{
	return r->target >= 0 ? (uint32_t)r->target : 0;
}

void order_protected(struct order_list *o)
{
	order_quarantine(o);
	order_removal(o);
}

void order_query(struct order_list *o)
{
	if (o->r->copy[o->r->active].alive)
		order_add(o, RELOC_DO_QUERY, o->r->active);
}

void order_hold(struct order_list *o)
{
	if (o->r->hold == RELOC_NEEDS_PROOF)
		order_proofs(o);
	else if (o->r->hold == RELOC_NEEDS_STOP)
		order_stop_older(o);
}

void order_decision(struct order_list *o)
{
	order_add(o, RELOC_DO_DECIDE, o->r->good);
}

void order_reserve(struct order_list *o)
{
	order_add(o, RELOC_DO_RESERVE, target_of(o->r));
}

void order_define(struct order_list *o)
{
	order_add(o, RELOC_DO_DEFINE, target_of(o->r));
}

void order_transfer(struct order_list *o)
{
	order_add(o, RELOC_DO_TRANSFER, target_of(o->r));
}

void order_verify(struct order_list *o)
{
	if (o->r->copied)
		order_define(o);
	else
		order_transfer(o);
}

void order_recheck(struct order_list *o)
{
	order_add(o, RELOC_DO_RECHECK, target_of(o->r));
}

void order_start(struct order_list *o)
{
	order_add(o, o->r->started ? RELOC_DO_HEALTH : RELOC_DO_START, o->r->active);
	order_quarantine(o);
}

void order_kill(struct order_list *o)
{
	order_add(o, RELOC_DO_KILL, o->r->active);
}

void order_query_home(struct order_list *o)
{
	order_add(o, RELOC_DO_QUERY, 0);
	order_quarantine(o);
}

void order_quiesce(struct order_list *o)
{
	order_add(o, RELOC_DO_STOP, o->r->active);
}

void order_cancel_transfer(struct order_list *o)
{
	order_add(o, RELOC_DO_CANCEL_TRANSFER, target_of(o->r));
}
