/* pending.h - records in memory, on their way to the spool. What the shipper could not
 * take (a full disk) is kept and goes first the next time; when too many are kept, the
 * oldest are dropped. */
#ifndef COLLECTOR_SHIP_PENDING_H
#define COLLECTOR_SHIP_PENDING_H

#include <stddef.h>

#include "vrs/err.h"
#include "vrs/log.h"
#include "vrsas/v1/sample.pb-c.h"

struct shipper;

/* Where readings go, and how heartbeats do (main.c adds its page of metrics to some). */
struct sink {
	struct shipper *shipper;
	int (*heartbeat)(void *arg, Vrsas__V1__Heartbeat *hb, struct vrs_err *err);
	void *arg;
};

enum { PENDING_MAX = 4096 };

struct pending {
	struct sink sink;
	Vrsas__V1__Record *record[PENDING_MAX];
	size_t n;
	uint64_t lost;
	struct vrs_complaint trouble;
};

void pending_add_take(struct pending *o, Vrsas__V1__Record *r);

/* Hands all records to the shipper; on failure they are kept, and the log says so. */
int pending_flush(struct pending *o);
void pending_fini(struct pending *o);

#endif
