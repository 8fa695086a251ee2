/* watermark.h - the state of a collector epoch in Redis: hash vrsas:v1:wm:{cluster}.
 *
 *   collector/epoch        the watermark, raised after the data were confirmed
 *   collector/epoch/head   the newest number announced
 *
 * Redis may lose confirmed writes (a crash under everysec), so after each reconnect a
 * stream is read again before it is used. */
#ifndef ETL_WATERMARK_H
#define ETL_WATERMARK_H

#include "stream.h"
#include "vrs/store.h"

/* Reads watermark and host table, unless they were already read on this connection. An
 * epoch unknown to Redis ends the earlier ones: their outstanding records are lost,
 * counted and reported as an event. */
int watermark_load(struct vrs_store *store, struct stream *s, uint64_t *lost,
		   struct vrs_err *err);

/* The spool begins at first_seq: the records between the watermark and first_seq are
 * lost, unless the epoch is also new to Redis. */
int watermark_begin_at(struct vrs_store *store, struct stream *s, uint64_t first_seq,
		       uint64_t *lost, struct vrs_err *err);

int watermark_raise(struct vrs_store *store, struct stream *s, uint64_t watermark,
		    struct vrs_err *err);
int watermark_note_head(struct vrs_store *store, struct stream *s, struct vrs_err *err);

#endif
