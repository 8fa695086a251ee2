/* Writing into a part, and what of it is believed later. */
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "image/part_parts.h"
#include "image/tree.h"
#include "image/wire.h"
#include "vrs/fault.h"

/* Says in the map that a chunk is being changed, before it is. */
static int touch(struct part *p, uint64_t chunk, struct vrs_err *err)
{
	uint8_t was = p->map.state[chunk];

	if (was == CHUNK_DOUBT)
		return 0;
	p->map.state[chunk] = CHUNK_DOUBT;
	int status = part_put_page(p, chunkmap_page_of(chunk), err);
	if (status == 0 && was == CHUNK_DURABLE && fdatasync(p->map_fd) < 0)
		status = vrs_fail_errno(err, "%s", p->map_name);
	return status;
}

static int write_blocks(struct part *p, const uint8_t *payload, uint64_t off,
			uint64_t len, unsigned shift, bool fresh, struct vrs_err *err)
{
	uint64_t block = (uint64_t)1 << shift;
	size_t n = wire_n_blocks(len, shift);
	const uint8_t *data = payload + n * TREE_DIGEST_BYTES;
	int status = 0;

	for (size_t i = 0; i < n && status == 0;) {
		bool zero = tree_is_zero_digest(payload + i * TREE_DIGEST_BYTES);
		uint64_t from = i * block;

		do /* neighbours of the same kind go together */
			i++;
		while (i < n &&
		       tree_is_zero_digest(payload + i * TREE_DIGEST_BYTES) == zero);
		uint64_t end = i * block < len ? i * block : len;
		if (!zero) {
			status = p->disk->ops->write(p->disk, data, off + from,
						     (size_t)(end - from), err);
			data += end - from;
		} else if (!fresh) {
			status = p->disk->ops->zero(p->disk, off + from, end - from, err);
		}
	}
	return status;
}

static int check_digests(const uint8_t *payload, uint64_t off, uint64_t len,
			 unsigned shift, struct vrs_err *err)
{
	uint64_t block = (uint64_t)1 << shift;
	size_t n = wire_n_blocks(len, shift);
	const uint8_t *data = payload + n * TREE_DIGEST_BYTES;

	for (size_t i = 0; i < n; i++) {
		const uint8_t *want = payload + i * TREE_DIGEST_BYTES;
		uint64_t left = len - i * block;
		size_t size = (size_t)(left < block ? left : block);

		if (tree_is_zero_digest(want))
			continue;
		struct tree_digest got = tree_block(data, size);
		if (memcmp(got.bytes, want, TREE_DIGEST_BYTES) != 0)
			return vrs_fail(err, VRS_EIO,
					"the block at %llu was damaged on its way",
					(unsigned long long)(off + i * block));
		data += size;
	}
	return 0;
}

int part_write(struct part *p, const uint8_t *payload, uint64_t off, uint64_t len,
	       unsigned shift, struct vrs_err *err)
{
	uint64_t chunk = off >> TREE_CHUNK_SHIFT;

	if (!p->disk)
		return vrs_fail(err, VRS_EINVAL, "it is not open for writing");
	if (chunk != (off + len - 1) >> TREE_CHUNK_SHIFT)
		return vrs_fail(err, VRS_EPARSE, "a write goes over the end of a chunk");
	int status = check_digests(payload, off, len, shift, err);
	if (status < 0)
		return status;
	if ((status = part_enter(p, LOCK_SH, err)) < 0)
		return status;
	if (p->map.state[chunk] == CHUNK_NONE)
		p->began_empty[chunk] = 1;
	if ((status = touch(p, chunk, err)) == 0)
		status = write_blocks(p, payload, off, len, shift, p->began_empty[chunk],
				      err);
	part_leave(p);
	if (vrs_fault("mover.target.write") && status == 0)
		status = vrs_fail(err, VRS_EIO, "asked to fail");
	if (status < 0)
		p->failed = true;
	return status;
}

int part_mark(struct part *p, uint64_t first, uint64_t n, struct vrs_err *err)
{
	if (first >= p->map.n_chunks || n > p->map.n_chunks - first || n == 0)
		return vrs_fail(err, VRS_EPARSE, "chunks beyond the end of the disk");
	int status = part_enter(p, LOCK_SH, err);
	if (status < 0)
		return status;
	for (uint64_t c = first; c < first + n; c++)
		if (p->map.state[c] != CHUNK_DURABLE)
			p->map.state[c] = CHUNK_WRITTEN;
	for (size_t i = chunkmap_page_of(first);
	     i <= chunkmap_page_of(first + n - 1) && status == 0; i++)
		status = part_put_page(p, i, err);
	part_leave(p);
	if (p->raw && p->disk)
		disk_start_flush(p->disk, first << TREE_CHUNK_SHIFT,
				 n << TREE_CHUNK_SHIFT);
	(void)vrs_fault("mover.target.mark");
	return status;
}

int part_sync(struct part *p, struct vrs_err *err)
{
	int status = part_enter(p, LOCK_SH, err);

	if (status < 0)
		return status;
	if (p->disk)
		status = p->disk->ops->flush(p->disk, err);
	(void)vrs_fault("mover.target.sync");
	for (uint64_t c = 0; c < p->map.n_chunks && status == 0; c++)
		if (p->map.state[c] == CHUNK_WRITTEN)
			p->map.state[c] = CHUNK_DURABLE;
	for (size_t i = 1; i < chunkmap_n_pages(&p->map) && status == 0; i++)
		status = part_put_page(p, i, err);
	if (status == 0 && fdatasync(p->map_fd) < 0)
		status = vrs_fail_errno(err, "%s", p->map_name);
	part_leave(p);
	if (status < 0)
		p->failed = true;
	return status;
}

int part_reopen(struct part *p, bool writable, struct vrs_err *err)
{
	disk_close(p->disk);
	p->disk = NULL;
	/* after its writer has closed it, everything of the file goes to the disk */
	if (fsync(p->part_fd) < 0)
		return vrs_fail_errno(err, "%s", p->part_name);
	return part_open_disk(p, writable, err);
}
