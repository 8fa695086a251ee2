/* prometheus.h - a host's readings from a Prometheus that scrapes its node_exporter.
 *
 *   prometheus:http://HOST:9090?instance=h1:9100
 *   prometheus:https://HOST/prom?cluster=c1&host=h1&token_file=/path&ca_file=/path
 *
 * The labels after the question mark select the series of this host and of no other.
 * CPU and memory come from the recording rules instance:node_cpu_busy:ratio_rate1m and
 * instance:node_memory_used:ratio or, where these have no value, from node_exporter's own
 * series. VMs are not visible this way. */
#ifndef COLLECTOR_READERS_PROMETHEUS_H
#define COLLECTOR_READERS_PROMETHEUS_H

#include <stdbool.h>

#include "readers/reading.h"

struct prometheus;

bool prometheus_is_uri(const char *uri);

/* Sends no request yet. VRS_EINVAL: not a valid URI. */
int prometheus_open(struct prometheus **ret, const char *uri, struct vrs_err *err);
void prometheus_close(struct prometheus *p);

/* The current reading of the host. VRS_ENOENT: Prometheus has no recent one. */
int prometheus_read(const struct prometheus *p, int64_t timeout_ms, struct reading *ret,
		    struct vrs_err *err);

/* Reads history: CPU and memory of n intervals, the first of which begins at from_ms; NAN
 * where Prometheus has no value. */
struct prometheus_span {
	int64_t from_ms, interval_ms;
	size_t n;
};
int prometheus_range(const struct prometheus *p, const struct prometheus_span *span,
		     float *cpu_ratio, float *mem_ratio, struct vrs_err *err);

#endif
