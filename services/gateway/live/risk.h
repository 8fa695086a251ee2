/* risk.h - the risk of each host: what would happen to its VMs if it failed now. Requests
 * the plan of one host after the other from the scheduler and keeps the results. */
#ifndef GATEWAY_LIVE_RISK_H
#define GATEWAY_LIVE_RISK_H

#include "gateway.h"

struct risk *risk_new(struct gateway *g);
void risk_free(struct risk *r); /* after the requests to the scheduler have ended */

/* The current results, valid until show returns. */
void risk_show(const struct risk *r,
	       void (*show)(void *arg, const Vrsas__V1__RiskViews *v), void *arg);

/* Counts the verdicts of one plan. Pure; texts are borrowed from the plan or the arena.
 */
void risk_of_plan(const Vrsas__V1__PlanView *plan, struct vrs_arena *mem,
		  Vrsas__V1__RiskView *ret);

#endif
