/* history.h - what Redis knows of the past of hosts and clusters, as 5-minute bins.
 *
 * A cluster is its hosts weighted by their vCPUs, over those that have a reading; a bin
 * in which none has one is a gap. Nothing at or after the origin is read. */
#ifndef PREDICTOR_SERVICE_HISTORY_H
#define PREDICTOR_SERVICE_HISTORY_H

#include "net/resample.h"
#include "vrs/store.h"

struct history_host {
	char *name;
	uint32_t vcpus;
	bool read;
	struct bins bins; /* up to the origin */
	float last;       /* newest reading in points; NAN: none */
};

struct history {
	char *cluster;
	int64_t origin; /* first bin of the future */
	struct history_host *host;
	size_t n;
	bool cluster_read;
	struct bins bins; /* of the cluster */
	float last;
};

/* Names and sizes of a cluster's hosts; VRS_ENOENT when it has none. */
int history_open(struct history *h, struct vrs_store *s, const char *cluster,
		 int64_t origin_ms, struct vrs_err *err);
/* One host's minutes; VRS_ENOENT when the cluster has no such host. */
int history_read_host(struct history *h, struct vrs_store *s, const char *host,
		      const struct history_host **ret, struct vrs_err *err);
/* All hosts, and the cluster from them. */
int history_read_cluster(struct history *h, struct vrs_store *s, struct vrs_err *err);
void history_close(struct history *h);

/* Pure: a day of slots into bins, minutes from origin_ms on left out; the newest reading
 * goes to *last. */
void history_add_day(struct bins *b, const uint8_t *slots, size_t n_bytes, int64_t day_ms,
		     int64_t origin_ms, float *last);
/* Pure: the cluster's bins from its hosts'. A host that misses some bins counts with its
 * last value, so that the mean does not jump to the others'. */
void history_weigh(const struct history_host *host, size_t n, int64_t first,
		   size_t n_bins, struct bins *ret);

#endif
