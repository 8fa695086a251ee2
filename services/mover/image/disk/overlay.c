#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "image/base/tree.h"
#include "image/disk/disk.h"
#include "vrs/mem.h"

enum { LEAF = 1 << TREE_LEAF_SHIFT, BLOCK = 1 << TREE_BLOCK_SHIFT };

struct disk_over {
	struct disk disk;
	struct disk *base, *top;
	_Atomic uint8_t *bits;
};

static struct disk_over *of(struct disk *d)
{
	return (struct disk_over *)d;
}

static bool differs(const struct disk_over *o, uint64_t leaf)
{
	return atomic_load_explicit(&o->bits[leaf / 8], memory_order_relaxed) &
	       (1u << (leaf % 8));
}

static bool some_differ(const struct disk_over *o, uint64_t off, uint64_t end)
{
	for (uint64_t leaf = off / LEAF; leaf * LEAF < end; leaf++) {
		if (leaf % 8 == 0 && (leaf + 8) * LEAF <= end &&
		    !atomic_load_explicit(&o->bits[leaf / 8], memory_order_relaxed))
			leaf += 7;
		else if (differs(o, leaf))
			return true;
	}
	return false;
}

static void set_bits(struct disk_over *o, uint64_t off, uint64_t len)
{
	for (uint64_t leaf = off / LEAF; leaf * LEAF < off + len; leaf++)
		(void)atomic_fetch_or(&o->bits[leaf / 8], (uint8_t)(1u << (leaf % 8)));
}

/* off is at the start of a leaf. */
static int over_read(struct disk *d, void *buf, uint64_t off, size_t len,
		     struct vrs_err *err)
{
	struct disk_over *o = of(d);
	uint64_t end = off + len;

	if (!some_differ(o, off, end))
		return o->base->ops->read(o->base, buf, off, len, err);
	int status = o->top->ops->read(o->top, buf, off, len, err);
	for (uint64_t at = off; at < end && status == 0;) {
		uint64_t from = at;

		while (at < end && !differs(o, at / LEAF))
			at += LEAF;
		uint64_t until = at < end ? at : end;
		if (until > from)
			status =
				o->base->ops->read(o->base, (uint8_t *)buf + (from - off),
						   from, (size_t)(until - from), err);
		else
			at += LEAF;
	}
	return status;
}

static int over_write(struct disk *d, const void *buf, uint64_t off, size_t len,
		      struct vrs_err *err)
{
	struct disk_over *o = of(d);
	int status = o->top->ops->write(o->top, buf, off, len, err);

	if (status == 0)
		set_bits(o, off, len);
	return status;
}

static int over_zero(struct disk *d, uint64_t off, uint64_t len, struct vrs_err *err)
{
	struct disk_over *o = of(d);
	int status = o->top->ops->zero(o->top, off, len, err);

	if (status == 0)
		set_bits(o, off, len);
	return status;
}

/* In whole blocks: where something differs there may be data. */
static int over_extent(struct disk *d, uint64_t off, uint64_t end, struct disk_run *ret,
		       struct vrs_err *err)
{
	struct disk_over *o = of(d);
	uint64_t at = off & ~(uint64_t)(BLOCK - 1);
	bool first = some_differ(o, at, at + BLOCK < d->size ? at + BLOCK : d->size);

	do
		at += BLOCK;
	while (at < end &&
	       some_differ(o, at, at + BLOCK < d->size ? at + BLOCK : d->size) == first);
	if (at > end)
		at = end;
	if (!first)
		return o->base->ops->extent(o->base, off, at, ret, err);
	ret->end = at;
	ret->data = true;
	return 0;
}

static int over_flush(struct disk *d, struct vrs_err *err)
{
	return of(d)->top->ops->flush(of(d)->top, err);
}

static uint64_t over_changed(struct disk *d, uint64_t chunk)
{
	uint64_t off = chunk << TREE_CHUNK_SHIFT, mask = 0;
	uint64_t end = off + tree_chunk_bytes(d->size, chunk);

	for (unsigned i = 0; off < end; i++, off += BLOCK)
		if (some_differ(of(d), off, off + BLOCK < end ? off + BLOCK : end))
			mask |= (uint64_t)1 << i;
	return mask;
}

static void over_close(struct disk *d)
{
	struct disk_over *o = of(d);
	struct disk *top = o->top;

	top->ops->close(top); /* its descriptor is ours, disk_close has it */
	free(o);
}

int disk_overlay_open(struct disk **ret, struct disk *base, struct disk *top,
		      uint8_t *bits)
{
	static const struct disk_ops ops = {.read = over_read,
					    .write = over_write,
					    .zero = over_zero,
					    .extent = over_extent,
					    .flush = over_flush,
					    .changed = over_changed,
					    .close = over_close};
	struct disk_over *o = vrs_calloc(1, sizeof(*o));

	o->disk = (struct disk){.ops = &ops, .size = top->size, .fd = top->fd};
	o->base = base;
	o->top = top;
	o->bits = (_Atomic uint8_t *)bits;
	*ret = &o->disk;
	return 0;
}
