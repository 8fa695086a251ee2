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

/* A chunk whose blocks are being read. */
struct digesting {
	struct cachefile_entry *g;
	struct disk *d;
	uint64_t start; /* of the chunk */
	bool leaves;
	uint8_t *buf;
};

static int digest_run(const struct digesting *j, uint64_t from, uint64_t to,
		      struct vrs_err *err)
{
	while (from < to) {
		size_t n = to - from < PIECE ? (size_t)(to - from) : PIECE;
		int status = j->d->ops->read(j->d, j->buf, from, n, err);

		if (status < 0)
			return status;
		digest_blocks(j->g, j->buf, (size_t)(from - j->start), n, j->leaves);
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

static int digest_data(const struct digesting *j, uint64_t off, uint64_t end,
		       struct vrs_err *err)
{
	while (off < end) {
		struct disk_run run;
		int status = j->d->ops->extent(j->d, off, end, &run, err);

		if (status < 0)
			return status;
		if (run.data) { /* whole blocks around it */
			off &= ~(uint64_t)(BLOCK - 1);
			run.end = (run.end + BLOCK - 1) & ~(uint64_t)(BLOCK - 1);
			if (run.end > end)
				run.end = end;
			status = digest_run(j, off, run.end, err);
			if (status < 0)
				return status;
		}
		off = run.end;
	}
	return 0;
}

static bool is_known(const struct cachefile_entry *g, size_t block)
{
	return g->known >> block & 1;
}

/* All blocks that are not known. */
static int digest_rest(struct digesting *j, size_t n_blocks, struct vrs_err *err)
{
	uint64_t end =
		j->start + tree_chunk_bytes(j->d->size, j->start >> TREE_CHUNK_SHIFT);
	int status = 0;

	j->buf = buffer_take();
	if (!j->buf)
		status = vrs_fail(err, VRS_EIO, "out of memory");
	for (size_t i = 0; i < n_blocks && status == 0;) {
		size_t first = i;

		while (i < n_blocks && !is_known(j->g, i))
			i++;
		uint64_t to = j->start + (uint64_t)i * BLOCK;
		if (i > first)
			status = digest_data(j, j->start + (uint64_t)first * BLOCK,
					     to < end ? to : end, err);
		else
			i++;
	}
	buffer_put(j->buf);
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

/* Adds the blocks that were read to the cache, except those that changed. */
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
	if (some) /* holes are found without reading */
		hashcache_put(cache, chunk, &k);
}

static int digest_chunk(struct cachefile_entry *g, struct disk *d,
			const struct hashes_want *w, size_t n_blocks, struct vrs_err *err)
{
	struct digesting j = {.g = g,
			      .d = d,
			      .start = w->chunk << TREE_CHUNK_SHIFT,
			      .leaves = w->leaves || w->cache};
	uint64_t changed = 0;

	memset(g, 0, sizeof(*g));
	if (w->cache) {
		struct cachefile_entry k;

		changed = changed_blocks(d, w->chunk);
		hashcache_get(w->cache, w->chunk, &k);
		k.known &= ~changed;
		for (size_t i = 0; i < n_blocks; i++)
			if (is_known(&k, i))
				copy_block(g, &k, i);
		g->known = k.known;
	}
	int status = digest_rest(&j, n_blocks, err);
	/* a block that began to change while it was read does not belong in the cache */
	if (status == 0 && w->cache)
		learn(w->cache, w->chunk, g, changed | changed_blocks(d, w->chunk),
		      n_blocks);
	return status;
}

int hashes_of_chunk(struct disk *d, const struct hashes_want *w, uint8_t *out,
		    size_t *ret_len, struct vrs_err *err)
{
	struct cachefile_entry g;
	size_t n_blocks =
		(size_t)((tree_chunk_bytes(d->size, w->chunk) + BLOCK - 1) / BLOCK);
	int status = digest_chunk(&g, d, w, n_blocks, err);

	if (status < 0)
		return status;
	struct tree_digest digest = tree_chunk(g.block, n_blocks);
	memcpy(out, digest.bytes, TREE_DIGEST_BYTES);
	*ret_len = TREE_DIGEST_BYTES;
	if (w->leaves && !tree_is_zero_digest(digest.bytes))
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
