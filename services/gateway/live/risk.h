/* risk.h - which host's death could not be absorbed: the scheduler is asked for a plan of
 * every host in turn, few at a time, and what it said is kept. */
#ifndef GATEWAY_LIVE_RISK_H
#define GATEWAY_LIVE_RISK_H

#include "gateway.h"

struct risk *risk_new(struct gateway *g);
void risk_free(struct risk *r); /* after the questions to the scheduler have ended */

/* What is known now; gone when show returns. */
void risk_show(const struct risk *r,
	       void (*show)(void *arg, const Vrsas__V1__RiskViews *v), void *arg);

/* Counts verdicts of one plan. Pure; texts are borrowed from the plan or the arena. */
void risk_of_plan(const Vrsas__V1__PlanView *plan, struct vrs_arena *mem,
		  Vrsas__V1__RiskView *ret);

#endif
