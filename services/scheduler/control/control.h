/* control.h - answers vrsctl and gateways: the scheduler's side of control.proto.
 *
 * Orders go through the engine. An order whose request_id was answered before gets the
 * same answer again and has no second effect. */
#ifndef SCHEDULER_CONTROL_CONTROL_H
#define SCHEDULER_CONTROL_CONTROL_H

#include "forecasts/forecasts.h"
#include "plan/plan.h"
#include "vrs/svc.h"

struct control;
struct engine;

struct control_conf {
	const char *url; /* listens here */
	const struct plan_rules *plan;
};

int control_open(struct control **ret, struct vrs_svc *svc,
		 const struct control_conf *conf, struct engine *engine,
		 struct forecasts *forecasts, struct vrs_err *err);
void control_close(struct control *c);
const char *control_url(const struct control *c);
void control_bus_counts(const struct control *c, struct vrs_bus_counts *ret);

#endif
