/* progress.h - progress of active transfers, as their movers write it to Redis. */
#ifndef GATEWAY_LIVE_PROGRESS_H
#define GATEWAY_LIVE_PROGRESS_H

#include "vrs/store.h"
#include "vrsas/v1/control.pb-c.h"
#include "vrsas/v1/incident.pb-c.h"

enum { PROGRESS_EVERY_MS = 500 };

struct progress;
struct progress *progress_new(void);
void progress_free(struct progress *p);

/* Sets the active relocations. */
void progress_follow(struct progress *p, Vrsas__V1__RelocationView *const *open,
		     size_t n);

/* ProgressViews as one line of JSON; NULL: no transfer is active, or none progressed. The
 * caller frees it. */
char *progress_json(struct progress *p, struct vrs_store *store);

#endif
