/* Writing into a part, and what of it is believed later. */
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "image/base/tree.h"
#include "image/base/wire.h"
#include "image/part/parts.h"
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

/* Before a chunk changes. *ret_fresh: where nothing is written, zeros are. */
static int begin_write(struct part *p, uint64_t chunk, bool *ret_fresh,
		       struct vrs_err *err)
{
	(void)pthread_mutex_lock(&p->lock);
	if (p->map.state[chunk] == CHUNK_NONE)
		p->began_empty[chunk] = 1;
	*ret_fresh = p->began_empty[chunk] && !p->allocated[chunk];
	int status = touch(p, chunk, err);
	(void)pthread_mutex_unlock(&p->lock);
	return status;
}

int part_write(struct part *p, const uint8_t *payload, uint64_t off, uint64_t len,
	       unsigned shift, struct vrs_err *err)
{
	uint64_t chunk = off >> TREE_CHUNK_SHIFT;
	struct shared_lock *g;
	bool fresh;

	if (!p->disk)
		return vrs_fail(err, VRS_EINVAL, "not open for writing");
	if (chunk != (off + len - 1) >> TREE_CHUNK_SHIFT)
		return vrs_fail(err, VRS_EPARSE, "write crosses the end of a chunk");
	int status = tree_check(payload,
				payload + wire_n_blocks(len, shift) * TREE_DIGEST_BYTES,
				off, (size_t)len, (size_t)1 << shift, err);
	if (status < 0)
		return status;
	if ((status = part_lock_shared(p, &g, err)) < 0)
		return status;
	if ((status = begin_write(p, chunk, &fresh, err)) == 0)
		status = write_blocks(p, payload, off, len, shift, fresh, err);
	part_unlock_shared(g);
	if (vrs_fault("mover.target.write") && status == 0)
		status = vrs_fail(err, VRS_EIO, "injected fault");
	if (status < 0)
		atomic_store(&p->failed, true);
	return status;
}

static int allocate(struct part *p, uint64_t off, uint64_t len, struct vrs_err *err)
{
	(void)pthread_mutex_lock(&p->lock);
	memset(p->allocated + (off >> TREE_CHUNK_SHIFT), 1,
	       ((off + len - 1) >> TREE_CHUNK_SHIFT) - (off >> TREE_CHUNK_SHIFT) + 1);
	(void)pthread_mutex_unlock(&p->lock);
	return disk_allocate(p->disk, off, len, err);
}

int part_allocate(struct part *p, uint64_t off, uint64_t len, struct vrs_err *err)
{
	struct shared_lock *g;

	if (len == 0 || off >= p->map.disk_bytes || len > p->map.disk_bytes - off)
		return vrs_fail(err, VRS_EPARSE, "allocation beyond the end of the disk");
	if (!p->disk || !p->raw || p->over)
		return 0;
	int status = part_lock_shared(p, &g, err);
	if (status < 0)
		return status;
	status = allocate(p, off, len, err);
	part_unlock_shared(g);
	return status;
}

static int mark(struct part *p, uint64_t first, uint64_t n, struct vrs_err *err)
{
	int status = 0;

	(void)pthread_mutex_lock(&p->lock);
	if (p->over)
		status = overlay_put_bits(p, first, n, err);
	p->n_marks++;
	for (uint64_t c = first; c < first + n && status == 0; c++)
		if (p->map.state[c] != CHUNK_DURABLE) {
			p->map.state[c] = CHUNK_WRITTEN;
			p->marked[c] = p->n_marks;
		}
	for (size_t i = chunkmap_page_of(first);
	     i <= chunkmap_page_of(first + n - 1) && status == 0; i++)
		status = part_put_page(p, i, err);
	(void)pthread_mutex_unlock(&p->lock);
	return status;
}

int part_mark(struct part *p, uint64_t first, uint64_t n, struct vrs_err *err)
{
	struct shared_lock *g;

	if (first >= p->map.n_chunks || n > p->map.n_chunks - first || n == 0)
		return vrs_fail(err, VRS_EPARSE, "chunks beyond the end of the disk");
	int status = part_lock_shared(p, &g, err);
	if (status < 0)
		return status;
	status = mark(p, first, n, err);
	part_unlock_shared(g);
	if (p->raw && p->disk)
		disk_start_flush(p->disk, first << TREE_CHUNK_SHIFT,
				 n << TREE_CHUNK_SHIFT);
	(void)vrs_fault("mover.target.mark");
	return status;
}

/* What was marked before the flush began is durable after it. */
static int make_durable(struct part *p, uint64_t n_marks, struct vrs_err *err)
{
	int status = 0;

	(void)pthread_mutex_lock(&p->lock);
	for (uint64_t c = 0; c < p->map.n_chunks; c++)
		if (p->map.state[c] == CHUNK_WRITTEN &&
		    (!p->marked || p->marked[c] <= n_marks))
			p->map.state[c] = CHUNK_DURABLE;
	for (size_t i = 1; i < chunkmap_n_pages(&p->map) && status == 0; i++)
		status = part_put_page(p, i, err);
	(void)pthread_mutex_unlock(&p->lock);
	if (status == 0 && fdatasync(p->map_fd) < 0)
		status = vrs_fail_errno(err, "%s", p->map_name);
	return status;
}

int part_sync(struct part *p, bool *ret_touched, struct vrs_err *err)
{
	struct shared_lock *g;
	int status = part_lock_shared(p, &g, err);

	if (status < 0)
		return status;
	(void)pthread_mutex_lock(&p->lock);
	uint64_t n_marks = p->n_marks;
	(void)pthread_mutex_unlock(&p->lock);
	if (p->disk)
		status = p->disk->ops->flush(p->disk, err);
	if (status == 0 && p->over)
		status = overlay_flush_bits(p, err);
	(void)vrs_fault("mover.target.sync");
	if (status == 0)
		status = make_durable(p, n_marks, err);
	part_unlock_shared(g);
	if (status < 0)
		atomic_store(&p->failed, true);
	if (ret_touched) {
		(void)part_was_touched(p);
		*ret_touched = atomic_exchange(&p->touched, false);
	}
	return status;
}
