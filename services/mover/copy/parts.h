/* parts.h - what the files of copy.h share: the state of one copy, and its steps. */
#ifndef MOVER_COPY_PARTS_H
#define MOVER_COPY_PARTS_H

#include "copy/auto_compress.h"
#include "copy/copy.h"
#include "copy/throttle.h"

enum {
	COPY_ROOM_BYTES = 20 << 20,     /* read or to be read, not yet written */
	COPY_FAR_ROOM_BYTES = 32 << 20, /* the same where a round trip takes long */
	COPY_SYNC_BYTES = 256 << 20,
	COPY_PROVE_BYTES = 24 << 20,       /* made durable and read back together */
	COPY_PROVE_SEED_BYTES = 512 << 20, /* ... of chunks of which little was sent */
	COPY_WIDE_BYTES = 96 << 20,        /* more than one connection pays */
	HASH_BATCH = 8,                    /* chunks of one request */
	HASH_COST = 1 << 18,
};

enum plan {
	PLAN_NOTHING, /* zeros at the source, nothing at the target */
	PLAN_HASH,    /* the target has it: only the source's digest is wanted */
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

	/* The target's chunks are read back from its disk while later ones travel; what
	 * comes after the plan is under flow.lock. */
	bool overlap;
	bool old_is_there;    /* equal chunks are the base's own: reading once proves */
	bool choosing_base;   /* what is known of it will do */
	bool from_disk;       /* compare with what is on the target's disk */
	uint8_t *proven;      /* one a chunk: target[] is what was read back */
	_Atomic bool touched; /* somebody else had the part open: nothing is proven */
	struct prove_list *proving; /* marked, not asked for yet */
	bool syncing;

	struct auto_compress pace; /* under flow.lock */

	struct throttle flow;
	struct batch *ready;   /* compared on both sides, under flow.lock */
	int n_batches;         /* asked and not yet dealt with, under flow.lock */
	uint64_t doubt_bytes;  /* what the try before may have sent; under flow.lock */
	uint64_t marked_bytes; /* since the last SYNC; ours */

	/* Room for data is taken ahead (preallocate.c). */
	uint64_t room_until;                  /* chunks below have been seen to; ours */
	bool room_taken;                      /* for the chunks before room_until; ours */
	uint64_t seen_bytes, seen_zero_bytes; /* lately; under flow.lock */
	bool keep_aside; /* what has the target's name is neither base nor equal */

	struct copy_result result;
};

uint64_t copy_data_bytes(const struct copy *c, uint64_t chunk);
bool copy_has_data(const struct copy *c, uint64_t block);

/* One request about this copy's slot and its answer. */
int copy_ask(struct copy *c, struct remote *f, enum wire_type type, uint64_t a,
	     uint64_t b, const struct wire_texts *t, struct wire_head *ret_reply,
	     uint8_t **ret_payload, struct vrs_err *err);
int copy_ask_stat(struct copy *c, struct remote *f, const char *path, bool *ret_exists,
		  struct wire_stat *ret, struct vrs_err *err);
/* Both sides' digests become the result's hashes. */
void copy_finished(struct copy *c);

/* A request whose answer nobody needs; its failure stops the copy. From any thread. */
void copy_tell(struct copy *c, struct remote *f, const struct wire_head *head);

/* Sends range off, len of a chunk. fresh: zeros need not be written, digests go to the
 * tree. */
struct chunk_work;
struct chunk_work *copy_work_begin(struct copy *c, uint64_t chunk, bool fresh,
				   struct vrs_err *err);
int copy_work_add(struct chunk_work *w, uint64_t off, uint64_t len, unsigned shift,
		  struct vrs_err *err);
void copy_work_end(struct chunk_work *w); /* all was added */

/* Before this chunk is sent. */
void copy_take_room(struct copy *c, uint64_t chunk);
/* So much was read, so much of it was zeros; with flow.lock. */
void copy_seen(struct copy *c, uint64_t bytes, uint64_t zero_bytes);

int copy_send_chunk(struct copy *c, uint64_t chunk, struct vrs_err *err);
/* All chunks of this plan, compared leaf by leaf. */
int copy_compare(struct copy *c, struct vrs_err *err);
/* Digests of chunks [first, first + n) of a far's slot, put into out when they arrive;
 * then proven[] (NULL: none) becomes 1. */
int copy_ask_digests(struct copy *c, struct remote *f, uint8_t slot, uint64_t first,
		     uint64_t n, struct tree_digest *out, uint8_t *proven,
		     struct vrs_err *err);
/* The same without waiting for room, from any thread; at most HASH_BATCH. */
void copy_want_digests(struct copy *c, struct remote *f, uint8_t slot, uint64_t first,
		       uint64_t n, struct tree_digest *out, uint8_t *proven);

/* Makes what is there durable, and asks if somebody else had the part open. */
int copy_sync_target(struct copy *c, struct vrs_err *err);
/* This chunk was marked at the target: it will be read back. From any thread. */
void copy_prove_later(struct copy *c, uint64_t chunk);
/* Chunks that are not proven yet, or all of those with a plan to compare. Waits. */
int copy_read_back(struct copy *c, bool only_compared, struct vrs_err *err);
void copy_prove_free(struct copy *c);

int copy_base_fits(struct copy *c, bool *ret, struct vrs_err *err);
int copy_target_is_source(struct copy *c, bool *ret, struct vrs_err *err);

#endif
