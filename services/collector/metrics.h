/* metrics.h - what the collector tells of itself to Prometheus (docs/METRICS.md). */
#ifndef COLLECTOR_METRICS_H
#define COLLECTOR_METRICS_H

#include "ship/shipper.h"
#include "vrs/svc.h"

struct numbers {
	const char *cluster;
	const struct feed *feed;
	uint64_t dropped; /* records that the spool could not take */
	unsigned hosts[VRSAS__V1__HOST_STATE__HOST_STATE_MAINTENANCE + 1]; /* by state */
};

/* Counts the hosts of a heartbeat by state. */
void numbers_beat(struct numbers *n, const Vrsas__V1__Heartbeat *hb);
void numbers_tell(const struct numbers *n, struct vrs_page *page);

#endif
