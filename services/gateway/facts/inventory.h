/* inventory.h - the hosts of the site file and those that collectors report, read from
 * Redis at each call. */
#ifndef GATEWAY_FACTS_INVENTORY_H
#define GATEWAY_FACTS_INVENTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vrs/err.h"

struct gateway;

struct inventory_cluster {
	char name[65];
	char forecast_key[96];
};

struct inventory_host {
	char cluster[65], name[65], address[256];
	uint32_t vcpus;
};

struct inventory {
	struct inventory_cluster *cluster;
	size_t n_clusters;
	struct inventory_host *host;
	size_t n_hosts;
};

/* Clusters only, or with their hosts; *ret starts as {0}. */
int inventory_clusters(struct inventory *ret, struct gateway *g, struct vrs_err *err);
int inventory_read(struct inventory *ret, struct gateway *g, struct vrs_err *err);
void inventory_fini(struct inventory *inv);

const struct inventory_host *inventory_host(const struct inventory *inv,
					    const char *cluster, const char *host);

#endif
