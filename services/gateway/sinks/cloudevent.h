/* cloudevent.h - an event of the journal as CloudEvents 1.0, structured JSON. Pure. */
#ifndef GATEWAY_SINKS_CLOUDEVENT_H
#define GATEWAY_SINKS_CLOUDEVENT_H

#include "vrsas/v1/event.pb-c.h"

/* One line; source is the name of this installation's gateway. The caller frees it. */
char *cloudevent_json(const Vrsas__V1__Event *ev, const char *source);

#endif
