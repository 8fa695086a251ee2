/* backfill.h - imports the history of hosts from Prometheus, once, at the first start.
 *
 * It reads one day at a time, oldest first, and ships batches of minutes as a collector
 * of its own (NAME.past) with a spool of its own, so that backfill and live readings do
 * not delay each other. The position is kept beside the spool: after a restart backfill
 * continues there, and history that etl has stored is never read again. */
#ifndef COLLECTOR_BACKFILL_BACKFILL_H
#define COLLECTOR_BACKFILL_BACKFILL_H

#include <stddef.h>
#include <stdint.h>

#include "ship/shipper.h"
#include "vrs/site.h"

struct backfill;

struct backfill_conf {
	const struct vrs_site_host *const
		*host; /* only those with a prometheus: URI are used */
	size_t n_hosts;
	int64_t history_ms;          /* how far back; 0: no backfill */
	struct shipper_conf shipper; /* of the collector it belongs to */
};

/* *ret is NULL if there is nothing to do: no such host, or already done. */
int backfill_open(struct backfill **ret, struct vrs_loop *loop,
		  const struct backfill_conf *conf, struct vrs_err *err);
/* False if a request is still running: nothing is freed then. */
bool backfill_close(struct backfill *p);

#endif
