/* parts.h - what the files of copy.h share: the state of one copy, and its steps. */
#ifndef MOVER_COPY_PARTS_H
#define MOVER_COPY_PARTS_H

#include "copy/auto_compress.h"
#include "copy/copy.h"
#include "copy/throttle.h"

enum {
	COPY_WINDOW_BYTES = 20 << 20,         /* requested or read, not yet written */
	COPY_DISTANT_WINDOW_BYTES = 32 << 20, /* if an end is distant */
	COPY_SYNC_BYTES = 256 << 20,
	COPY_PROVE_BYTES = 24 << 20, /* flushed and read back together */
	COPY_PROVE_SEED_BYTES = 512
				<< 20, /* the same for a seed: little of it was sent */
	COPY_WIDE_BYTES = 96 << 20,    /* from here on, more connections pay */
	HASH_BATCH = 8,                /* chunks of one request */
	HASH_COST = 1 << 18,           /* bytes of the window that it takes */
};

enum plan {
	PLAN_NOTHING, /* zeros at the source, nothing at the target */
	PLAN_HASH,    /* the target has it: only the source's digest is needed */
	PLAN_COMPARE,
	PLAN_SEND,
};

struct batch;

struct copy {
	struct copy_env env;
	struct copy_disk disk;
	uint8_t slot, base_slot;

	uint64_t size, n_chunks;
	uint64_t source_mtime_ns, source_file_bytes;
	char identity[256];
	uint8_t *plan;        /* one a chunk */
	uint8_t *data_blocks; /* one bit a block: the source may have data there */
	struct tree_digest *source, *target; /* one a chunk */

	/* Chunks of the target are read back from its disk while later ones are sent;
	 * what comes after the plan is under throttle.lock. */
	bool overlap;
	bool old_is_there;  /* equal chunks are those of the base: one read proves them */
	bool choosing_base; /* cached digests are sufficient */
	bool from_disk;     /* compare with what is on the target's disk */
	uint8_t *proven;    /* one a chunk: target[] was read back */
	_Atomic bool touched; /* another process opened the part: nothing is proven */
	struct prove_list *proving; /* marked, not requested yet */
	bool syncing;

	struct auto_compress compress; /* under throttle.lock */

	struct throttle throttle;
	struct batch *ready; /* leaves of both sides have arrived; under throttle.lock */
	int n_batches;       /* requested and not compared yet; under throttle.lock */
	uint64_t resend_bytes; /* upper bound of what the previous attempt sent in vain;
				* under throttle.lock */
	uint64_t marked_bytes; /* since the last SYNC */

	/* Preallocation (preallocate.c). */
	uint64_t preallocated_until; /* chunks below are done */
	bool preallocated;           /* something of the chunks before that */
	uint64_t recent_bytes, recent_zero_bytes; /* read; under throttle.lock */
	bool keep_aside; /* the image under the name is neither the base nor equal */

	struct copy_result result;
};

uint64_t copy_data_bytes(const struct copy *c, uint64_t chunk);
bool copy_has_data(const struct copy *c, uint64_t block);
void copy_add_done(struct copy *c, uint64_t first, uint64_t n); /* of these chunks */

int copy_stat(struct remote *f, const char *path, bool *ret_exists, struct wire_stat *ret,
	      struct vrs_err *err);
/* Sets the hashes of the result from the digests of both sides. */
void copy_set_hashes(struct copy *c);

/* remote_send(); if it fails, done is called with the error. From any thread. */
void copy_send(struct remote *f, const struct remote_request *r);
/* The same for a request whose reply is not used; its failure stops the copy. */
void copy_post(struct copy *c, struct remote *f, const struct wire_head *head);

/* Sends ranges of a chunk. fresh: zeros need not be written, and the digests of the
 * blocks make the digest of the chunk. */
struct chunk_work;
struct chunk_work *copy_work_begin(struct copy *c, uint64_t chunk, bool fresh,
				   struct vrs_err *err);
int copy_work_add(struct chunk_work *w, uint64_t off, uint64_t len, unsigned shift,
		  struct vrs_err *err);
void copy_work_end(struct chunk_work *w); /* after the last copy_work_add */

/* Called before this chunk is sent. */
void copy_preallocate(struct copy *c, uint64_t chunk);
/* So many bytes were read, so many of them zeros; with throttle.lock. */
void copy_count_zeros(struct copy *c, uint64_t bytes, uint64_t zero_bytes);

int copy_send_chunk(struct copy *c, uint64_t chunk, struct vrs_err *err);
/* All chunks of this plan, compared leaf by leaf. */
int copy_compare(struct copy *c, struct vrs_err *err);

/* Digests of n chunks of the image in a slot, written to out when they arrive; then
 * proven[] (NULL: none) becomes 1. */
struct digest_request {
	struct remote *remote;
	uint8_t slot;
	uint64_t first, n;
	struct tree_digest *out;
	uint8_t *proven;
};
int copy_request_digests(struct copy *c, const struct digest_request *r,
			 struct vrs_err *err);
/* The same without waiting for the window; at most HASH_BATCH. From any thread. */
void copy_post_digests(struct copy *c, const struct digest_request *r);

/* Makes the target durable and notes whether another process opened the part. */
int copy_sync_target(struct copy *c, struct vrs_err *err);
/* This chunk was marked at the target and will be read back. From any thread. */
void copy_prove_later(struct copy *c, uint64_t chunk);
/* Reads back the chunks that are not proven yet, or all those with a plan to compare. */
int copy_read_back(struct copy *c, bool only_compared, struct vrs_err *err);
void copy_prove_free(struct copy *c);

int copy_base_fits(struct copy *c, bool *ret, struct vrs_err *err);
int copy_target_is_source(struct copy *c, bool *ret, struct vrs_err *err);

#endif
