/* build.h - what was read becomes a picture. Pure;
 * load.c does the reading. */
#ifndef SCHEDULER_FLEET_BUILD_H
#define SCHEDULER_FLEET_BUILD_H

#include "fleet/fleet.h"
#include "vrs/series.h"

struct world *world_new(const struct vrs_site *site, int64_t at_ms);
char *world_keep(struct world *w, const char *text); /* a copy that the world owns */

/* First all clusters, in the order of the site and then by name; then all hosts. Both
 * tell the index, an old one when the thing is there already. */
size_t world_add_cluster(struct world *w, const char *name);
/* Hosts of one cluster have to be added one after the other. */
size_t world_add_host(struct world *w, size_t cluster, const char *name);

/* What is known of a host; the messages have to outlive the world. Any may be NULL. */
void world_set_facts(struct world *w, size_t host, const Vrsas__V1__HostFacts *f);
void world_set_health(struct world *w, size_t host, const Vrsas__V1__HostHealth *h);
void world_set_sample(struct world *w, size_t host, const struct vrs_slot *slot,
		      int64_t at_ms);
void world_set_inventory(struct world *w, size_t host,
			 const Vrsas__V1__HostInventory *inv);
void world_set_forecast(struct world_forecast *fc, const Vrsas__V1__Forecast *f);

/* The collector's newest heartbeat, and when it came. */
void world_set_beat(struct world *w, size_t cluster, const Vrsas__V1__Heartbeat *beat,
		    int64_t received_at_ms, int64_t late_ms);

void world_add_relocation(struct world *w, Vrsas__V1__Relocation *r);
void world_add_rate(struct world *w, size_t source, size_t target, double *bytes_per_s,
		    size_t n); /* takes the array */

/* When all is in: lives, newest samples of clusters, and what open relocations hold. done
 * tells how many bytes of a record's transfer have arrived. */
void world_finish(struct world *w,
		  uint64_t (*done)(void *arg, const Vrsas__V1__Relocation *r), void *arg);

#endif
