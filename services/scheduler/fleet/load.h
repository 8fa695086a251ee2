/* load.h - takes the picture: Redis and the site file become a struct world.
 *
 * Small things (heartbeats, newest samples, forecasts, records) are read each time in one
 * pipeline. Inventories, which hold whole VM definitions, are read again only when they
 * are older than inventory_max_age_ms or when fresh is asked for (before a decision). */
#ifndef SCHEDULER_FLEET_LOAD_H
#define SCHEDULER_FLEET_LOAD_H

#include "fleet/fleet.h"
#include "vrs/seal.h"
#include "vrs/store.h"

struct world_load_rules {
	int64_t collector_late_ms;    /* a heartbeat this old: collector silent; 15 s */
	int64_t inventory_max_age_ms; /* 3 s */
	/* With these, what a collector says of its hosts counts only when it is sealed
	 * with the key of their cluster; NULL: it is taken as Redis has it. */
	const struct vrs_seal_keys *keys;
};

struct world_loader;
struct world_loader *world_loader_new(struct vrs_store *store,
				      const struct vrs_site *site,
				      const struct world_load_rules *rules);
void world_loader_free(struct world_loader *l);

/* The newest picture; the one before it is gone. On failure the older one stays and is
 * given by world_loader_last. The engine may mark lives and promises in it. */
int world_load(struct world_loader *l, bool fresh, struct world **ret,
	       struct vrs_err *err);
/* Heartbeats in Redis that were not what their seal should say, one a load and cluster;
 * why: of the newest. */
uint64_t world_loader_refused(const struct world_loader *l, const char **ret_why);
struct world *world_loader_last(const struct world_loader *l); /* NULL: none yet */

/* One line of vrsas:v1:rate:{src}:{dst}: "BYTES MS [AT_MS ...]". */
int world_rate_parse(const char *text, double *ret_bytes_per_s);

#endif
