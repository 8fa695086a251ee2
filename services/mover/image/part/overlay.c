/* A part that holds only the leaves that differ from the image that it replaces. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "image/base/tree.h"
#include "image/hash/cache.h"
#include "image/part/parts.h"
#include "vrs/clock.h"
#include "vrs/fault.h"
#include "vrs/mem.h"

enum {
	BITS_PER_CHUNK = TREE_LEAF_MAP_BYTES,
	LEAF = 1 << TREE_LEAF_SHIFT,
	APPLY_BYTES = 1 << 20,
	ALIGN = 4096,
};

struct overlay {
	struct disk *base;
	struct hashcache *cache; /* of the base; NULL: none */
	uint8_t *bits;           /* one a leaf */
	int bits_fd;
};

static int open_bits(struct part *p, int flags, struct vrs_err *err)
{
	int fd = openat(p->dir_fd, p->bits_name, flags | O_NOFOLLOW | O_CLOEXEC, 0600);

	return fd < 0 ? vrs_fail_errno(err, "%s", p->bits_name) : fd;
}

int overlay_create(struct part *p, struct vrs_err *err)
{
	int fd = open_bits(p, O_RDWR | O_CREAT | O_TRUNC, err);

	if (fd < 0)
		return fd;
	int status = 0;
	if (ftruncate(fd, (off_t)(p->map.n_chunks * BITS_PER_CHUNK)) < 0)
		status = vrs_fail_errno(err, "%s", p->bits_name);
	(void)close(fd);
	return status < 0 ? status
			  : disk_create(p->dir_fd, p->part_name, "raw", p->map.disk_bytes,
					err);
}

static int read_bits(struct part *p, int fd, uint8_t *bits, struct vrs_err *err)
{
	size_t n = p->map.n_chunks * BITS_PER_CHUNK;

	for (size_t done = 0; done < n;) {
		ssize_t got = pread(fd, bits + done, n - done, (off_t)done);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return vrs_fail_errno(err, "%s", p->bits_name);
		if (got == 0) /* the rest does not differ */
			break;
		done += (size_t)got;
	}
	return 0;
}

