/* orders.h - the orders of each state, for the table of states. */
#ifndef SCHEDULER_MACHINE_ORDERS_H
#define SCHEDULER_MACHINE_ORDERS_H

#include "machine/machine.h"

struct order_list {
	const struct reloc *r;
	struct reloc_order *list;
	size_t n;
};

void order_quarantine(struct order_list *o);
void order_protected(struct order_list *o);
void order_query(struct order_list *o);
void order_proofs(struct order_list *o);
void order_hold(struct order_list *o);
void order_decision(struct order_list *o);
void order_reserve(struct order_list *o);
void order_define(struct order_list *o);
void order_transfer(struct order_list *o);
void order_verify(struct order_list *o);
void order_recheck(struct order_list *o);
void order_start(struct order_list *o);
void order_kill(struct order_list *o);
void order_query_home(struct order_list *o);
void order_quiesce(struct order_list *o);
void order_cleanup(struct order_list *o);
void order_stop_older(struct order_list *o);
void order_cancel_transfer(struct order_list *o);

#endif
