/* hashes.h - digests of a chunk of a disk, reading only what may hold data. */
#ifndef MOVER_IMAGE_HASH_HASHES_H
#define MOVER_IMAGE_HASH_HASHES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "image/base/tree.h"
#include "image/disk/disk.h"
#include "image/hash/cache.h"

enum {
	HASHES_LEAF_BYTES = 8, /* of a leaf's digest, its first: what differs is found by
				* them; that all is equal is proven by whole digests */
	HASHES_MAX_BYTES = TREE_DIGEST_BYTES + TREE_LEAF_MAP_BYTES +
			   TREE_LEAVES_PER_CHUNK * HASHES_LEAF_BYTES,
};

struct hashes_want {
	uint64_t chunk;
	bool leaves;
	bool from_disk; /* of a part: as part_proof() reads it */
	/* Blocks that it knows are not read, blocks that are read are added to it; NULL:
	 * all are read. */
	struct hashcache *cache;
};

/* Writes the chunk's digest and, with leaves and unless it is all zeros, a map of the
 * leaves that are not zero (bit 0 of byte 0 first) and HASHES_LEAF_BYTES of each. */
int hashes_of_chunk(struct disk *d, const struct hashes_want *w, uint8_t *out,
		    size_t *ret_len, struct vrs_err *err);

/* Reads one such answer back: the chunk's digest and the first bytes of all leaf digests
 * (zeros where there are zeros, and behind them). Returns how many bytes it was, 0 when
 * it is malformed. */
size_t hashes_parse_leaves(const uint8_t *in, size_t n, struct tree_digest *ret_chunk,
			   struct tree_digest ret_leaf[TREE_LEAVES_PER_CHUNK]);

#endif
