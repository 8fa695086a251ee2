/* alertmanager.h - asks Alertmanager itself what fires: at the start, and every now and
 * then. What a webhook should have told and did not is learnt here; what ended unheard
 * ends. */
#ifndef GATEWAY_API_ALERTMANAGER_H
#define GATEWAY_API_ALERTMANAGER_H

#include "gateway.h"
#include "incidents/incident.h"

/* Takes one alert of a host that is in the inventory: durable when it returns 0. */
int alerts_take(struct gateway *g, const struct alert *a, const char *source,
		enum incident_result *ret, struct vrs_err *err);

/* NULL when no Alertmanager is set. */
struct alertmanager *alertmanager_new(struct gateway *g);
void alertmanager_free(struct alertmanager *m);

#endif
