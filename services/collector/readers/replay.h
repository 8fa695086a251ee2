/* replay.h - plays a trace as if it were a host.
 *
 *   replay:FILE[#ENTITY][?speed=N&loop=0&shift=now]
 *
 * A reading depends only on its time and the trace, so a collector that was killed gives
 * the same readings again. Without shift the trace is played at its own dates and repeats
 * for ever in both directions (whole days keep their time of day); with loop=0 there are
 * no readings outside of it. shift=MS (or shift=now, the time of opening) sets the time
 * of its first row; speed=N plays it N times as fast from there. */
#ifndef COLLECTOR_READERS_REPLAY_H
#define COLLECTOR_READERS_REPLAY_H

#include <stdbool.h>

#include "readers/reading.h"
#include "readers/trace.h"

struct replay;

bool replay_is_uri(const char *uri);

/* ENTITY may be omitted if the file has only one. A file is loaded once per process. */
int replay_open(struct replay **ret, const char *uri, struct vrs_err *err);
void replay_close(struct replay *r);

/* cpu_ratio is NAN if the trace has no value. */
int replay_read(const struct replay *r, int64_t at_ms, struct reading *ret,
		struct vrs_err *err);

/* The trace of a URI, for the names in it; owned by the replay. */
const struct trace *replay_trace(const struct replay *r);

#endif
