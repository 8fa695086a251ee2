/* build.h - builds a fleet from what load.c reads. Pure. */
#ifndef SCHEDULER_FLEET_BUILD_H
#define SCHEDULER_FLEET_BUILD_H

#include "fleet/fleet.h"
#include "vrs/series.h"

struct fleet *fleet_new(const struct vrs_site *site, int64_t at_ms);
char *fleet_keep(struct fleet *w, const char *text); /* a copy that the fleet owns */

/* First all clusters, in the order of site.conf and then by name; then all hosts. Both
 * return the index, also of one that was added before. */
size_t fleet_add_cluster(struct fleet *w, const char *name);
/* Hosts of one cluster have to be added one after the other. */
size_t fleet_add_host(struct fleet *w, size_t cluster, const char *name);

/* The messages about a host must outlive the fleet. Any may be NULL. */
void fleet_set_facts(struct fleet *w, size_t host, const Vrsas__V1__HostFacts *f);
void fleet_set_health(struct fleet *w, size_t host, const Vrsas__V1__HostHealth *h);
void fleet_set_sample(struct fleet *w, size_t host, const struct vrs_slot *slot,
		      int64_t at_ms);
void fleet_set_inventory(struct fleet *w, size_t host,
			 const Vrsas__V1__HostInventory *inv);
void fleet_set_forecast(struct fleet_forecast *fc, const Vrsas__V1__Forecast *f);

/* The collector's newest heartbeat, and when it came. */
void fleet_set_beat(struct fleet *w, size_t cluster, const Vrsas__V1__Heartbeat *beat,
		    int64_t received_at_ms, int64_t late_ms);

void fleet_add_relocation(struct fleet *w, Vrsas__V1__Relocation *r);
void fleet_add_rate(struct fleet *w, size_t source, size_t target, double *bytes_per_s,
		    size_t n); /* takes the array */

/* After everything was added: host states, newest samples of clusters, claims of open
 * relocations. done returns how many bytes of a record's transfer have arrived. */
void fleet_finish(struct fleet *w,
		  uint64_t (*done)(void *arg, const Vrsas__V1__Relocation *r), void *arg);

#endif
