/* replay.h - a trace played as if it were a host.
 *
 *   replay:FILE[#ENTITY][?speed=N&loop=0&shift=now]
 *
 * The reading of a moment is a function of the moment and the trace alone, so a collector
 * that was killed gives the same readings again. Without shift the trace is laid over its
 * own dates and repeats for ever in both directions (whole days keep their time of day);
 * loop=0 leaves what is outside empty. shift=MS (or shift=now: the moment it is opened)
 * says when its first row is played; speed=N plays N times as fast from there. */
#ifndef COLLECTOR_READERS_REPLAY_H
#define COLLECTOR_READERS_REPLAY_H

#include <stdbool.h>

#include "readers/reading.h"
#include "readers/trace.h"

struct replay;

bool replay_is_uri(const char *uri);

/* ENTITY may be left out when the file has only one. Files are loaded once a process. */
int replay_open(struct replay **ret, const char *uri, struct vrs_err *err);
void replay_close(struct replay *r);

/* cpu_ratio is NAN where the trace has nothing. */
int replay_read(const struct replay *r, int64_t at_ms, struct reading *ret,
		struct vrs_err *err);

/* The trace behind an URI, for the names in it; borrowed from the replay. */
const struct trace *replay_trace(const struct replay *r);

#endif
