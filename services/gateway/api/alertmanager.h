/* alertmanager.h - polls Alertmanager for firing alerts, at the start and periodically.
 * Finds alerts whose webhook was lost, and closes incidents whose alert ended unnoticed.
 */
#ifndef GATEWAY_API_ALERTMANAGER_H
#define GATEWAY_API_ALERTMANAGER_H

#include "gateway.h"
#include "incidents/incident.h"

/* Accepts one alert of a host of the inventory: durable when it returns 0. */
int alerts_take(struct gateway *g, const struct alert *a, const char *source,
		enum incident_result *ret, struct vrs_err *err);

/* NULL when no Alertmanager is set. */
struct alertmanager *alertmanager_new(struct gateway *g);
void alertmanager_free(struct alertmanager *m);

#endif
