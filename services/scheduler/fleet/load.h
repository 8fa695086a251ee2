/* load.h - reads Redis and the site file into a struct fleet.
 *
 * Small things (heartbeats, newest samples, forecasts, records) are read each time in one
 * pipeline. Inventories, which hold whole VM definitions, are read again only when they
 * are older than inventory_max_age_ms or when fresh is set (before a decision). */
#ifndef SCHEDULER_FLEET_LOAD_H
#define SCHEDULER_FLEET_LOAD_H

#include "fleet/fleet.h"
#include "vrs/seal.h"
#include "vrs/store.h"

struct fleet_load_rules {
	int64_t collector_late_ms;    /* a heartbeat this old: collector silent; 15 s */
	int64_t inventory_max_age_ms; /* 3 s */
	/* With keys, a collector's heartbeat counts only if it is sealed with the key of
	 * its cluster; NULL: not checked. */
	const struct vrs_seal_keys *keys;
};

struct fleet_loader;
struct fleet_loader *fleet_loader_new(struct vrs_store *store,
				      const struct vrs_site *site,
				      const struct fleet_load_rules *rules);
void fleet_loader_free(struct fleet_loader *l);

/* The newest fleet; the previous one is freed. On failure the previous one stays, see
 * fleet_loader_last. The engine may set host states and promises in it. */
int fleet_load(struct fleet_loader *l, bool fresh, struct fleet **ret,
	       struct vrs_err *err);
/* Heartbeats in Redis that their seal did not cover, one per load and cluster; why: of
 * the newest. */
uint64_t fleet_loader_refused(const struct fleet_loader *l, const char **ret_why);
struct fleet *fleet_loader_last(const struct fleet_loader *l); /* NULL: none yet */

/* One line of vrsas:v1:rate:{src}:{dst}: "BYTES MS [AT_MS ...]". */
int fleet_rate_parse(const char *text, double *ret_bytes_per_s);

#endif
