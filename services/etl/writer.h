/* writer.h - a record as commands to Redis.
 *
 * Samples go to fixed places (series.h), so writing one twice has the effect of once. The
 * commands are only added to the store's pipeline; the watermark follows in a run of its
 * own, after the data were answered for, so it never runs ahead of them. */
#ifndef ETL_WRITER_H
#define ETL_WRITER_H

#include "stream.h"
#include "vrs/store.h"

struct writer {
	struct vrs_store *store;
	int64_t retention_ms;
	size_t n_commands; /* added and not yet run */
	size_t n_samples;
};

/* Adds the commands of a record that normalise found right; flag is VRS_SLOT_LIVE or
 * VRS_SLOT_FILLED. A new host table is in force at once. */
int writer_record(struct writer *a, struct stream *s, const Vrsas__V1__Record *r,
		  uint8_t flag, struct vrs_err *err);

/* Heartbeats, with the time that Redis has now, and what they came in (NULL: nothing). */
int writer_heartbeat(struct writer *a, const Vrsas__V1__Heartbeat *hb,
		     const Vrsas__V1__Sealed *seal, struct vrs_err *err);

#endif
