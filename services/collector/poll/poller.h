/* poller.h - polls all hosts of a cluster in parallel, once per interval.
 *
 * Polls start at whole intervals of the wall clock. Each host has its own worker lane; a
 * host that has not answered after 80 % of the interval is reported as unreachable,
 * without delaying the others. Inventories are sent when they change (for CPU use of
 * VMs, at most once a minute) and every ten minutes. Heartbeats carry the state of each
 * host. */
#ifndef COLLECTOR_POLL_POLLER_H
#define COLLECTOR_POLL_POLLER_H

#include <stdbool.h>
#include <stdint.h>

#include "ship/pending.h"
#include "vrs/loop.h"
#include "vrs/site.h"

struct poller;

struct poller_conf {
	const struct vrs_site *site;
	const struct vrs_site_cluster *cluster;
	const struct vrs_site_host *const *host;
	size_t n_hosts;
	int64_t interval_ms, heartbeat_ms;
};

/* site and its parts must outlive the poller. Unreachable hosts are not an error; an
 * invalid URI is. */
int poller_open(struct poller **ret, struct vrs_loop *loop,
		const struct poller_conf *conf, const struct sink *sink,
		struct vrs_err *err);

/* False if a poll is still running: nothing is freed then. A process that ends should
 * exit without waiting for it; others may run the loop and close again. */
bool poller_close(struct poller *m);

struct poller_counts {
	uint64_t batches, answers, failures, late;
	uint64_t dropped; /* records dropped because the spool could not store them */
	size_t hosts, up;
};
void poller_counts(const struct poller *m, struct poller_counts *ret);

#endif
