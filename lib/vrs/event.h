/* event.h - the journal of events: vrsas:v1:ev, a stream of packed Event messages.
 *
 * For people and monitoring, never for decisions. Writing is best effort: a failure must
 * not fail the caller. */
#ifndef VRS_EVENT_H
#define VRS_EVENT_H

#include "vrs/store.h"
#include "vrsas/v1/event.pb-c.h"

/* Appends (MAXLEN ~ 100000). ev->id is not used; at_ms 0 means now. */
int vrs_event_put(struct vrs_store *s, const Vrsas__V1__Event *ev, struct vrs_err *err);

/* Reads up to limit events after after_id ("" or NULL: the newest ones), oldest first,
 * with their ids. Free with vrs_events_free. */
int vrs_event_read(struct vrs_store *s, const char *after_id, uint32_t limit,
		   Vrsas__V1__Event ***ret, size_t *ret_n, struct vrs_err *err);
void vrs_events_free(Vrsas__V1__Event **events, size_t n);

#endif
