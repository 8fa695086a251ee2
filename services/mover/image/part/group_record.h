/* group_record.h - the record of disks that get their names together, or none of them.
 *
 * ".NAME.vrs-group" beside the first of them. It is written whole and durable before
 * anything else, and every disk's chunk map then says STAGE_GROUP, where the record is
 * and its nonce: only through such a map is a record ever looked at. Its first page is
 * zeros until the point of no return, then a mark of one sector: before the mark all can
 * be taken back, after it all will be finished, by whoever comes next (group_commit.c).
 *
 * Pure: bytes in, values out. */
#ifndef MOVER_IMAGE_PART_GROUP_RECORD_H
#define MOVER_IMAGE_PART_GROUP_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vrs/err.h"

enum {
	GROUP_MAX_DISKS = 23,
	GROUP_MAX_PATH = 4095,
	GROUP_JOB_BYTES = 136,
	GROUP_MARK_BYTES = 512,
	GROUP_LIST_OFFSET = 4096, /* the mark has the page before it */
	GROUP_MAX_BYTES =
		GROUP_LIST_OFFSET + 256 + GROUP_MAX_DISKS * (GROUP_MAX_PATH + 64),
};

struct group_disk {
	char *path;          /* absolute, owned */
	bool after_mark;     /* changes what has the name, which cannot be taken back */
	bool displaces;      /* what has the name is renamed first */
	uint64_t part_inode; /* the new content */
	/* what had the name; inode 0: nothing */
	uint64_t base_inode, base_bytes, base_mtime_ns;
};

struct group {
	uint64_t nonce, token;
	char job[GROUP_JOB_BYTES];
	bool marked;
	size_t n;
	struct group_disk disk[GROUP_MAX_DISKS];
};

/* Returns how many of GROUP_MAX_BYTES were written; without the mark. */
size_t group_pack(const struct group *g, uint8_t *out);
/* VRS_EPARSE when it is torn, forged or not one. Free with group_fini. */
int group_unpack(struct group *ret, const uint8_t *in, size_t n, struct vrs_err *err);
void group_fini(struct group *g);

void group_mark(uint8_t out[GROUP_MARK_BYTES], uint64_t nonce);

#endif
