/* prometheus.h - a host's readings from a Prometheus that scrapes its node_exporter.
 *
 *   prometheus:http://HOST:9090?instance=h1:9100
 *   prometheus:https://HOST/prom?cluster=c1&host=h1&token_file=/path&ca_file=/path
 *
 * What follows the question mark are labels that this host's series have, and no other
 * host's. CPU and memory are the recording rules instance:node_cpu_busy:ratio_rate1m and
 * instance:node_memory_used:ratio; where (or when) there are none, the same from
 * node_exporter's own series. VMs are not seen this way. */
#ifndef COLLECTOR_READERS_PROMETHEUS_H
#define COLLECTOR_READERS_PROMETHEUS_H

#include <stdbool.h>

#include "readers/reading.h"

struct prometheus;

bool prometheus_is_uri(const char *uri);

/* Asks nobody yet. VRS_EINVAL: not such a URI. */
int prometheus_open(struct prometheus **ret, const char *uri, struct vrs_err *err);
void prometheus_close(struct prometheus *p);

/* The host as it is now. VRS_ENOENT: Prometheus knows no fresh reading of it. */
int prometheus_read(const struct prometheus *p, int64_t timeout_ms, struct reading *ret,
		    struct vrs_err *err);

/* The past: n values of CPU and memory, NAN where there is none; the first is of the
 * interval that begins at from_ms. */
int prometheus_range(const struct prometheus *p, int64_t from_ms, int64_t interval_ms,
		     size_t n, float *cpu_ratio, float *mem_ratio, struct vrs_err *err);

#endif
