/* encode.h - readings as the messages that etl gets.
 *
 * Pure. Messages are on the heap; give them back with encode_free, encode_free_heartbeat.
 */
#ifndef COLLECTOR_SHIP_ENCODE_H
#define COLLECTOR_SHIP_ENCODE_H

#include "readers/host_state.h"
#include "readers/reading.h"
#include "vrs/site.h"
#include "vrsas/v1/sample.pb-c.h"

struct encode_host {
	const struct vrs_site_host *site;
	struct host_state state;
};

Vrsas__V1__Record *encode_hosts(const struct encode_host *host, size_t n,
				uint32_t version);

/* gauge[i] belongs to host i of the table. */
Vrsas__V1__Record *encode_batch(const struct gauge *gauge, size_t n, int64_t at_ms,
				int64_t interval_ms, uint32_t table_version);

/* Class, protection and health come from the site file. A VM's disks are readable without
 * its host when all of them lie in the images folder of a cluster with shared storage.
 * Native definitions are told of protected VMs only, and left out (all of them) when the
 * message would pass max_bytes. */
Vrsas__V1__Record *encode_inventory(const struct vrs_site *site,
				    const struct vrs_site_cluster *cluster,
				    const struct vrs_site_host *host,
				    const struct reading *r, const float *cpu_cores,
				    int64_t at_ms, size_t max_bytes);

/* A number that changes when the inventory says something new; what moves all the time
 * (CPU, sizes within 64 MiB, the moment) is not in it. */
uint64_t encode_fingerprint(const Vrsas__V1__HostInventory *inv);

/* The same for what its VMs use, in half cores. */
uint64_t encode_load(const Vrsas__V1__HostInventory *inv);

Vrsas__V1__Heartbeat *encode_heartbeat(const struct encode_host *host, size_t n,
				       int64_t at_ms);

/* The feed stamps its own names into what it sends; these stay its own. */
void encode_free(Vrsas__V1__Record *r);
void encode_free_heartbeat(Vrsas__V1__Heartbeat *hb);

#endif
