/* backfill.h - once, at the first start: the history that Prometheus has of its hosts.
 *
 * A day at a time, oldest first, becomes batches of minutes. They are shipped as a
 * collector of their own (NAME.past) with its own spool, so that backfill and live
 * readings do not delay each other. The position is kept beside the spool: after a
 * restart backfill goes on from there, and history that etl has stored is never read
 * again. */
#ifndef COLLECTOR_BACKFILL_BACKFILL_H
#define COLLECTOR_BACKFILL_BACKFILL_H

#include <stddef.h>
#include <stdint.h>

#include "ship/shipper.h"
#include "vrs/site.h"

struct backfill;

struct backfill_conf {
	const struct vrs_site_host *const *host; /* those of prometheus: are taken */
	size_t n_hosts;
	int64_t history_ms;          /* how far back; 0: nothing is done */
	struct shipper_conf shipper; /* of the collector that it belongs to */
};

/* *ret is NULL when there is nothing to do: no such host, or it was done before. */
int backfill_open(struct backfill **ret, struct vrs_loop *loop,
		  const struct backfill_conf *conf, struct vrs_err *err);
/* False while a request is still running: then nothing was freed. */
bool backfill_close(struct backfill *p);

#endif
