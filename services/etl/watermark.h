/* watermark.h - what Redis knows of a collector's epoch: hash vrsas:v1:wm:{cluster}.
 *
 *   collector/epoch        the watermark, raised after the data were answered for
 *   collector/epoch/head   the newest number heard of
 *
 * Redis may forget what it had answered for (a crash under everysec), so after each new
 * connection a source is read again before anything rests on it. */
#ifndef ETL_WATERMARK_H
#define ETL_WATERMARK_H

#include "stream.h"
#include "vrs/store.h"

/* Reads watermark and host table, unless that was done on this connection. An epoch that
 * Redis has not heard of ends those before it: what they still owed is lost, counted and
 * told as an event. */
int watermark_load(struct vrs_store *store, struct stream *s, uint64_t *lost,
		   struct vrs_err *err);

/* The spool begins at first_seq. What lies between the watermark and there is lost,
 * unless Redis is as new to this epoch as we are. */
int watermark_begin_at(struct vrs_store *store, struct stream *s, uint64_t first_seq,
		       uint64_t *lost, struct vrs_err *err);

int watermark_raise(struct vrs_store *store, struct stream *s, uint64_t watermark,
		    struct vrs_err *err);
int watermark_note_head(struct vrs_store *store, struct stream *s, struct vrs_err *err);

#endif
