/* segment.h - one file of the spool: a head, then records with length and checksum.
 *
 * A segment is created atomically; its name is its first number. The checksum of a
 * record includes its number, so no record can be mistaken for another. */
#ifndef COLLECTOR_SHIP_SEGMENT_H
#define COLLECTOR_SHIP_SEGMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "vrs/err.h"

enum { SEGMENT_HEAD_BYTES = 128, SEGMENT_FRAME_BYTES = 16, SEGMENT_OWNER_BYTES = 80 };

struct segment_head {
	uint64_t epoch, first_seq;
	int64_t created_at_ms;
	char owner[SEGMENT_OWNER_BYTES];
};

void segment_name(char buf[32], uint64_t first_seq);

/* Creates a durable segment; the caller owns the descriptor. */
int segment_make(int dir_fd, const struct segment_head *head, int *ret_fd,
		 struct vrs_err *err);
/* False: the file has no valid head. */
bool segment_head_read(int fd, struct segment_head *ret);

/* A place in an open segment: where record seq begins, or is to begin. */
struct segment_pos {
	int fd;
	size_t offset;
	uint64_t seq;
};

/* Writes a record. All or nothing: a partial write is truncated away. */
int segment_put(const struct segment_pos *at, const void *bytes, size_t n,
		struct vrs_err *err);
/* Reads a record into buf, which holds max bytes. Returns its length with frame; 0: no
 * intact record here; -1: the disk failed. */
ssize_t segment_get(const struct segment_pos *at, unsigned char *buf, size_t max,
		    size_t *ret_n);

/* Skips one damaged record: the offset of the next one if that is intact; 0: unknown. */
size_t segment_skip(const struct segment_pos *at, unsigned char *buf, size_t max);

/* Whether the bytes up to the end of the file can be a record that was being written when
 * the writer was killed, or blocks that a power failure left empty. Such a record was
 * never published. */
bool segment_is_torn(const struct segment_pos *at, size_t file_bytes, size_t max);

#endif
