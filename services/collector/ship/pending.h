/* pending.h - records on their way to the feed: what it could not take (a full disk)
 * waits and goes first the next time, the oldest are given up when too many wait. */
#ifndef COLLECTOR_SHIP_PENDING_H
#define COLLECTOR_SHIP_PENDING_H

#include <stddef.h>

#include "vrs/err.h"
#include "vrs/log.h"
#include "vrsas/v1/sample.pb-c.h"

/* Where readings go: the feed, or a test. */
struct sink {
	int (*put)(void *arg, Vrsas__V1__Record *const *records, size_t n,
		   struct vrs_err *err);
	int (*heartbeat)(void *arg, Vrsas__V1__Heartbeat *hb, struct vrs_err *err);
	void *arg;
};

enum { OUTBOX_MAX = 4096 };

struct outbox {
	struct sink sink;
	Vrsas__V1__Record *record[OUTBOX_MAX];
	size_t n;
	uint64_t lost;
	struct vrs_complaint trouble;
};

void outbox_add_take(struct outbox *o, Vrsas__V1__Record *r);

/* Hands over all that waits; on failure it goes on waiting, and the log says so. */
int outbox_flush(struct outbox *o);
void outbox_fini(struct outbox *o);

#endif