/* Opens the base as it is now, and reads which leaves differ. */
static int load(struct part *p, struct overlay *o, enum disk_how how, struct vrs_err *err)
{
	int fd = openat(p->dir_fd, p->name,
			(how == DISK_READ ? O_RDONLY : O_RDWR) | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return vrs_fail_errno(err, "%s", p->name);
	int status = disk_open(&o->base, fd, "raw", how, err);
	if (status == 0 && o->base->size != p->map.disk_bytes)
		status = vrs_fail(err, VRS_ECONFLICT,
				  "the base image has a different size now");
	if (status < 0)
		return status;
	o->bits_fd = open_bits(p, O_RDWR, err);
	if (o->bits_fd < 0)
		return o->bits_fd;
	o->bits = vrs_calloc(p->map.n_chunks, BITS_PER_CHUNK);
	return read_bits(p, o->bits_fd, o->bits, err);
}

static void overlay_free(struct overlay *o)
{
	if (!o)
		return;
	disk_close(o->base);
	hashcache_close(o->cache);
	if (o->bits_fd >= 0)
		(void)close(o->bits_fd);
	free(o->bits);
	free(o);
}

static struct overlay *overlay_new(void)
{
	struct overlay *o = vrs_calloc(1, sizeof(*o));

	o->bits_fd = -1;
	return o;
}

int overlay_open(struct part *p, struct vrs_err *err)
{
	if (!p->over) {
		struct overlay *o = overlay_new();
		int status = load(p, o, DISK_READ, err);

		if (status < 0) {
			overlay_free(o);
			return status;
		}
		p->over = o;
		o->cache = hashcache_open(p->dir_fd, p->name, o->base->fd,
					  vrs_now_wall_ms());
	}
	struct disk *whole;
	(void)disk_overlay_open(&whole, p->over->base, p->disk, p->over->bits);
	whole->cache = p->over->cache;
	p->disk = whole;
	if (p->proof) {
		(void)disk_overlay_open(&whole, p->over->base, p->proof, p->over->bits);
		whole->cache = p->over->cache;
		p->proof = whole;
	}
	return 0;
}

void overlay_close(struct part *p)
{
	overlay_free(p->over);
	p->over = NULL;
}

int overlay_put_bits(struct part *p, uint64_t first, uint64_t n, struct vrs_err *err)
{
	size_t at = first * BITS_PER_CHUNK, len = n * BITS_PER_CHUNK;
	ssize_t done = pwrite(p->over->bits_fd, p->over->bits + at, len, (off_t)at);

	if (done < 0)
		return vrs_fail_errno(err, "%s", p->bits_name);
	return done == (ssize_t)len
		       ? 0
		       : vrs_fail(err, VRS_ENOSPC, "%s: No space left on device",
				  p->bits_name);
}

int overlay_flush_bits(struct part *p, struct vrs_err *err)
{
	return fdatasync(p->over->bits_fd) < 0 ? vrs_fail_errno(err, "%s", p->bits_name)
					       : 0;
}

static bool differs(const struct overlay *o, uint64_t leaf)
{
	return o->bits[leaf / 8] & (1u << (leaf % 8));
}

static int apply(struct part *p, struct overlay *o, struct disk *top, struct vrs_err *err)
{
	uint64_t n = (p->map.disk_bytes + LEAF - 1) / LEAF;
	uint8_t *buf = aligned_alloc(ALIGN, APPLY_BYTES);
	int status = buf ? 0 : vrs_fail(err, VRS_EIO, "out of memory");

	for (uint64_t i = 0; i < n && status == 0;) {
		uint64_t first = i;

		if (i % 8 == 0 && !o->bits[i / 8]) {
			i += 8;
			continue;
		}
		while (i < n && (i - first) * LEAF < APPLY_BYTES && differs(o, i))
			i++;
		if (i == first) {
			i++;
			continue;
		}
		uint64_t end =
			i * LEAF < p->map.disk_bytes ? i * LEAF : p->map.disk_bytes;
		uint64_t off = first * LEAF, len = end - off;
		status = top->ops->read(top, buf, off, (size_t)len, err);
		if (status == 0)
			status = tree_all_zero(buf, (size_t)len)
					 ? o->base->ops->zero(o->base, off, len, err)
					 : o->base->ops->write(o->base, buf, off,
							       (size_t)len, err);
		(void)vrs_fault("mover.target.apply");
	}
	free(buf);
	if (status == 0)
		status = o->base->ops->flush(o->base, err);
	return status;
}

/* Removes the blocks that are about to change from the cache. */
static void forget_changed(const struct part *p, const struct overlay *o,
			   struct hashcache *cache)
{
	const size_t per_block = TREE_LEAVES_PER_CHUNK / TREE_BLOCKS_PER_CHUNK / 8;

	for (uint64_t c = 0; c < p->map.n_chunks; c++) {
		const uint8_t *bits = o->bits + c * BITS_PER_CHUNK;
		struct cachefile_entry slot;
		uint64_t changed = 0;

		for (unsigned i = 0; i < TREE_BLOCKS_PER_CHUNK; i++)
			for (size_t k = 0; k < per_block; k++)
				if (bits[i * per_block + k])
					changed |= (uint64_t)1 << i;
		if (!changed)
			continue;
		hashcache_get(cache, c, &slot);
		if (slot.known & changed) {
			slot.known &= ~changed;
			hashcache_put(cache, c, &slot);
		}
	}
}

/* From the files alone; the part's own disks are closed. */
static int apply_files(struct part *p, struct vrs_err *err)
{
	struct overlay *o = overlay_new();
	struct hashcache *cache = p->over ? p->over->cache : NULL;
	struct disk *top = NULL;

	if (p->over) { /* a write lease needs that the file has one descriptor */
		disk_close(p->over->base);
		p->over->base = NULL;
	}
	int status = load(p, o, cache ? DISK_ALONE : DISK_WRITE, err);
	if (status == 0 && cache && !hashcache_hold(cache, o->base->fd))
		cache = NULL;
	if (status == 0 && cache)
		forget_changed(p, o, cache);

	if (status == 0) {
		int fd = openat(p->dir_fd, p->part_name,
				O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

		status = fd < 0 ? vrs_fail_errno(err, "%s", p->part_name)
				: disk_open(&top, fd, "raw", DISK_READ, err);
	}
	if (status == 0)
		status = apply(p, o, top, err);
	if (status == 0 && cache)
		hashcache_save_held(cache, o->base->fd);
	disk_close(top);
	overlay_free(o);
	return status;
}

int overlay_prepare(struct part *p, struct vrs_err *err)
{
	struct stat old;
	int status = part_check_base(p, &old, err);

	if (status < 0 || (status = overlay_put_bits(p, 0, p->map.n_chunks, err)) < 0 ||
	    (status = overlay_flush_bits(p, err)) < 0)
		return status;
	return fsync(p->dir_fd) < 0 ? vrs_fail_errno(err, "%s", p->bits_name) : 0;
}

int overlay_commit(struct part *p, struct vrs_err *err)
{
	if (fdatasync(p->map_fd) < 0)
		return vrs_fail_errno(err, "%s", p->map_name);
	(void)vrs_fault("mover.target.commit");
	return apply_files(p, err);
}

int overlay_recover(struct part *p, struct vrs_err *err)
{
	struct stat now;

	if (!p->map.overlay ||
	    (p->map.stage != STAGE_COMMITTING && p->map.stage != STAGE_GROUP))
		return 0;
	if (fstatat(p->dir_fd, p->name, &now, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : vrs_fail_errno(err, "%s", p->name);
	/* another file has the name now: it is not changed */
	if (!S_ISREG(now.st_mode) || (uint64_t)now.st_ino != p->map.base_inode)
		return 0;
	int status = apply_files(p, err);
	return status < 0 ? vrs_context(err, "cannot finish a verified commit") : 0;
}
