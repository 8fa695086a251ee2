/* telemetry.h - publishes the metrics page of a daemon: on an address of its own and, for
 * the gateway, in Redis. Part of the frame of svc.h. */
#ifndef VRS_TELEMETRY_H
#define VRS_TELEMETRY_H

#include "vrs/loop.h"
#include "vrs/metrics.h"
#include "vrs/store.h"

struct vrs_telemetry;

/* store: the page is written there every 15 s; NULL: not written. */
struct vrs_telemetry *vrs_telemetry_new(const char *service, const char *instance,
					struct vrs_loop *loop, struct vrs_store *store);
void vrs_telemetry_free(struct vrs_telemetry *t);
void vrs_telemetry_set_instance(struct vrs_telemetry *t, const char *instance);
/* "": does not listen. */
int vrs_telemetry_listen(struct vrs_telemetry *t, const char *address,
			 struct vrs_err *err);
void vrs_telemetry_add(struct vrs_telemetry *t,
		       void (*fn)(void *arg, struct vrs_page *page), void *arg);
/* The page under this instance name; the caller frees it. */
char *vrs_telemetry_page(struct vrs_telemetry *t, const char *instance);

/* Writes the page of another process to Redis. */
int vrs_page_store(struct vrs_store *s, const char *service, const char *instance,
		   const char *text, struct vrs_err *err);

/* Merges every page in Redis that is at most 60 s old; removes those older than an hour.
 * An invalid page is skipped and counted. */
struct vrs_pages_read {
	unsigned taken, refused;
	struct vrs_err why; /* reason of the newest rejection */
};
int vrs_pages_read(struct vrs_store *s, struct vrs_page *page, int64_t now_ms,
		   struct vrs_pages_read *ret, struct vrs_err *err);

#endif
