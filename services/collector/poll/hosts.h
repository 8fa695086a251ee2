/* hosts.h - the hosts that this collector reads. */
#ifndef COLLECTOR_POLL_HOSTS_H
#define COLLECTOR_POLL_HOSTS_H

#include <stdbool.h>

#include "vrs/site.h"

struct hosts {
	struct vrs_site *site;
	const struct vrs_site_cluster *cluster;
	const struct vrs_site_host **host;
	size_t n;
	bool all_replay;

	/* created here, if the hosts come from a trace */
	struct vrs_site_cluster made_cluster;
	struct vrs_site_host *made_host;
};

/* Loads the hosts of the cluster from the site file or, if replay is not empty, one host
 * for each name in that trace (site_path may then be empty). */
int hosts_load(struct hosts *ret, const char *site_path, const char *cluster,
	       const char *replay, struct vrs_err *err);
void hosts_fini(struct hosts *h);

#endif
