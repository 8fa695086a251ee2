/* backfill.h - on day one: what Prometheus remembers of the hosts that are read there.
 *
 * A day at a time, the oldest first, becomes batches of minutes. They go out as a
 * collector of their own (NAME.past), with its own spool, so that the live path neither
 * waits nor is waited for. How far it came is kept beside the spool: a collector that was
 * killed goes on there, and a past that etl has is never asked for again. */
#ifndef COLLECTOR_BACKFILL_BACKFILL_H
#define COLLECTOR_BACKFILL_BACKFILL_H

#include <stddef.h>
#include <stdint.h>

#include "ship/shipper.h"
#include "vrs/site.h"

struct past;

struct past_conf {
	const struct vrs_site_host *const *host; /* those of prometheus: are taken */
	size_t n_hosts;
	int64_t history_ms;    /* how far back; 0: nothing is done */
	struct feed_conf feed; /* of the collector that it belongs to */
};

/* *ret is NULL when there is nothing to do: no such host, or it was done before. */
int past_open(struct past **ret, struct vrs_loop *loop, const struct past_conf *conf,
	      struct vrs_err *err);
/* False when a question is still on its way: then nothing was freed. */
bool past_close(struct past *p);

#endif
