/* copy.h - one disk from a source to a target, proven equal.
 *
 * Chunks that the target has are skipped, chunks in doubt and those of a cloned base are
 * compared leaf by leaf, the others are read and written, except holes and zeros. Then
 * the target's chunks are read back from its disk and compared with what the source read;
 * chunks that differ are sent once more. The image gets its name only by copy_seal. */
#ifndef MOVER_COPY_COPY_H
#define MOVER_COPY_COPY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "copy/auto_compress.h"
#include "image/base/tree.h"
#include "remote/remote.h"
#include "vrs/err.h"

/* Written while the copy runs; read from any thread. */
struct copy_progress {
	_Atomic uint64_t total_bytes; /* data at the source */
	_Atomic uint64_t done_bytes;
	_Atomic uint64_t sent_bytes;
	_Atomic uint64_t resent_bytes;
	_Atomic uint64_t compared_bytes; /* read back from the target's disk */
	_Atomic int verifying;
	_Atomic bool connected; /* both ends were reached */
};

struct copy_env {
	struct remote *source, *target;
	const char *job;
	uint64_t token;
	struct copy_progress *progress;
	/* called a few times a second on the caller's thread; a failure stops the copy */
	int (*tick)(void *arg, struct vrs_err *err);
	void *arg;
	const _Atomic uint64_t *rate_bytes_per_s; /* limit of the bytes sent */
	enum auto_compress_mode pack;
};

struct copy_disk {
	const char *source_path, *source_format, *target_path, *target_format;
	const char *base_path, *base_hash; /* "": none, any */
};

struct copy_result {
	uint64_t disk_bytes, sent_bytes;
	char source_hash[TREE_HEX_BYTES], target_hash[TREE_HEX_BYTES];
	bool base_used;
	bool was_there;  /* the target was complete already */
	bool kept_aside; /* a displaced image was kept as NAME.kept-TOKEN */
};

struct copy;

/* number: of the disk within its job. Strings are borrowed until copy_free. */
int copy_open(struct copy **ret, const struct copy_env *env, const struct copy_disk *disk,
	      unsigned number, struct vrs_err *err);
int copy_run(struct copy *c, struct vrs_err *err);
/* Commits all copies of one job, or none, after copy_run of each. If the target offers
 * only SFTP (remote_is_sftp_only), they are committed one after the other. */
int copy_seal(struct copy *const *c, size_t n, struct vrs_err *err);
/* Removes what any attempt of this job left beside path, but not the part of a later
 * token. */
int copy_discard(struct remote *target, const char *path, const char *job, uint64_t token,
		 struct vrs_err *err);
const struct copy_result *copy_result(const struct copy *c);
void copy_free(struct copy *c);

/* The content hash of one image. */
struct image_hash {
	uint64_t disk_bytes;
	char hex[TREE_HEX_BYTES];
};
int copy_hash(struct remote *f, const char *path, const char *format,
	      struct image_hash *ret, struct vrs_err *err);

#endif
