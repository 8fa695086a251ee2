/* What is asked of an image that is read. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "image/base/pack.h"
#include "image/disk/backing_chain.h"
#include "image/hash/hashes.h"
#include "image/hash/tree.h"
#include "image/serve/request_parts.h"
#include "vrs/mem.h"

static struct disk *disk_of(struct call *c)
{
	return c->slot->part ? part_disk(c->slot->part) : c->slot->disk;
}

static int need_disk(struct call *c, struct disk **ret, struct vrs_err *err)
{
	*ret = disk_of(c);
	return *ret ? 0 : vrs_fail(err, VRS_EINVAL, "this slot holds no open image");
}

int answer_stat(struct call *c, struct vrs_err *err)
{
	char path[WIRE_MAX_TEXT];
	size_t pos = 0;
	int dir_fd, status;
	const char *name;
	struct stat st;
	struct statvfs fs;
	struct wire_stat s = {0};

	if ((status = wire_get_text(c->payload, c->head->len, &pos, path, sizeof(path),
				    err)) < 0 ||
	    (status = part_recover(c->a->beneath, path, err)) < 0 ||
	    (status = beneath_dir(c->a->beneath, path, &dir_fd, &name, err)) < 0)
		return status;
	if (fstatvfs(dir_fd, &fs) == 0) {
		s.fs_free_bytes = (uint64_t)fs.f_bavail * fs.f_frsize;
		s.fs_total_bytes = (uint64_t)fs.f_blocks * fs.f_frsize;
	}
	if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
		c->reply->a = 1;
		s.file_bytes = (uint64_t)st.st_size;
		s.allocated_bytes = (uint64_t)st.st_blocks * 512;
		s.mtime_ns = (uint64_t)st.st_mtim.tv_sec * 1000000000u +
			     (uint64_t)st.st_mtim.tv_nsec;
	} else if (errno != ENOENT) {
		status = vrs_fail_errno(err, "%s", path);
	}
	(void)close(dir_fd);
	wire_put_stat(c->out, &s);
	c->reply->b = s.file_bytes;
	c->reply->len = WIRE_STAT_BYTES;
	return status;
}

static void remember(struct call *c, const char *path)
{
	struct timespec now;
	const char *name;
	int dir_fd;

	if (beneath_dir(c->a->beneath, path, &dir_fd, &name, NULL) < 0)
		return;
	(void)clock_gettime(CLOCK_REALTIME, &now);
	c->slot->cache = c->slot->disk->cache =
		hashcache_open(dir_fd, name, c->slot->disk->fd,
			       (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000);
	(void)close(dir_fd);
}

int answer_source(struct call *c, struct vrs_err *err)
{
	char path[WIRE_MAX_TEXT], format[16], identity[200];
	size_t pos = 0;
	int fd, status;
	struct stat st;
	struct wire_texts t = {.len = 0};

	if ((status = wire_get_text(c->payload, c->head->len, &pos, path, sizeof(path),
				    err)) < 0 ||
	    (status = wire_get_text(c->payload, c->head->len, &pos, format,
				    sizeof(format), err)) < 0 ||
	    (status = part_recover(c->a->beneath, path, err)) < 0 ||
	    (status = beneath_open(c->a->beneath, path, O_RDONLY, &fd, err)) < 0)
		return status;
	if (fstat(fd, &st) < 0) {
		status = vrs_fail_errno(err, "%s", path);
		(void)close(fd);
		return status;
	}
	answer_slot_clear(c->slot);
	if ((status = chain_open(&c->slot->disk, c->a->beneath, path, fd, format, err)) <
	    0)
		return vrs_context(err, "%s", path);
	(void)vrs_strcpy(c->slot->path, sizeof(c->slot->path), path);
	if (disk_format_is_raw(format))
		remember(c, path);
	(void)snprintf(identity, sizeof(identity), "%s:%llu:%llu:%lld.%09ld", format,
		       (unsigned long long)c->slot->disk->size,
		       (unsigned long long)st.st_size, (long long)st.st_mtim.tv_sec,
		       st.st_mtim.tv_nsec);
	(void)wire_put_text(&t, identity, NULL);
	memcpy(c->out, t.bytes, t.len);
	c->reply->len = (uint32_t)t.len;
	c->reply->a = c->slot->disk->size;
	return 0;
}

int answer_extents(struct call *c, struct vrs_err *err)
{
	struct disk *d;
	uint64_t off = c->head->a, end = c->head->b;
	uint32_t n = 0;
	int status = need_disk(c, &d, err);

	if (status < 0)
		return status;
	if (off >= end || end > d->size)
		return vrs_fail(err, VRS_EPARSE, "a range beyond the end of the disk");
	while (off < end && n < WIRE_MAX_EXTENTS) {
		uint64_t until;
		bool data;

		if ((status = d->ops->extent(d, off, end, &until, &data, err)) < 0)
			return status;
		uint8_t *last = c->out + 16 * (size_t)(n - 1);
		if (n > 0 && wire_get64(last + 8) == data) {
			wire_put64(last, until);
		} else {
			wire_put64(c->out + 16 * (size_t)n, until);
			wire_put64(c->out + 16 * (size_t)n + 8, data);
			n++;
		}
		off = until;
	}
	c->reply->a = c->head->a;
	c->reply->b = off;
	c->reply->len = n * 16;
	return 0;
}

/* Packs the blocks behind the digests where they are, when it makes them smaller. */
static bool pack_answer(struct call *c, size_t digest_bytes, size_t data_bytes)
{
	uint8_t *room = vrs_realloc(NULL, 1, data_bytes);
	size_t n = pack(room, data_bytes - data_bytes / 16, c->out + digest_bytes,
			data_bytes);

	if (n > 0)
		memcpy(c->out + digest_bytes, room, n);
	free(room);
	c->reply->len = (uint32_t)(digest_bytes + (n > 0 ? n : data_bytes));
	return n > 0;
}

