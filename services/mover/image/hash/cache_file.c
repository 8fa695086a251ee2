#include "image/hash/cache_file.h"

#include <string.h>

#include "image/base/tree.h"
#include "image/base/wire.h"

static const char magic[16] = "vrsas-hashes-1\0";

/* Offsets in the head. */
enum {
	AT_DEVICE = 16,
	AT_INODE = 24,
	AT_BYTES = 32,
	AT_MTIME = 40,
	AT_CTIME = 48,
	AT_CLOCK = 56,
	AT_SINCE = 64,
	AT_BOOT = 72,
	SUM_BYTES = 16,
};

static void checksum(uint8_t out[SUM_BYTES], const uint8_t *bytes, size_t n,
		     uint64_t number)
{
	struct tree_digest sum = tree_sum(bytes, n, 0x76727368u + number);

	memcpy(out, sum.bytes, SUM_BYTES);
}

static bool is_whole(const uint8_t *bytes, size_t n, uint64_t number)
{
	uint8_t sum[SUM_BYTES];

	checksum(sum, bytes, n - SUM_BYTES, number);
	return memcmp(sum, bytes + n - SUM_BYTES, SUM_BYTES) == 0;
}

void cachefile_put_head(uint8_t out[CACHEFILE_HEAD_BYTES],
			const struct cachefile_head *head)
{
	memset(out, 0, CACHEFILE_HEAD_BYTES);
	memcpy(out, magic, sizeof(magic));
	wire_put64(out + AT_DEVICE, head->device);
	wire_put64(out + AT_INODE, head->inode);
	wire_put64(out + AT_BYTES, head->bytes);
	wire_put64(out + AT_MTIME, (uint64_t)head->mtime_ns);
	wire_put64(out + AT_CTIME, (uint64_t)head->ctime_ns);
	wire_put64(out + AT_CLOCK, (uint64_t)head->clock_offset_ms);
	wire_put64(out + AT_SINCE, (uint64_t)head->since_ms);
	memcpy(out + AT_BOOT, head->boot, sizeof(head->boot));
	checksum(out + CACHEFILE_HEAD_BYTES - SUM_BYTES, out,
		 CACHEFILE_HEAD_BYTES - SUM_BYTES, 0);
}

bool cachefile_get_head(struct cachefile_head *ret,
			const uint8_t in[CACHEFILE_HEAD_BYTES])
{
	if (memcmp(in, magic, sizeof(magic)) != 0 ||
	    !is_whole(in, CACHEFILE_HEAD_BYTES, 0))
		return false;
	ret->device = wire_get64(in + AT_DEVICE);
	ret->inode = wire_get64(in + AT_INODE);
	ret->bytes = wire_get64(in + AT_BYTES);
	ret->mtime_ns = (int64_t)wire_get64(in + AT_MTIME);
	ret->ctime_ns = (int64_t)wire_get64(in + AT_CTIME);
	ret->clock_offset_ms = (int64_t)wire_get64(in + AT_CLOCK);
	ret->since_ms = (int64_t)wire_get64(in + AT_SINCE);
	memcpy(ret->boot, in + AT_BOOT, sizeof(ret->boot));
	ret->boot[sizeof(ret->boot) - 1] = '\0';
	return true;
}

uint64_t cachefile_entry_at(uint64_t chunk)
{
	return CACHEFILE_HEAD_BYTES + chunk * CACHEFILE_ENTRY_BYTES;
}

void cachefile_put_entry(uint8_t out[CACHEFILE_ENTRY_BYTES], uint64_t chunk,
			 const struct cachefile_entry *slot)
{
	wire_put64(out, slot->known);
	memcpy(out + 8, slot->block, sizeof(slot->block));
	memcpy(out + 8 + sizeof(slot->block), slot->leaf, sizeof(slot->leaf));
	checksum(out + CACHEFILE_ENTRY_BYTES - SUM_BYTES, out,
		 CACHEFILE_ENTRY_BYTES - SUM_BYTES, 1 + chunk);
}

bool cachefile_get_entry(struct cachefile_entry *ret, uint64_t chunk,
			 const uint8_t in[CACHEFILE_ENTRY_BYTES])
{
	if (!is_whole(in, CACHEFILE_ENTRY_BYTES, 1 + chunk)) {
		ret->known = 0;
		return false;
	}
	ret->known = wire_get64(in);
	memcpy(ret->block, in + 8, sizeof(ret->block));
	memcpy(ret->leaf, in + 8 + sizeof(ret->block), sizeof(ret->leaf));
	return true;
}
