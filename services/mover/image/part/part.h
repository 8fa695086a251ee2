/* part.h - an image while it is being written: ".NAME.vrs-part" beside where it will be,
 * ".NAME.vrs-map" with what is known about it, and nothing under its own name until it is
 * sealed.
 *
 * Every write happens under a shared lock of the map and only while the map holds our
 * token; a takeover raises the token under the exclusive lock. So a mover that was
 * presumed dead cannot write after its successor has begun.
 *
 * part_write, part_mark, part_sync and reading may be called from several threads at
 * once, the others only alone. */
#ifndef MOVER_IMAGE_PART_PART_H
#define MOVER_IMAGE_PART_PART_H

#include <stdbool.h>
#include <stdint.h>

#include "image/base/sandbox.h"
#include "image/base/wire.h"
#include "image/disk/disk.h"
#include "image/part/chunkmap.h"
#include "vrs/err.h"

struct part_want {
	const char *path, *format, *job, *identity;
	const char *base; /* begin as a clone of it; "": begin empty */
	uint64_t disk_bytes, token;
	bool displaces; /* what has the name is renamed, not refused, at the end */
};

struct part;

/* Finds the part of this job and takes it over, or begins a new one. A part of another
 * job is removed, unless a process is still writing to it. *ret_flags: WIRE_TARGET_*. */
int part_open(struct part **ret, const struct sandbox *b, const struct part_want *want,
	      unsigned *ret_flags, struct vrs_err *err);

/* Without it, the next attempt treats the part as interrupted. */
void part_close(struct part *p);

const struct chunkmap *part_map(const struct part *p);
struct disk *part_disk(struct part *p); /* NULL when it could not be opened again */
/* The same content, read from where it will have to be found: the disk itself. */
struct disk *part_proof(struct part *p);

/* Digests of a chunk as hashes_of_chunk() gives them, with leaves; a chunk that still has
 * to come from the base is copied on the way. */
struct hashes_want;
int part_leaves(struct part *p, const struct hashes_want *w, uint8_t *out,
		size_t *ret_len, struct vrs_err *err);

/* The blocks are checked by their digests before they are written. */
int part_write(struct part *p, const struct wire_blocks *b, struct vrs_err *err);
/* Allocates space for a range that will be written, if the file system can: then several
 * threads can write to it at once. From then on zeros in it must be written, too. */
int part_allocate(struct part *p, uint64_t off, uint64_t len, struct vrs_err *err);
int part_mark(struct part *p, uint64_t first, uint64_t n, struct vrs_err *err);
/* What was marked is durable. *ret_touched: since the last time, another program has
 * opened the file, so that what was read back before is no longer proof. */
int part_sync(struct part *p, bool *ret_touched, struct vrs_err *err);
int part_reopen(struct part *p, bool writable, struct vrs_err *err);
int part_commit(struct part *p, struct vrs_err *err);
/* All of them or none, whatever happens: on failure no part has become an image, unless
 * what had been done could not be taken back or finished. Then the line says so, and
 * part_recover or part_forget of any of them goes on with it. */
int part_commit_group(struct part **parts, size_t n, struct vrs_err *err);
int part_discard(struct part *p, struct vrs_err *err);

/* An image that was proven and only half changed when the machine or we went down is
 * finished first, with those that belong to it. Nothing to do: 0. */
int part_recover(const struct sandbox *b, const char *path, struct vrs_err *err);

/* Removes what a job left beside path, whatever its state, unless a later token or
 * another job owns it. Nothing there: 0. */
int part_forget(const struct sandbox *b, const char *path, const char *job,
		uint64_t token, struct vrs_err *err);

#endif
