/* encode.h - encodes readings as the messages that are sent to etl.
 *
 * Pure. Messages are on the heap; free them with encode_free, encode_free_heartbeat. */
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
 * its host when all of them are in the images folder of a cluster with shared storage.
 * Native definitions are sent for protected VMs only, and all of them are left out if the
 * message would exceed max_bytes. */
struct encode_site {
	const struct vrs_site *site;
	const struct vrs_site_cluster *cluster;
	const struct vrs_site_host *host;
};
Vrsas__V1__Record *encode_inventory(const struct encode_site *of, const struct reading *r,
				    const float *cpu_cores, int64_t at_ms,
				    size_t max_bytes);

/* A hash that changes with the inventory. It leaves out what changes all the time: CPU,
 * sizes within 64 MiB, the time of the reading. */
uint64_t encode_fingerprint(const Vrsas__V1__HostInventory *inv);

/* The same for the CPU use of its VMs, in half cores. */
uint64_t encode_load(const Vrsas__V1__HostInventory *inv);

Vrsas__V1__Heartbeat *encode_heartbeat(const struct encode_host *host, size_t n,
				       int64_t at_ms);

/* The names that the shipper has set in a message are not freed: they belong to it. */
void encode_free(Vrsas__V1__Record *r);
void encode_free_heartbeat(Vrsas__V1__Heartbeat *hb);

#endif
