/* copy.h - one disk from a source to a target, proven equal.
 *
 * Chunks that the target has are skipped, chunks in doubt and those of a cloned base are
 * compared leaf by leaf, the rest is read and written, holes and zeros never. Then the
 * target's chunks are read back from its disk and compared with what the source read;
 * what differs is sent once more. The image gets its name only by copy_seal. */
#ifndef MOVER_COPY_COPY_H
#define MOVER_COPY_COPY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "copy/auto_compress.h"
#include "image/base/tree.h"
#include "remote/remote.h"
#include "vrs/err.h"

/* Written while the copy runs, read by whoever shows it. */
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
	/* called a few times a second on the caller's thread; VRS_ECANCELLED stops */
	int (*tick)(void *arg, struct vrs_err *err);
	void *arg;
	const _Atomic uint64_t *rate_bytes_per_s; /* of what travels */
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
	bool was_there;  /* the target had it already, complete */
	bool kept_aside; /* what had its name is there as NAME.kept-TOKEN */
};

struct copy;

/* number tells the disks of one job apart. Strings are borrowed until copy_free. */
int copy_open(struct copy **ret, const struct copy_env *env, const struct copy_disk *disk,
	      unsigned number, struct vrs_err *err);
int copy_run(struct copy *c, struct vrs_err *err);
/* All copies of one job, run to their end: each gets its name, or none does. A far side
 * that is SFTP alone (remote_is_plain) names one after the other. */
int copy_seal(struct copy *const *c, size_t n, struct vrs_err *err);
/* Takes away what any try of this job left beside path. A later token's part stays. */
int copy_forget(struct remote *target, const char *path, const char *job, uint64_t token,
		struct vrs_err *err);
const struct copy_result *copy_result(const struct copy *c);
void copy_free(struct copy *c);

/* The content hash of one image. */
int copy_hash(struct remote *f, const char *path, const char *format, uint64_t *ret_bytes,
	      char ret_hex[TREE_HEX_BYTES], struct vrs_err *err);

#endif
