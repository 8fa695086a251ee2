#include "image/hash/hashes.h"

#include <stdlib.h>
#include <string.h>

#include "image/base/buffers.h"

enum {
	BLOCK = 1 << TREE_BLOCK_SHIFT,
	LEAF = 1 << TREE_LEAF_SHIFT,
	LEAVES_PER_BLOCK = BLOCK / LEAF,
	PIECE = 16 * BLOCK,
};

static void digest_blocks(struct cachefile_entry *g, const uint8_t *data, size_t at,
			  size_t len, bool leaves)
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

static int digest_run(struct cachefile_entry *g, struct disk *d, uint8_t *buf,
		      uint64_t start, uint64_t from, uint64_t to, bool leaves,
		      struct vrs_err *err)
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

static size_t put_leaves(const struct cachefile_entry *g, uint8_t *out)
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

static int digest_data(struct cachefile_entry *g, struct disk *d, uint64_t start,
		       uint64_t off, uint64_t end, bool leaves, uint8_t *buf,
		       struct vrs_err *err)
{

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

static bool is_known(const struct cachefile_entry *g, size_t block)
{
	return g->known >> block & 1;
}

/* All blocks that are not known. */
static int digest_rest(struct cachefile_entry *g, struct disk *d, uint64_t chunk,
		       size_t n_blocks, bool leaves, struct vrs_err *err)
{
	uint64_t start = chunk << TREE_CHUNK_SHIFT;
	uint64_t end = start + tree_chunk_bytes(d->size, chunk);
	uint8_t *buf = buffer_take();
	int status = buf ? 0 : vrs_fail(err, VRS_EIO, "no memory");

	for (size_t i = 0; i < n_blocks && status == 0;) {
		size_t first = i;

		while (i < n_blocks && !is_known(g, i))
			i++;
		uint64_t to = start + (uint64_t)i * BLOCK;
		if (i > first)
			status = digest_data(g, d, start, start + (uint64_t)first * BLOCK,
					     to < end ? to : end, leaves, buf, err);
		else
			i++;
	}
	buffer_put(buf);
	return status;
}

static void copy_block(struct cachefile_entry *to, const struct cachefile_entry *from,
		       size_t block)
{
	size_t leaf = block * LEAVES_PER_BLOCK;

	to->block[block] = from->block[block];
	memcpy(to->leaf + leaf, from->leaf + leaf, LEAVES_PER_BLOCK * sizeof(*to->leaf));
}

static uint64_t changed_blocks(struct disk *d, uint64_t chunk)
{
	return d->ops->changed ? d->ops->changed(d, chunk) : 0;
}

/* What was read, and is what the cache is about, is known from now on. */
static void learn(struct hashcache *cache, uint64_t chunk,
		  const struct cachefile_entry *g, uint64_t changed, size_t n_blocks)
{
	struct cachefile_entry k;
	bool some = false;

	hashcache_get(cache, chunk, &k);
	if (k.known == 0)
		memset(&k, 0, sizeof(k));
	for (size_t i = 0; i < n_blocks; i++) {
		if (is_known(&k, i) || changed >> i & 1)
			continue;
		copy_block(&k, g, i);
		k.known |= (uint64_t)1 << i;
		some = some || !tree_is_zero_digest(g->block[i].bytes);
	}
	if (some) /* holes are found out without reading */
		hashcache_put(cache, chunk, &k);
}

static int digest_chunk(struct cachefile_entry *g, struct disk *d, uint64_t chunk,
			size_t n_blocks, bool leaves, struct hashcache *cache,
			struct vrs_err *err)
{
	uint64_t changed = 0;

	memset(g, 0, sizeof(*g));
	if (cache) {
		struct cachefile_entry k;

		changed = changed_blocks(d, chunk);
		hashcache_get(cache, chunk, &k);
		k.known &= ~changed;
		for (size_t i = 0; i < n_blocks; i++)
			if (is_known(&k, i))
				copy_block(g, &k, i);
		g->known = k.known;
	}
	int status = digest_rest(g, d, chunk, n_blocks, leaves || cache, err);
	/* what began to change while it was read is not what the cache is about */
	if (status == 0 && cache)
		learn(cache, chunk, g, changed | changed_blocks(d, chunk), n_blocks);
	return status;
}

int hashes_of_chunk(struct disk *d, uint64_t chunk, bool leaves, struct hashcache *cache,
		    uint8_t *out, size_t *ret_len, struct vrs_err *err)
{
	struct cachefile_entry g;
	size_t n_blocks =
		(size_t)((tree_chunk_bytes(d->size, chunk) + BLOCK - 1) / BLOCK);
	int status = digest_chunk(&g, d, chunk, n_blocks, leaves, cache, err);

	if (status < 0)
		return status;
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
