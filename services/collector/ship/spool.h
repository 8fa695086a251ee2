/* spool.h - everything that a collector has read, on its own disk, until it is old.
 *
 * A folder of append-only segments. A record is a length, a checksum and the packed bytes
 * that were published; its number is its place: 1, 2, 3, ... within the epoch, a random
 * 64-bit number drawn when the spool was created. A torn tail is cut on open and writing
 * goes on at the end. Records go by age only, a segment at a time; nobody's
 * acknowledgement shortens a spool, so Redis can be rebuilt from it.
 *
 * A damaged record, and what cannot be found behind it, is a hole that spool_read steps
 * over and shows. No number is ever given twice, even then.
 *
 * One process and one thread a spool; a second open is refused with VRS_ECONFLICT. */
#ifndef COLLECTOR_SHIP_SPOOL_H
#define COLLECTOR_SHIP_SPOOL_H

#include <stddef.h>
#include <stdint.h>

#include "vrs/err.h"

enum { SPOOL_MAX_RECORD = 1 << 20 };

struct spool;

struct spool_conf {
	const char *dir;      /* made when it is not there */
	const char *owner;    /* who may use it: a spool of another owner is refused */
	int64_t keep_ms;      /* age at which records may go */
	size_t segment_bytes; /* 0: 1 MiB */
	int64_t segment_ms;   /* 0: 6 h */
};

int spool_open(struct spool **ret, const struct spool_conf *conf, int64_t now_ms,
	       struct vrs_err *err);
void spool_close(struct spool *s);

struct spool_info {
	uint64_t epoch;
	uint64_t first_seq; /* oldest still here; head_seq + 1 when empty */
	uint64_t head_seq;  /* newest; 0: none yet */
	uint64_t bytes;
	uint64_t cut_bytes;     /* torn tail that this open took away */
	uint64_t damaged_bytes; /* behind which this open could not read */
	uint32_t set_aside;     /* unreadable segments that this open renamed to *.bad */
};
void spool_info(const struct spool *s, struct spool_info *ret);

/* Appends the record head_seq + 1. It is durable only after spool_sync. On failure (disk
 * full) nothing of it stays. */
int spool_append(struct spool *s, const void *bytes, size_t n_bytes, int64_t now_ms,
		 struct vrs_err *err);
int spool_sync(struct spool *s, struct vrs_err *err);

/* The next number given will be above seq (somebody already knows numbers up to it). */
int spool_advance(struct spool *s, uint64_t seq, int64_t now_ms, struct vrs_err *err);

/* Calls fn for the records from..to that are here, in order, until their bytes would
 * exceed max_bytes (one record is always given) or fn returns non-zero. *ret_next is the
 * number to go on with. A record whose number is above the one expected shows a hole.
 * Fails only when the disk does. */
typedef int (*spool_fn)(void *arg, uint64_t seq, const void *bytes, size_t n_bytes);
int spool_read(struct spool *s, uint64_t from, uint64_t to, size_t max_bytes, spool_fn fn,
	       void *arg, uint64_t *ret_next, struct vrs_err *err);

#endif
