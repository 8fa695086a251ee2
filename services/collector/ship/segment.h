/* segment.h - one file of the spool: a head, then records with length and checksum.
 *
 * A segment appears under its name whole or not at all; the name is its first number.
 * Records carry their number in the checksum, so one can never be taken for another. */
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

/* A new segment, durable; the descriptor is the caller's. */
int segment_make(int dir_fd, const struct segment_head *head, int *ret_fd,
		 struct vrs_err *err);
/* False when the file does not begin as a segment does. */
bool segment_head_read(int fd, struct segment_head *ret);

/* Writes a record at offset. Fails as a whole: what came to be is cut off again. */
int segment_put(int fd, size_t offset, uint64_t seq, const void *bytes, size_t n,
		struct vrs_err *err);
/* The record at offset: its length with frame, 0 when there is none that is whole and
 * right, -1 when the disk failed. The payload goes to buf, which holds max bytes. */
ssize_t segment_get(int fd, size_t offset, uint64_t seq, unsigned char *buf, size_t max,
		    size_t *ret_n);

/* Past one damaged record at offset: where the record after it begins, if that one is
 * whole and right; 0: unknown. */
size_t segment_skip(int fd, size_t offset, uint64_t seq, unsigned char *buf, size_t max);

/* Whether what lies from offset to the file's end can be the beginning of a record that
 * was being written when the writer was killed, or blocks that a power cut left empty:
 * then nobody has ever seen it. */
bool segment_is_torn(int fd, size_t offset, uint64_t seq, size_t file_bytes, size_t max);

#endif
