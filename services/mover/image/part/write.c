/* Writing into a part, and recording which chunks are complete and durable. */
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "image/base/tree.h"
#include "image/base/wire.h"
#include "image/part/parts.h"
#include "vrs/fault.h"

/* Before a chunk is changed, the map records that it is in doubt. */
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

static int write_blocks(struct part *p, const struct wire_blocks *b, bool fresh,
			struct vrs_err *err)
{
	struct disk *d = p->disk;
	struct wire_run run = {0};
	int status = 0;

	while (status == 0 && wire_next_run(b, &run))
		if (run.data)
			status =
				d->ops->write(d, run.data, run.off, (size_t)run.len, err);
		else if (!fresh)
			status = d->ops->zero(d, run.off, run.len, err);
	return status;
}

/* *ret_fresh: what is not written of the chunk reads as zeros. */
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

int part_write(struct part *p, const struct wire_blocks *b, struct vrs_err *err)
{
	uint64_t chunk = b->off >> TREE_CHUNK_SHIFT;
	struct shared_lock *g;
	bool fresh;

	if (!p->disk)
		return vrs_fail(err, VRS_EINVAL, "not open for writing");
	if (chunk != (b->off + b->len - 1) >> TREE_CHUNK_SHIFT)
		return vrs_fail(err, VRS_EPARSE, "write crosses the end of a chunk");
	int status = wire_check_blocks(b, err);
	if (status < 0)
		return status;
	if ((status = part_lock_shared(p, &g, err)) < 0)
		return status;
	if ((status = begin_write(p, chunk, &fresh, err)) == 0)
		status = write_blocks(p, b, fresh, err);
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
