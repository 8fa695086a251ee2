/* playback.h - plays a cluster whose hosts are all traces.
 *
 * Reading a trace takes no time, so history can be played as well: with history_ms,
 * playback starts that long ago, catches up at history_speed intervals per second (0: as
 * fast as possible) and then follows the clock. The position is kept beside the spool:
 * after a restart playback continues there, and intervals sent twice are identical. */
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
	const char *position_path; /* NULL: not kept */
};

int playback_open(struct playback **ret, struct vrs_loop *loop,
		  const struct playback_conf *conf, const struct sink *sink,
		  struct vrs_err *err);
void playback_close(struct playback *p);
/* Records dropped because the spool could not store them. */
uint64_t playback_dropped(const struct playback *p);

#endif
