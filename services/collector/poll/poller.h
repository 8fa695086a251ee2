/* poller.h - looks at every host of a cluster, once an interval, side by side.
 *
 * Looks begin at whole intervals of the wall clock. Each host has a worker lane of its
 * own; who has not answered after most of the interval is told as unreachable, and the
 * others do not wait for him. Inventories are told when they say something new (what VMs
 * use: once a minute at most), and every ten minutes. Heartbeats carry what is known of
 * each host. */
#ifndef COLLECTOR_POLL_POLLER_H
#define COLLECTOR_POLL_POLLER_H

#include <stdbool.h>
#include <stdint.h>

#include "ship/pending.h"
#include "vrs/loop.h"
#include "vrs/site.h"

struct measure;

struct measure_conf {
	const struct vrs_site *site;
	const struct vrs_site_cluster *cluster;
	const struct vrs_site_host *const *host;
	size_t n_hosts;
	int64_t interval_ms, heartbeat_ms;
};

/* site and what hangs on it must outlive the measure. Hosts that do not answer are no
 * failure; a wrong URI is. */
int measure_open(struct measure **ret, struct vrs_loop *loop,
		 const struct measure_conf *conf, const struct sink *sink,
		 struct vrs_err *err);

/* False when a host's look is still running: then nothing was freed; a process that ends
 * should do so without waiting for it, others may run the loop and close again. */
bool measure_close(struct measure *m);

struct measure_counts {
	uint64_t batches, answers, failures, late;
	uint64_t dropped; /* records given up: the spool could not take them */
	size_t hosts, up;
};
void measure_counts(const struct measure *m, struct measure_counts *ret);

#endif
