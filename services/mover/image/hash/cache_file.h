/* cache_file.h - hashes of an image that were computed before, as a file: a head that
 * says of which file at which moment they are, then one slot a chunk. Where nothing is
 * known the file has holes. Every slot and the head have a checksum; what does not make
 * sense is not known. Pure: cache.h says when it may be believed. */
#ifndef MOVER_IMAGE_HASH_CACHE_FILE_H
#define MOVER_IMAGE_HASH_CACHE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "image/base/tree.h"

enum {
	CACHEFILE_HEAD_BYTES = 4096,
	CACHEFILE_BOOT_BYTES = 48,
	CACHEFILE_ENTRY_BYTES = 8 + TREE_BLOCKS_PER_CHUNK * TREE_DIGEST_BYTES +
				TREE_LEAVES_PER_CHUNK * TREE_DIGEST_BYTES + 16,
};

struct cachefile_head {
	uint64_t device, inode, bytes;
	int64_t mtime_ns, ctime_ns;
	int64_t clock_offset_ms; /* Unix time minus time since boot */
	int64_t since_ms;        /* Unix time: all of it was read after this */
	char boot[CACHEFILE_BOOT_BYTES];
};

/* Digests of a chunk's blocks, and of the leaves in them, as tree.h has them. */
struct cachefile_entry {
	uint64_t known; /* bit 0: block 0 */
	struct tree_digest block[TREE_BLOCKS_PER_CHUNK];
	struct tree_digest leaf[TREE_LEAVES_PER_CHUNK];
};

void cachefile_put_head(uint8_t out[CACHEFILE_HEAD_BYTES],
			const struct cachefile_head *head);
bool cachefile_get_head(struct cachefile_head *ret,
			const uint8_t in[CACHEFILE_HEAD_BYTES]);

void cachefile_put_entry(uint8_t out[CACHEFILE_ENTRY_BYTES], uint64_t chunk,
			 const struct cachefile_entry *slot);
/* False, and nothing known, when it is not the slot of this chunk. */
bool cachefile_get_entry(struct cachefile_entry *ret, uint64_t chunk,
			 const uint8_t in[CACHEFILE_ENTRY_BYTES]);
uint64_t cachefile_entry_at(uint64_t chunk); /* offset in the file */

#endif
