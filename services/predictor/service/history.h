/* history.h - the history of hosts and clusters in Redis, as 5-minute bins.
 *
 * A cluster is the mean of its hosts weighted by their vCPUs, over the hosts with a
 * value; a bin in which no host has one is a gap. Nothing at or after the origin is read.
 */
#ifndef PREDICTOR_SERVICE_HISTORY_H
#define PREDICTOR_SERVICE_HISTORY_H

#include "net/resample.h"
#include "vrs/store.h"

struct history_host {
	char *name;
	uint32_t vcpus;
	bool read;
	struct bins bins; /* up to the origin */
	float last;       /* newest sample in points; NAN: none */
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

/* Names and sizes of a cluster's hosts; VRS_ENOENT: it has none. */
int history_open(struct history *h, struct vrs_store *s, const char *cluster,
		 int64_t origin_ms, struct vrs_err *err);
/* Reads one host; VRS_ENOENT: the cluster has no such host. */
int history_read_host(struct history *h, struct vrs_store *s, const char *host,
		      const struct history_host **ret, struct vrs_err *err);
/* Reads all hosts and computes the cluster. */
int history_read_cluster(struct history *h, struct vrs_store *s, struct vrs_err *err);
void history_close(struct history *h);

/* All clusters and their hosts up to now: each series is passed to `each`, which may take
 * the bins and returns nonzero to stop. name: CLUSTER or CLUSTER/HOST. */
struct history_walk {
	size_t max_series;
	int (*each)(void *arg, const char *name, struct bins *b, int64_t origin);
	void *arg;
};
int history_walk(struct vrs_store *s, const struct history_walk *w, struct vrs_err *err);

/* Pure: adds a day of slots before origin_ms to the host's bins and newest sample. */
void history_add_day(struct history_host *host, const uint8_t *slots, size_t n_bytes,
		     int64_t day_ms, int64_t origin_ms);
/* Pure: the bins of a cluster. A host with a short gap counts with its last value, so
 * that the mean does not jump. */
void history_weigh(const struct history_host *host, size_t n, int64_t first,
		   size_t n_bins, struct bins *ret);

#endif
