/* Files that vrs-image finds beside images and believes only when they make sense: the
 * chunk map, the record of a group, remembered hashes, and the heads of qcow2 (with what
 * it stands on), vmdk and vhdx. */
#include <stdlib.h>
#include <string.h>

#include "image/base/sandbox.h"
#include "image/disk/backing_chain.h"
#include "image/disk/outside_refs.h"
#include "image/hash/cache_file.h"
#include "image/part/chunkmap.h"
#include "image/part/group_record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A good record whose disks the input names, some of its bytes changed; and the input. */
static void read_groups(const uint8_t *data, size_t size)
{
	static uint8_t bytes[GROUP_MAX_BYTES];
	char path[64] = "/";
	struct group g = {.nonce = 1, .token = 2, .job = "j"}, got;

	for (size_t i = 0; i + 1 < size && i + 2 < sizeof(path); i++)
		path[i + 1] = (char)data[i];
	for (size_t i = 0; size > 0 && i <= data[0] % 4u; i++)
		g.disk[g.n++] =
			(struct group_disk){.path = path + i * (strlen(path) > 8)};
	size_t n = size > 0 ? group_pack(&g, bytes) : 0;
	if (size > 4)
		bytes[GROUP_LIST_OFFSET + (data[1] | data[2] << 8) % 4096] ^= data[3];
	for (int i = 0; i < 2; i++) {
		const uint8_t *in = i ? data : bytes;
		size_t len = i ? size : n;

		if (group_unpack(&got, in, len, NULL) < 0)
			continue;
		for (size_t k = 0; k < got.n; k++)
			if (sandbox_path_ok(got.disk[k].path, NULL) < 0)
				abort();
		if (got.n == 0 || got.n > GROUP_MAX_DISKS)
			abort();
		group_fini(&got);
	}
}

/* Good ones with some bytes changed: what is still believed must be what was written. */
static void read_hashes(const uint8_t *data, size_t size)
{
	static uint8_t head[CACHEFILE_HEAD_BYTES], bytes[CACHEFILE_ENTRY_BYTES];
	static struct cachefile_entry slot, got;
	struct cachefile_head h = {.inode = 7, .boot = "b"}, got_head;

	slot.known = size;
	memcpy(slot.leaf, data, size < sizeof(slot.leaf) ? size : sizeof(slot.leaf));
	cachefile_put_head(head, &h);
	cachefile_put_entry(bytes, 3, &slot);
	for (size_t i = 8; i + 3 <= size; i += 3) {
		head[(data[i] | data[i + 1] << 8) % sizeof(head)] ^= data[i + 2];
		bytes[(data[i] | data[i + 1] << 8) % sizeof(bytes)] ^= data[i + 2];
	}
	if (cachefile_get_head(&got_head, head) && got_head.inode != 7)
		abort();
	if (cachefile_get_entry(&got, 3, bytes) &&
	    (got.known != size || memcmp(got.leaf, slot.leaf, sizeof(got.leaf)) != 0))
		abort();
	if (cachefile_get_entry(&got, 4, bytes) || got.known != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const formats[] = {"qcow2", "vmdk", "vhdx"};
	static uint8_t head[CHUNKMAP_PAGE_BYTES], page[CHUNKMAP_PAGE_BYTES];
	struct chunkmap m;
	struct vrs_err err = {0};
	char name[BACKING_CHAIN_NAME_BYTES], format[16];

	read_groups(data, size);
	read_hashes(data, size);
	for (size_t i = 0; i < 3; i++)
		(void)outside_refs_check_head(data, size, formats[i], &err);

	if (backing_chain_next(data, size, name, format, &err) == 1 &&
	    (strlen(name) == 0 || strlen(format) == 0))
		abort();

	/* a good map with some of its bytes changed */
	if (size < 8 || chunkmap_init(&m, ((uint64_t)data[0] + 1) << 30, &err) < 0)
		return 0;
	chunkmap_page(&m, 0, head);
	chunkmap_page(&m, 1, page);
	chunkmap_fini(&m);
	for (size_t i = 8; i + 3 <= size; i += 3)
		head[(data[i] | data[i + 1] << 8) % CHUNKMAP_PAGE_BYTES] ^= data[i + 2];
	memcpy(page, data, size < sizeof(page) ? size : sizeof(page));
	if (chunkmap_read_head(&m, head, &err) < 0)
		return 0;
	for (size_t i = 1; i < chunkmap_n_pages(&m); i++)
		(void)chunkmap_read_page(&m, i, page);
	for (uint64_t i = 0; i < m.n_chunks; i++)
		if (m.state[i] > CHUNK_DURABLE)
			abort();
	chunkmap_fini(&m);
	return 0;
}
