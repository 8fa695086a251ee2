#include "image/base/tree.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "image/base/xxh.h"

bool tree_is_zero_digest(const uint8_t *digest)
{
	static const uint8_t zero[TREE_DIGEST_BYTES];

	return memcmp(digest, zero, sizeof(zero)) == 0;
}

bool tree_all_zero(const void *bytes, size_t n)
{
	const uint8_t *p = bytes;

	if (n < 16)
		return n == 0 || (p[0] == 0 && memcmp(p, p + 1, n - 1) == 0);
	for (size_t i = 0; i < 16; i++)
		if (p[i])
			return false;
	return memcmp(p, p + 16, n - 16) == 0;
}

static struct tree_digest digest_of(XXH128_hash_t h)
{
	struct tree_digest d = {0};
	XXH128_canonical_t c;

	XXH128_canonicalFromHash(&c, h);
	memcpy(d.bytes, c.digest, sizeof(d.bytes));
	if (tree_is_zero_digest(d.bytes))
		d.bytes[0] = 1; /* zeros mean zeros */
	return d;
}

struct tree_digest tree_block(const void *bytes, size_t n)
{
	if (tree_all_zero(bytes, n))
		return (struct tree_digest){{0}};
	return digest_of(xxh_128(bytes, n));
}

uint8_t *tree_squeeze(uint8_t *digests, uint8_t *data, size_t len, size_t block)
{
	uint8_t *to = data;

	for (size_t at = 0; at < len; at += block, digests += TREE_DIGEST_BYTES) {
		size_t size = len - at < block ? len - at : block;
		struct tree_digest digest = tree_block(data + at, size);

		memcpy(digests, digest.bytes, TREE_DIGEST_BYTES);
		if (tree_is_zero_digest(digest.bytes))
			continue;
		if (to != data + at)
			memmove(to, data + at, size);
		to += size;
	}
	return to;
}

struct tree_digest tree_sum(const void *bytes, size_t n, uint64_t seed)
{
	return digest_of(XXH3_128bits_withSeed(bytes, n, seed));
}

struct tree_digest tree_chunk(const struct tree_digest *blocks, size_t n)
{
	if (tree_all_zero(blocks, n * sizeof(*blocks)))
		return (struct tree_digest){{0}};
	return digest_of(XXH3_128bits(blocks, n * sizeof(*blocks)));
}

struct tree_digest tree_root(const struct tree_digest *chunks, uint64_t n_chunks,
			     uint64_t disk_bytes)
{
	XXH3_state_t *state = XXH3_createState();
	uint8_t size[8];

	if (!state) /* small, like every allocation of ours */
		abort();
	for (int i = 0; i < 8; i++)
		size[i] = (uint8_t)(disk_bytes >> (8 * i));
	(void)XXH3_128bits_reset(state);
	(void)XXH3_128bits_update(state, chunks, n_chunks * sizeof(*chunks));
	(void)XXH3_128bits_update(state, size, sizeof(size));
	struct tree_digest d = digest_of(XXH3_128bits_digest(state));
	(void)XXH3_freeState(state);
	return d;
}

uint64_t tree_n_chunks(uint64_t disk_bytes)
{
	return (disk_bytes + TREE_CHUNK_BYTES - 1) >> TREE_CHUNK_SHIFT;
}

uint64_t tree_chunk_bytes(uint64_t disk_bytes, uint64_t c)
{
	uint64_t off = c << TREE_CHUNK_SHIFT;
	uint64_t left = disk_bytes > off ? disk_bytes - off : 0;

	return left < TREE_CHUNK_BYTES ? left : TREE_CHUNK_BYTES;
}

void tree_hex(char out[TREE_HEX_BYTES], const struct tree_digest *d)
{
	for (int i = 0; i < TREE_DIGEST_BYTES; i++)
		(void)snprintf(out + 2 * i, 3, "%02x", d->bytes[i]);
}
