/* incident_view.h - what is broken, and what happens next: incidents of the monitoring
 * joined with what the scheduler sees and does.
 *
 * Pure. Texts of the result lie in the arena, or in what was given. */
#ifndef GATEWAY_INCIDENTS_INCIDENT_VIEW_H
#define GATEWAY_INCIDENTS_INCIDENT_VIEW_H

#include "incidents/incident.h"
#include "vrs/mem.h"
#include "vrsas/v1/control.pb-c.h"

/* status and down (hosts that are not simply up) may be NULL: the scheduler did not
 * answer, and the views say so. */
Vrsas__V1__IncidentViews *incident_views(struct vrs_arena *mem,
					 const struct incidents *told,
					 const Vrsas__V1__StatusView *status,
					 const Vrsas__V1__HostViews *down);

#endif
