/* writer.h - converts a record to Redis commands.
 *
 * Samples have fixed places (series.h), so writing one twice has no further effect. The
 * commands are added to the store's pipeline; the watermark follows in a pipeline of its
 * own after the data were confirmed, so it never runs ahead of them. */
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

/* Adds the commands of a valid record; flag is VRS_SLOT_LIVE or VRS_SLOT_FILLED. A new
 * host table takes effect at once. */
int writer_record(struct writer *a, struct stream *s, const Vrsas__V1__Record *r,
		  uint8_t flag, struct vrs_err *err);

/* Adds a heartbeat with the current time of Redis and its seal (NULL: none). */
int writer_heartbeat(struct writer *a, const Vrsas__V1__Heartbeat *hb,
		     const Vrsas__V1__Sealed *seal, struct vrs_err *err);

#endif
