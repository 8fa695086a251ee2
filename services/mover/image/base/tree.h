/* tree.h - the content of a disk as a tree of hashes, the same whatever the file format.
 *
 * A disk is chunks of 4 MiB, a chunk is blocks of 64 KiB. Digest of a block: XXH3-128 of
 * its bytes, or 16 zero bytes when it holds only zeros. Digest of a chunk: XXH3-128 of
 * its block digests in order, or zeros when all of them are. Digest of the disk: XXH3-128
 * of its chunk digests in order and its size. So chunks may be hashed in any order, and
 * holes cost nothing. Leaves of 4 KiB, hashed in the same way, say what differs within a
 * chunk; they are no part of the tree.
 *
 * XXH3 finds accidents, not forgers: both ends are ours. Pure. */
#ifndef MOVER_IMAGE_BASE_TREE_H
#define MOVER_IMAGE_BASE_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vrs/err.h"

enum {
	TREE_DIGEST_BYTES = 16,
	TREE_LEAF_SHIFT = 12,
	TREE_BLOCK_SHIFT = 16,
	TREE_CHUNK_SHIFT = 22,
	TREE_CHUNK_BYTES = 1 << TREE_CHUNK_SHIFT,
	TREE_BLOCKS_PER_CHUNK = 1 << (TREE_CHUNK_SHIFT - TREE_BLOCK_SHIFT),
	TREE_LEAVES_PER_CHUNK = 1 << (TREE_CHUNK_SHIFT - TREE_LEAF_SHIFT),
	TREE_LEAF_MAP_BYTES = TREE_LEAVES_PER_CHUNK / 8,
	TREE_HEX_BYTES = 33,
};

#define TREE_MAX_DISK_BYTES ((uint64_t)1 << 46) /* 64 TiB */

struct tree_digest {
	uint8_t bytes[TREE_DIGEST_BYTES];
};

/* A checksum of something that is not a disk (a map, a record), with a seed. */
struct tree_digest tree_sum(const void *bytes, size_t n, uint64_t seed);

bool tree_is_zero_digest(const uint8_t *digest);
bool tree_all_zero(const void *bytes, size_t n);

/* Of a block or leaf of n bytes. */
struct tree_digest tree_block(const void *bytes, size_t n);
/* Writes the digests of the blocks of data and removes the zero blocks from data, so that
 * the others are contiguous. Returns their end. */
uint8_t *tree_squeeze(uint8_t *digests, uint8_t *data, size_t len, size_t block);
/* Of n block digests that make a chunk. */
struct tree_digest tree_chunk(const struct tree_digest *blocks, size_t n);
/* Of all chunk digests. */
struct tree_digest tree_root(const struct tree_digest *chunks, uint64_t n_chunks,
			     uint64_t disk_bytes);
uint64_t tree_n_chunks(uint64_t disk_bytes);
/* Bytes of chunk number c. */
uint64_t tree_chunk_bytes(uint64_t disk_bytes, uint64_t c);

void tree_hex(char out[TREE_HEX_BYTES], const struct tree_digest *d);

#endif
