#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image/disk.h"
#include "image/tree.h"
#include "vrs/mem.h"

static int raw_read(struct disk *d, void *buf, uint64_t off, size_t len,
		    struct vrs_err *err)
{
	for (size_t done = 0; done < len;) {
		ssize_t n =
			pread(d->fd, (char *)buf + done, len - done, (off_t)(off + done));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return vrs_fail_errno(err, "read at %llu",
					      (unsigned long long)(off + done));
		if (n == 0)
			return vrs_fail(err, VRS_EIO, "the image became shorter");
		done += (size_t)n;
	}
	return 0;
}

static int raw_write(struct disk *d, const void *buf, uint64_t off, size_t len,
		     struct vrs_err *err)
{
	for (size_t done = 0; done < len;) {
		ssize_t n = pwrite(d->fd, (const char *)buf + done, len - done,
				   (off_t)(off + done));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return vrs_fail_errno(err, "write at %llu",
					      (unsigned long long)(off + done));
		done += (size_t)n;
	}
	return 0;
}

static int raw_zero(struct disk *d, uint64_t off, uint64_t len, struct vrs_err *err)
{
	static const char zeros[TREE_CHUNK_BYTES / 64];

	if (fallocate(d->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)off,
		      (off_t)len) == 0)
		return 0;
	if (errno != EOPNOTSUPP && errno != ENOSYS)
		return vrs_fail_errno(err, "punch a hole at %llu",
				      (unsigned long long)off);
	while (len > 0) {
		size_t n = len < sizeof(zeros) ? (size_t)len : sizeof(zeros);
		int status = raw_write(d, zeros, off, n, err);

		if (status < 0)
			return status;
		off += n;
		len -= n;
	}
	return 0;
}

static int raw_extent(struct disk *d, uint64_t off, uint64_t end, uint64_t *ret_end,
		      bool *ret_data, struct vrs_err *err)
{
	off_t data = lseek(d->fd, (off_t)off, SEEK_DATA);

	if (data < 0 && errno == ENXIO) {
		*ret_data = false;
		*ret_end = end;
		return 0;
	}
	if (data < 0 && errno == EINVAL) { /* a block device: all may be data */
		*ret_data = true;
		*ret_end = end;
		return 0;
	}
	if (data < 0)
		return vrs_fail_errno(err, "look for data");
	*ret_data = (uint64_t)data <= off;
	uint64_t until = (uint64_t)data;
	if (*ret_data) {
		off_t hole = lseek(d->fd, (off_t)off, SEEK_HOLE);

		if (hole < 0)
			return vrs_fail_errno(err, "look for holes");
		until = (uint64_t)hole;
	}
	*ret_end = until < end ? until : end;
	if (*ret_end <= off) /* the file shrank below us */
		return vrs_fail(err, VRS_EIO, "the image became shorter");
	return 0;
}

static int raw_flush(struct disk *d, struct vrs_err *err)
{
	return fdatasync(d->fd) < 0 ? vrs_fail_errno(err, "flush") : 0;
}

static void raw_close(struct disk *d)
{
	free(d);
}

int disk_raw_open(struct disk **ret, int fd, struct vrs_err *err)
{
	static const struct disk_ops ops = {raw_read,   raw_write, raw_zero,
					    raw_extent, raw_flush, raw_close};
	off_t size = lseek(fd, 0, SEEK_END);

	if (size < 0)
		return vrs_fail_errno(err, "size");
	if (size == 0)
		return vrs_fail(err, VRS_EINVAL, "the image is empty");
	if ((uint64_t)size > TREE_MAX_DISK_BYTES)
		return vrs_fail(err, VRS_EUNSUPPORTED, "the image is larger than 64 TiB");

	struct disk *d = vrs_calloc(1, sizeof(*d));
	*d = (struct disk){.ops = &ops, .size = (uint64_t)size, .fd = fd};
	(void)posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	*ret = d;
	return 0;
}
