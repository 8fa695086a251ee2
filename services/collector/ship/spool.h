/* spool.h - the readings of a collector on its own disk, kept for keep_ms.
 *
 * A folder of append-only segments. A record is a length, a checksum and the packed bytes
 * that were published. Records are numbered 1, 2, 3, ... within the epoch, a random
 * 64-bit number chosen when the spool is created. Opening a spool truncates a torn tail
 * and continues after it. Records expire by age only, a whole segment at a time, never
 * because they were acknowledged, so Redis can be rebuilt from the spool.
 *
 * A damaged record, and any records after it that cannot be located, are a gap that
 * spool_read skips and makes visible. No number is ever assigned twice.
 *
 * A spool has one process and one thread; a second open fails with VRS_ECONFLICT. */
#ifndef COLLECTOR_SHIP_SPOOL_H
#define COLLECTOR_SHIP_SPOOL_H

#include <stddef.h>
#include <stdint.h>

#include "vrs/err.h"

enum { SPOOL_MAX_RECORD = 1 << 20 };

struct spool;

struct spool_conf {
	const char *dir;      /* created if it does not exist */
	const char *owner;    /* the spool of another owner is rejected */
	int64_t keep_ms;      /* age at which records expire */
	size_t segment_bytes; /* 0: 1 MiB */
	int64_t segment_ms;   /* 0: 6 h */
};

int spool_open(struct spool **ret, const struct spool_conf *conf, int64_t now_ms,
	       struct vrs_err *err);
void spool_close(struct spool *s);

struct spool_info {
	uint64_t epoch;
	uint64_t first_seq; /* oldest record; head_seq + 1 if empty */
	uint64_t head_seq;  /* newest; 0: none yet */
	uint64_t bytes;
	uint64_t cut_bytes;     /* torn tail that this open truncated */
	uint64_t damaged_bytes; /* at the end, unreadable for this open */
	uint32_t set_aside;     /* unreadable segments that this open renamed to *.bad */
};
void spool_info(const struct spool *s, struct spool_info *ret);

/* Appends record head_seq + 1; durable only after spool_sync. All or nothing, also when
 * the disk is full. */
int spool_append(struct spool *s, const void *bytes, size_t n_bytes, int64_t now_ms,
		 struct vrs_err *err);
int spool_sync(struct spool *s, struct vrs_err *err);

/* Makes the next number greater than seq, because etl already has numbers up to seq. */
int spool_advance(struct spool *s, uint64_t seq, int64_t now_ms, struct vrs_err *err);

/* Calls fn for the records from..to that the spool holds, in order, until fn returns
 * non-zero or their bytes would exceed max_bytes (at least one record is read). *ret_next
 * is the number to continue with. A number above the expected one means a gap. Fails only
 * on a disk error. */
struct spool_range {
	uint64_t from, to;
	size_t max_bytes;
	int (*fn)(void *arg, uint64_t seq, const void *bytes, size_t n_bytes);
	void *arg;
};
int spool_read(struct spool *s, const struct spool_range *range, uint64_t *ret_next,
	       struct vrs_err *err);

#endif
