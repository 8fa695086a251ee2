/* playback.h - a cluster whose hosts are all traces.
 *
 * Nothing has to be waited for, so history can be played too: with history_ms, playback
 * starts that long ago and catches up at history_speed intervals a second (0: as fast as
 * possible), then goes on with the clock. The position is kept beside the spool: after a
 * restart playback goes on from there, and what is sent twice is the same. */
#ifndef COLLECTOR_BACKFILL_PLAYBACK_H
#define COLLECTOR_BACKFILL_PLAYBACK_H

#include "ship/pending.h"
#include "vrs/loop.h"
#include "vrs/site.h"

struct playback;

struct playback_conf {
	const struct vrs_site *site;
	const struct vrs_site_cluster *cluster;
	const struct vrs_site_host *const *host;
	size_t n_hosts;
	int64_t interval_ms, heartbeat_ms, history_ms;
	double history_speed;
	const char *position_path; /* NULL: kept nowhere */
};

int playback_open(struct playback **ret, struct vrs_loop *loop,
		  const struct playback_conf *conf, const struct sink *sink,
		  struct vrs_err *err);
void playback_close(struct playback *p);
/* Records given up: the spool could not take them. */
uint64_t playback_dropped(const struct playback *p);

#endif
