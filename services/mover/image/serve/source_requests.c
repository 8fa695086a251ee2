/* Requests that read an image. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "image/base/pack.h"
#include "image/base/tree.h"
#include "image/disk/backing_chain.h"
#include "image/hash/hashes.h"
#include "image/serve/request_parts.h"
#include "vrs/clock.h"
#include "vrs/mem.h"

static struct disk *disk_of(struct image_request *r)
{
	return r->image->part ? part_disk(r->image->part) : r->image->disk;
}

static int need_disk(struct image_request *r, struct disk **ret, struct vrs_err *err)
{
	*ret = disk_of(r);
	return *ret ? 0 : vrs_fail(err, VRS_EINVAL, "no image is open in this slot");
}

int request_stat(struct image_request *r, struct vrs_err *err)
{
	char path[WIRE_MAX_TEXT];
	int dir_fd, status;
	const char *name;
	struct stat st;
	struct statvfs fs;
	struct wire_stat s = {0};

	if ((status = wire_get_text(&r->texts, path, sizeof(path), err)) < 0 ||
	    (status = part_recover(r->all->sandbox, path, err)) < 0 ||
	    (status = sandbox_dir(r->all->sandbox, path, &dir_fd, &name, err)) < 0)
		return status;
	if (fstatvfs(dir_fd, &fs) == 0) {
		s.fs_free_bytes = (uint64_t)fs.f_bavail * fs.f_frsize;
		s.fs_total_bytes = (uint64_t)fs.f_blocks * fs.f_frsize;
	}
	if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
		r->reply->a = 1;
		s.file_bytes = (uint64_t)st.st_size;
		s.allocated_bytes = (uint64_t)st.st_blocks * 512;
		s.mtime_ns = (uint64_t)st.st_mtim.tv_sec * 1000000000u +
			     (uint64_t)st.st_mtim.tv_nsec;
	} else if (errno != ENOENT) {
		status = vrs_fail_errno(err, "%s", path);
	}
	(void)close(dir_fd);
	wire_put_stat(r->out, &s);
	r->reply->b = s.file_bytes;
	r->reply->len = WIRE_STAT_BYTES;
	return status;
}

static void open_cache(struct image_request *r, const char *path)
{
	const char *name;
	int dir_fd;

	if (sandbox_dir(r->all->sandbox, path, &dir_fd, &name, NULL) < 0)
		return;
	r->image->cache = r->image->disk->cache =
		hashcache_open(dir_fd, name, r->image->disk->fd, vrs_now_wall_ms());
	(void)close(dir_fd);
}

int request_source(struct image_request *r, struct vrs_err *err)
{
	char path[WIRE_MAX_TEXT], format[16], identity[200];
	int status;
	struct stat st;
	struct wire_texts t = {.len = 0};

	if ((status = wire_get_text(&r->texts, path, sizeof(path), err)) < 0 ||
	    (status = wire_get_text(&r->texts, format, sizeof(format), err)) < 0 ||
	    (status = part_recover(r->all->sandbox, path, err)) < 0)
		return status;
	open_image_close(r->image);
	if ((status = backing_chain_open(&r->image->disk, r->all->sandbox, path, format,
					 err)) < 0)
		return status;
	if (fstat(r->image->disk->fd, &st) < 0)
		return vrs_fail_errno(err, "%s", path);
	(void)vrs_strcpy(r->image->path, sizeof(r->image->path), path);
	if (disk_format_is_raw(format))
		open_cache(r, path);
	(void)snprintf(identity, sizeof(identity), "%s:%llu:%llu:%lld.%09ld", format,
		       (unsigned long long)r->image->disk->size,
		       (unsigned long long)st.st_size, (long long)st.st_mtim.tv_sec,
		       st.st_mtim.tv_nsec);
	(void)wire_put_text(&t, identity, NULL);
	memcpy(r->out, t.bytes, t.len);
	r->reply->len = (uint32_t)t.len;
	r->reply->a = r->image->disk->size;
	return 0;
}

int request_extents(struct image_request *r, struct vrs_err *err)
{
	struct disk *d;
	uint64_t off = r->head->a, end = r->head->b;
	uint32_t n = 0;
	int status = need_disk(r, &d, err);

	if (status < 0)
		return status;
	if (off >= end || end > d->size)
		return vrs_fail(err, VRS_EPARSE, "range beyond the end of the disk");
	while (off < end && n < WIRE_MAX_EXTENTS) {
		struct disk_run run;

		if ((status = d->ops->extent(d, off, end, &run, err)) < 0)
			return status;
		uint8_t *last = r->out + 16 * (size_t)(n - 1);
		if (n > 0 && wire_get64(last + 8) == run.data) {
			wire_put64(last, run.end);
		} else {
			wire_put64(r->out + 16 * (size_t)n, run.end);
			wire_put64(r->out + 16 * (size_t)n + 8, run.data);
			n++;
		}
		off = run.end;
	}
	r->reply->a = r->head->a;
	r->reply->b = off;
	r->reply->len = n * 16;
	return 0;
}

/* Compresses the blocks behind the digests in place, if that makes them smaller. */
static bool compress_reply(struct image_request *r, size_t digest_bytes,
			   size_t data_bytes)
{
	uint8_t *room = vrs_realloc(NULL, 1, data_bytes);
	size_t n = pack_compress(room, data_bytes - data_bytes / 16,
				 r->out + digest_bytes, data_bytes);

	if (n > 0)
		memcpy(r->out + digest_bytes, room, n);
	free(room);
	r->reply->len = (uint32_t)(digest_bytes + (n > 0 ? n : data_bytes));
	return n > 0;
}

