/* incident_view.h - incidents reported by monitoring, joined with the scheduler's status:
 * what is broken, and what happens next.
 *
 * Pure. Texts of the result are in the arena, or in the arguments. */
#ifndef GATEWAY_INCIDENTS_INCIDENT_VIEW_H
#define GATEWAY_INCIDENTS_INCIDENT_VIEW_H

#include "incidents/incident.h"
#include "vrs/mem.h"
#include "vrsas/v1/control.pb-c.h"

/* status and down (hosts that are not up) may be NULL: the scheduler did not reply, and
 * the views show that. */
Vrsas__V1__IncidentViews *incident_views(struct vrs_arena *mem,
					 const struct incidents *told,
					 const Vrsas__V1__StatusView *status,
					 const Vrsas__V1__HostViews *down);

#endif
