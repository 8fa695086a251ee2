/* reader.h - reads a host; its URI selects the kind of reader (the table in reader.c).
 *
 *   proc:                       this machine, from /proc
 *   replay:FILE#ENTITY[?...]    a trace (replay.h)
 *   prometheus:URL?LABEL=...   a Prometheus that scrapes it (prometheus.h)
 *   anything else               a hypervisor (vrs/hv.h)
 *
 * A reader belongs to one thread at a time; reading may block until its deadline. */
#ifndef COLLECTOR_READERS_READER_H
#define COLLECTOR_READERS_READER_H

#include "readers/reading.h"
#include "vrs/site.h"

struct reader;

/* site, cluster and host are borrowed. Does not connect yet; fails if the URI is
 * invalid. */
int reader_open(struct reader **ret, const struct vrs_site *site,
		const struct vrs_site_cluster *cluster, const struct vrs_site_host *host,
		struct vrs_err *err);
void reader_close(struct reader *s);

/* The current reading of the host; at_ms names the interval (the position in a trace).
 * Switches autostart off for protected VMs. */
int reader_read(struct reader *s, int64_t at_ms, int64_t timeout_ms, struct reading *ret,
		struct vrs_err *err);

#endif
