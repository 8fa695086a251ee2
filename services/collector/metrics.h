/* metrics.h - the collector's metrics for Prometheus (docs/METRICS.md). */
#ifndef COLLECTOR_METRICS_H
#define COLLECTOR_METRICS_H

#include "ship/shipper.h"
#include "vrs/svc.h"

struct metrics {
	const char *cluster;
	const struct shipper *shipper;
	uint64_t dropped; /* records that the spool could not store */
	unsigned hosts[VRSAS__V1__HOST_STATE__HOST_STATE_MAINTENANCE + 1]; /* by state */
};

/* Counts the hosts of a heartbeat by state. */
void metrics_heartbeat(struct metrics *n, const Vrsas__V1__Heartbeat *hb);
void metrics_collect(const struct metrics *n, struct vrs_page *page);

#endif