void requests_put_blocks(const struct wire_head *head, struct wire_head *reply,
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

int request_read(struct image_request *r, struct vrs_err *err)
{
	struct disk *d;
	uint64_t off = r->head->a, len = r->head->b;
	unsigned shift = r->head->shift & ~(unsigned)WIRE_PACKED;
	int status = need_disk(r, &d, err);

	if (status < 0)
		return status;
	if (!wire_range_ok(off, len, shift, d->size))
		return vrs_fail(err, VRS_EPARSE,
				"range does not consist of whole blocks");

	size_t digests = wire_n_blocks(len, shift) * TREE_DIGEST_BYTES;
	if ((status = d->ops->read(d, r->out + digests, off, (size_t)len, err)) < 0)
		return status;
	requests_put_blocks(r->head, r->reply, r->out);
	if (r->head->shift & WIRE_PACKED && r->reply->len > digests &&
	    compress_reply(r, digests, r->reply->len - digests))
		r->reply->shift |= WIRE_PACKED;
	return 0;
}

int request_hashes(struct image_request *r, struct vrs_err *err)
{
	struct disk *d;
	uint64_t first = r->head->a, n = r->head->b;
	unsigned shift = r->head->shift & ~(unsigned)WIRE_REMEMBERED;
	bool leaves = (shift & ~(unsigned)WIRE_FROM_DISK) == TREE_LEAF_SHIFT;
	int status = need_disk(r, &d, err);

	if (status < 0)
		return status;
	if (r->image->part && !leaves)
		d = part_proof(r->image->part);
	if (!leaves && shift != 0)
		return vrs_fail(err, VRS_EPARSE, "unknown kind of hash");
	uint64_t most = leaves ? WIRE_MAX_LEAF_CHUNKS : WIRE_MAX_HASHED_CHUNKS;
	uint64_t n_chunks = tree_n_chunks(d->size);
	if (n == 0 || n > most || first >= n_chunks || n > n_chunks - first)
		return vrs_fail(err, VRS_EPARSE, "chunks beyond the end of the disk");

	struct hashes_want want = {.leaves = leaves, .from_disk = shift & WIRE_FROM_DISK};
	size_t len = 0;
	for (uint64_t i = first; i < first + n && status == 0; i++) {
		size_t used = 0;

		want.chunk = i;
		want.cache = r->head->shift & WIRE_REMEMBERED ? d->cache : NULL;
		status = r->image->part && leaves
				 ? part_leaves(r->image->part, &want, r->out + len, &used,
					       err)
				 : hashes_of_chunk(d, &want, r->out + len, &used, err);
		len += used;
	}
	r->reply->a = first;
	r->reply->b = n;
	r->reply->len = (uint32_t)len;
	return status;
}
