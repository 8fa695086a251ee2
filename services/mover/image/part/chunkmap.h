/* chunkmap.h - which chunks of a part file are there: what makes a copy go on after kill
 * -9.
 *
 * A file of pages of 4 KiB, each with its own checksum. Page 0 says whose part this is;
 * the others hold one byte a chunk. A page that was torn by a power cut fails its
 * checksum, and its chunks are in doubt: they are compared by hash instead of believed.
 * So a wrong map costs time, never content. Pure. */
#ifndef MOVER_IMAGE_PART_CHUNKMAP_H
#define MOVER_IMAGE_PART_CHUNKMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vrs/err.h"

enum chunk_state {
	CHUNK_NONE = 0,    /* nothing was ever written: reads as zeros */
	CHUNK_DOUBT = 1,   /* something was written: compare before believing */
	CHUNK_WRITTEN = 2, /* complete; survives kill -9 of us, not a power cut */
	CHUNK_DURABLE = 3, /* complete and on the disk */
};

enum chunkmap_stage {
	STAGE_CLONING = 1, /* the base is being copied: not usable */
	STAGE_OPEN = 2,
	STAGE_COMMITTING = 3, /* proven; token holds no writer any more */
	STAGE_GROUP = 4,      /* the same, together with others: group_record.h */
};

enum {
	CHUNKMAP_PAGE_BYTES = 4096,
	CHUNKMAP_STATES_PER_PAGE = CHUNKMAP_PAGE_BYTES - 16,
	CHUNKMAP_TOKEN_OFFSET = 16, /* u64, little endian, in page 0 */
	CHUNKMAP_MAX_GROUP = 3072,
};

#define CHUNKMAP_NO_TOKEN UINT64_MAX /* refuses every writer */

struct chunkmap {
	uint64_t token; /* writers with another one are refused */
	uint64_t commit_token;
	uint64_t disk_bytes, n_chunks;
	uint64_t received_bytes; /* payload that arrived, all tries */
	uint8_t stage;
	bool open;           /* a try is at work, or was cut off */
	bool cloned;         /* began as a clone of the base */
	bool filled;         /* ... of which a chunk comes over when it is compared */
	bool overlay;        /* holds only what differs from the image it will change */
	uint64_t base_inode; /* of that image */
	char job[136], format[16], boot[48];
	char identity[256]; /* of the source */
	uint64_t group_nonce;
	char group[CHUNKMAP_MAX_GROUP]; /* path of the first disk of its group */
	uint8_t *state;                 /* one a chunk */
};

/* For a new part: all CHUNK_NONE. */
int chunkmap_init(struct chunkmap *m, uint64_t disk_bytes, struct vrs_err *err);
void chunkmap_fini(struct chunkmap *m);

size_t chunkmap_n_pages(const struct chunkmap *m); /* with page 0 */
size_t chunkmap_page_of(uint64_t chunk);
void chunkmap_page(const struct chunkmap *m, size_t page,
		   uint8_t out[CHUNKMAP_PAGE_BYTES]);

/* Page 0 first; it makes room for the states (all CHUNK_DOUBT until their page is read).
 * VRS_EPARSE when it is not ours or torn. */
int chunkmap_read_head(struct chunkmap *m, const uint8_t in[CHUNKMAP_PAGE_BYTES],
		       struct vrs_err *err);
/* False when the page is torn; its chunks are then in doubt. */
bool chunkmap_read_page(struct chunkmap *m, size_t page,
			const uint8_t in[CHUNKMAP_PAGE_BYTES]);

#endif
