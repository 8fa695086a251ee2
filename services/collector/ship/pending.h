/* pending.h - records in memory that are not yet spooled.
 *
 * Records that the shipper could not store (full disk) are kept and go first the next
 * time. Above PENDING_MAX the oldest are dropped. */
#ifndef COLLECTOR_SHIP_PENDING_H
#define COLLECTOR_SHIP_PENDING_H

#include <stddef.h>

#include "vrs/err.h"
#include "vrs/log.h"
#include "vrsas/v1/sample.pb-c.h"

struct shipper;

/* The destination of records and of heartbeats (main.c adds the metrics page to some). */
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

/* Passes all records to the shipper; on failure logs it and keeps them. */
int pending_flush(struct pending *o);
void pending_fini(struct pending *o);

#endif
