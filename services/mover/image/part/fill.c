/* A part whose chunks come from the base one by one, each when its leaves are asked for.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "image/base/tree.h"
#include "image/hash/hashes.h"
#include "image/part/parts.h"
#include "vrs/fault.h"
#include "vrs/mem.h"

struct fill {
	struct disk *base;
	bool fresh;               /* the part held nothing before us */
	_Atomic uint8_t *brought; /* one a chunk: by us */
};

/* What is read of the base is written to the part. */
struct disk_fill {
	struct disk disk;
	struct disk *base, *part;
};

static int fill_read(struct disk *d, void *buf, uint64_t off, size_t len,
		     struct vrs_err *err)
{
	const struct disk_fill *f = (struct disk_fill *)d;
	int status = f->base->ops->read(f->base, buf, off, len, err);

	if (status == 0 && !tree_all_zero(buf, len))
		status = f->part->ops->write(f->part, buf, off, len, err);
	(void)vrs_fault("mover.target.fill");
	return status;
}

static int fill_extent(struct disk *d, uint64_t off, uint64_t end, struct disk_run *ret,
		       struct vrs_err *err)
{
	const struct disk_fill *f = (struct disk_fill *)d;
	int status = f->base->ops->extent(f->base, off, end, ret, err);

	if (status == 0 && ret->data)
		status = disk_allocate(f->part, off, ret->end - off, err);
	return status;
}

static int open_base(struct part *p, const char *base, struct disk **ret,
		     struct vrs_err *err)
{
	int fd, status = sandbox_open(p->sandbox, base, O_RDONLY, &fd, err);

	if (status < 0 || (status = disk_open(ret, fd, "raw", DISK_READ, err)) < 0)
		return status;
	if ((*ret)->size == p->map.disk_bytes)
		return 0;
	disk_close(*ret);
	return vrs_fail(err, VRS_ECONFLICT, "the base image has a different size");
}

int fill_open(struct part *p, const char *base, bool fresh, struct vrs_err *err)
{
	struct disk *disk;
	int status = open_base(p, base, &disk, err);

	if (status < 0)
		return vrs_context(err, "%s", base);
	p->fill = vrs_calloc(1, sizeof(*p->fill));
	p->fill->base = disk;
	p->fill->fresh = fresh;
	p->fill->brought = vrs_calloc(p->map.n_chunks, 1);
	return 0;
}

void fill_close(struct part *p)
{
	if (!p->fill)
		return;
	disk_close(p->fill->base);
	free((void *)p->fill->brought);
	free(p->fill);
	p->fill = NULL;
}

static bool is_to_come(struct part *p, uint64_t chunk)
{
	if (!p->fill || atomic_load(&p->fill->brought[chunk]))
		return false;
	(void)pthread_mutex_lock(&p->lock);
	bool doubt = p->map.state[chunk] == CHUNK_DOUBT;
	(void)pthread_mutex_unlock(&p->lock);
	return doubt;
}

static int copy_from_base(struct part *p, uint64_t chunk, uint8_t *out, size_t *ret_len,
			  struct vrs_err *err)
{
	const struct hashes_want want = {.chunk = chunk, .leaves = true};
	static const struct disk_ops ops = {.read = fill_read, .extent = fill_extent};
	struct disk_fill both = {.disk = {.ops = &ops, .size = p->disk->size, .fd = -1},
				 .base = p->fill->base,
				 .part = p->disk};
	struct shared_lock *g;
	int status = part_lock_shared(p, &g, err);

	if (status < 0)
		return status;
	if (!p->fill->fresh) /* what a try before left there */
		status = p->disk->ops->zero(p->disk, chunk << TREE_CHUNK_SHIFT,
					    tree_chunk_bytes(p->disk->size, chunk), err);
	if (status == 0)
		status = hashes_of_chunk(&both.disk, &want, out, ret_len, err);
	part_unlock_shared(g);
	if (status == 0)
		atomic_store(&p->fill->brought[chunk], 1);
	else
		atomic_store(&p->failed, true);
	return status;
}

int part_leaves(struct part *p, const struct hashes_want *w, uint8_t *out,
		size_t *ret_len, struct vrs_err *err)
{
	if (is_to_come(p, w->chunk))
		return copy_from_base(p, w->chunk, out, ret_len, err);
	return hashes_of_chunk(w->from_disk ? part_proof(p) : p->disk, w, out, ret_len,
			       err);
}