void answer_put_blocks(const struct wire_head *head, struct wire_head *reply,
		       uint8_t *out)
{
	unsigned shift = head->shift & ~(unsigned)WIRE_PACKED;
	uint8_t *data = out + wire_n_blocks(head->b, shift) * TREE_DIGEST_BYTES;
	uint8_t *end = tree_squeeze(out, data, (size_t)head->b, (size_t)1 << shift);

	reply->a = head->a;
	reply->b = head->b;
	reply->shift = (uint16_t)shift;
	reply->len = (uint32_t)(end - out);
}

int answer_read(struct call *c, struct vrs_err *err)
{
	struct disk *d;
	uint64_t off = c->head->a, len = c->head->b;
	unsigned shift = c->head->shift & ~(unsigned)WIRE_PACKED;
	int status = need_disk(c, &d, err);

	if (status < 0)
		return status;
	if (!wire_range_ok(off, len, shift, d->size))
		return vrs_fail(err, VRS_EPARSE, "a range of no whole blocks");

	size_t digests = wire_n_blocks(len, shift) * TREE_DIGEST_BYTES;
	if ((status = d->ops->read(d, c->out + digests, off, (size_t)len, err)) < 0)
		return status;
	answer_put_blocks(c->head, c->reply, c->out);
	if (c->head->shift & WIRE_PACKED && c->reply->len > digests &&
	    pack_answer(c, digests, c->reply->len - digests))
		c->reply->shift |= WIRE_PACKED;
	return 0;
}

int answer_hashes(struct call *c, struct vrs_err *err)
{
	struct disk *d;
	uint64_t first = c->head->a, n = c->head->b;
	unsigned shift = c->head->shift & ~(unsigned)WIRE_REMEMBERED;
	bool leaves = (shift & ~(unsigned)WIRE_FROM_DISK) == TREE_LEAF_SHIFT;
	int status = need_disk(c, &d, err);

	if (status < 0)
		return status;
	if (c->slot->part && !leaves)
		d = part_proof(c->slot->part);
	if (!leaves && shift != 0)
		return vrs_fail(err, VRS_EPARSE, "no such kind of hashes");
	uint64_t most = leaves ? WIRE_MAX_LEAF_CHUNKS : WIRE_MAX_HASHED_CHUNKS;
	uint64_t n_chunks = tree_n_chunks(d->size);
	if (n == 0 || n > most || first >= n_chunks || n > n_chunks - first)
		return vrs_fail(err, VRS_EPARSE, "chunks beyond the end of the disk");

	size_t len = 0;
	for (uint64_t i = first; i < first + n && status == 0; i++) {
		size_t used = 0;

		struct hashcache *known =
			c->head->shift & WIRE_REMEMBERED ? d->cache : NULL;

		status = c->slot->part && leaves
				 ? part_leaves(c->slot->part, i, shift & WIRE_FROM_DISK,
					       known, c->out + len, &used, err)
				 : hashes_of_chunk(d, i, leaves, known, c->out + len,
						   &used, err);
		len += used;
	}
	c->reply->a = first;
	c->reply->b = n;
	c->reply->len = (uint32_t)len;
	return status;
}
