#include "image/hashes.h"

#include <stdlib.h>
#include <string.h>

enum {
	BLOCK = 1 << TREE_BLOCK_SHIFT,
	LEAF = 1 << TREE_LEAF_SHIFT,
	LEAVES_PER_BLOCK = BLOCK / LEAF,
	PIECE = 16 * BLOCK,
	ALIGN = 4096,
};

struct digests {
	struct tree_digest block[TREE_BLOCKS_PER_CHUNK];
	struct tree_digest leaf[TREE_LEAVES_PER_CHUNK];
};

static void digest_blocks(struct digests *g, const uint8_t *data, size_t at, size_t len,
			  bool leaves)
{
	for (size_t i = 0; i < len; i += BLOCK) {
		size_t n = len - i < BLOCK ? len - i : BLOCK;
		size_t first = (at + i) / LEAF;

		g->block[(at + i) / BLOCK] = tree_block(data + i, n);
		if (!leaves || tree_is_zero_digest(g->block[(at + i) / BLOCK].bytes))
			continue;
		for (size_t j = 0; j < n; j += LEAF)
			g->leaf[first + j / LEAF] =
				tree_block(data + i + j, n - j < LEAF ? n - j : LEAF);
	}
}

static int digest_run(struct digests *g, struct disk *d, uint8_t *buf, uint64_t start,
		      uint64_t from, uint64_t to, bool leaves, struct vrs_err *err)
{
	while (from < to) {
		size_t n = to - from < PIECE ? (size_t)(to - from) : PIECE;
		int status = d->ops->read(d, buf, from, n, err);

		if (status < 0)
			return status;
		digest_blocks(g, buf, (size_t)(from - start), n, leaves);
		from += n;
	}
	return 0;
}

static size_t put_leaves(const struct digests *g, uint8_t *out)
{
	uint8_t *map = out, *to = out + TREE_LEAF_MAP_BYTES;

	memset(map, 0, TREE_LEAF_MAP_BYTES);
	for (size_t i = 0; i < TREE_LEAVES_PER_CHUNK; i++) {
		if (tree_is_zero_digest(g->leaf[i].bytes))
			continue;
		map[i / 8] |= (uint8_t)(1u << (i % 8));
		memcpy(to, g->leaf[i].bytes, HASHES_LEAF_BYTES);
		to += HASHES_LEAF_BYTES;
	}
	return (size_t)(to - out);
}

static int digest_data(struct digests *g, struct disk *d, uint64_t start, uint64_t end,
		       bool leaves, uint8_t *buf, struct vrs_err *err)
{
	uint64_t off = start;

	while (off < end) {
		uint64_t until;
		bool data;
		int status = d->ops->extent(d, off, end, &until, &data, err);

		if (status < 0)
			return status;
		if (data) { /* whole blocks around it */
			off &= ~(uint64_t)(BLOCK - 1);
			until = (until + BLOCK - 1) & ~(uint64_t)(BLOCK - 1);
			if (until > end)
				until = end;
			status = digest_run(g, d, buf, start, off, until, leaves, err);
			if (status < 0)
				return status;
		}
		off = until;
	}
	return 0;
}

int hashes_of_chunk(struct disk *d, uint64_t chunk, bool leaves, uint8_t *out,
		    size_t *ret_len, struct vrs_err *err)
{
	struct digests g;
	uint64_t start = chunk << TREE_CHUNK_SHIFT;
	uint64_t end = start + tree_chunk_bytes(d->size, chunk);
	uint8_t *buf = aligned_alloc(ALIGN, PIECE);

	if (!buf)
		return vrs_fail(err, VRS_EIO, "no memory");
	memset(&g, 0, leaves ? sizeof(g) : sizeof(g.block));
	int status = digest_data(&g, d, start, end, leaves, buf, err);
	free(buf);
	if (status < 0)
		return status;

	size_t n_blocks = (size_t)((end - start + BLOCK - 1) / BLOCK);
	struct tree_digest digest = tree_chunk(g.block, n_blocks);
	memcpy(out, digest.bytes, TREE_DIGEST_BYTES);
	*ret_len = TREE_DIGEST_BYTES;
	if (leaves && !tree_is_zero_digest(digest.bytes))
		*ret_len += put_leaves(&g, out + TREE_DIGEST_BYTES);
	return 0;
}

size_t hashes_parse_leaves(const uint8_t *in, size_t n, struct tree_digest *ret_chunk,
			   struct tree_digest ret_leaf[TREE_LEAVES_PER_CHUNK])
{
	const uint8_t *map = in + TREE_DIGEST_BYTES, *from = map + TREE_LEAF_MAP_BYTES;

	if (n < TREE_DIGEST_BYTES)
		return 0;
	memcpy(ret_chunk->bytes, in, TREE_DIGEST_BYTES);
	memset(ret_leaf, 0, TREE_LEAVES_PER_CHUNK * sizeof(*ret_leaf));
	if (tree_is_zero_digest(in))
		return TREE_DIGEST_BYTES;
	if (n < TREE_DIGEST_BYTES + TREE_LEAF_MAP_BYTES)
		return 0;
	for (size_t i = 0; i < TREE_LEAVES_PER_CHUNK; i++) {
		if (!(map[i / 8] & (1u << (i % 8))))
			continue;
		if ((size_t)(in + n - from) < HASHES_LEAF_BYTES)
			return 0;
		memcpy(ret_leaf[i].bytes, from, HASHES_LEAF_BYTES);
		from += HASHES_LEAF_BYTES;
	}
	return (size_t)(from - in);
}
