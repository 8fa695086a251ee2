#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "image/base/buffers.h"
#include "image/base/tree.h"
#include "image/disk/disk.h"
#include "vrs/mem.h"

enum {
	ALIGN = 4096,
	DIRECT_BYTES = 1 << 16, /* smaller writes are better merged in memory */
	AROUND_BYTES = 1 << 19, /* read at once where memory has not all */
};

/* A second descriptor of the same file goes around the page cache: a copy of the disk
 * neither pushes the guests' memory out nor costs the copying, and what is read back has
 * been on the disk. */
struct disk_raw {
	struct disk disk;
	_Atomic int direct_fd; /* -1: not supported by the file system */
	bool prove;
};

static int read_all(int fd, void *buf, uint64_t off, size_t len, size_t *ret_done)
{
	*ret_done = 0;
	while (*ret_done < len) {
		ssize_t n = pread(fd, (char *)buf + *ret_done, len - *ret_done,
				  (off_t)(off + *ret_done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (n == 0)
			return 0;
		*ret_done += (size_t)n;
		if (*ret_done % ALIGN != 0) /* the end of the file */
			return 0;
	}
	return 0;
}

/* True when the file system supports it. */
static bool read_direct(struct disk_raw *r, void *buf, uint64_t off, size_t len)
{
	int fd = atomic_load(&r->direct_fd);
	size_t whole = (len + ALIGN - 1) & ~(size_t)(ALIGN - 1), done;

	if (fd < 0 || off % ALIGN != 0)
		return false;
	bool fits = (uintptr_t)buf % ALIGN == 0 && whole == len;
	if (!fits && whole > BUFFER_BYTES)
		return false;
	void *buffer = fits ? buf : buffer_take();
	bool ok = buffer && read_all(fd, buffer, off, whole, &done) == 0 && done >= len;
	if (ok && !fits)
		memcpy(buf, buffer, len);
	if (!fits)
		buffer_put(buffer);
	return ok;
}

/* Reads what is in the page cache from there and the rest past it, so that the memory of
 * the guests is not displaced. True when everything was read. */
static bool read_mixed(struct disk_raw *r, uint8_t *buf, uint64_t off, size_t len)
{
	size_t done = 0;

	if (atomic_load(&r->direct_fd) < 0 || off % ALIGN != 0)
		return false;
	while (done < len) {
		struct iovec iov = {buf + done, len - done};
		ssize_t n = preadv2(r->disk.fd, &iov, 1, (off_t)(off + done), RWF_NOWAIT);

		if (n > 0 && (done + (size_t)n == len || n % ALIGN == 0)) {
			done += (size_t)n;
			continue;
		}
		size_t left = len - done;
		size_t some = left < AROUND_BYTES ? left : AROUND_BYTES;
		if (!read_direct(r, buf + done, off + done, some))
			return false;
		done += some;
	}
	return true;
}

static int raw_read(struct disk *d, void *buf, uint64_t off, size_t len,
		    struct vrs_err *err)
{
	struct disk_raw *r = (struct disk_raw *)d;

	if (r->prove ? read_direct(r, buf, off, len) : read_mixed(r, buf, off, len))
		return 0;
	if (r->prove) /* at least drop the clean pages of the cache */
		(void)posix_fadvise(d->fd, (off_t)off, (off_t)len, POSIX_FADV_DONTNEED);
	for (size_t done = 0; done < len;) {
		ssize_t n =
			pread(d->fd, (char *)buf + done, len - done, (off_t)(off + done));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return vrs_fail_errno(err, "cannot read at %llu",
					      (unsigned long long)(off + done));
		if (n == 0)
			return vrs_fail(err, VRS_EIO, "the image was truncated");
		done += (size_t)n;
	}
	return 0;
}

static int write_all(int fd, const void *buf, uint64_t off, size_t len)
{
	for (size_t done = 0; done < len;) {
		ssize_t n = pwrite(fd, (const char *)buf + done, len - done,
				   (off_t)(off + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		done += (size_t)n;
	}
	return 0;
}

/* 1: done, 0: use a buffered write, negative: failed. */
static int write_direct(struct disk_raw *r, const void *buf, uint64_t off, size_t len)
{
	int fd = atomic_load(&r->direct_fd);

	if (fd < 0 || len < DIRECT_BYTES || off % ALIGN != 0 || len % ALIGN != 0)
		return 0;
	bool fits = (uintptr_t)buf % ALIGN == 0;
	void *buffer = NULL;
	if (!fits) {
		buffer = len <= BUFFER_BYTES ? buffer_take() : NULL;
		if (!buffer)
			return 0;
		memcpy(buffer, buf, len);
	}
	int status = write_all(fd, fits ? buf : buffer, off, len);
	int why = errno;
	buffer_put(buffer);
	errno = why;
	if (status == 0)
		return 1;
	return why == EINVAL ? 0 : -1;
}

static int raw_write(struct disk *d, const void *buf, uint64_t off, size_t len,
		     struct vrs_err *err)
{
	int status = write_direct((struct disk_raw *)d, buf, off, len);

	if (status == 0)
		status = write_all(d->fd, buf, off, len);
	return status < 0 ? vrs_fail_errno(err, "cannot write at %llu",
					   (unsigned long long)off)
			  : 0;
}

static int raw_zero(struct disk *d, uint64_t off, uint64_t len, struct vrs_err *err)
{
	static const char zeros[TREE_CHUNK_BYTES / 64];

	if (fallocate(d->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)off,
		      (off_t)len) == 0)
		return 0;
	if (errno != EOPNOTSUPP && errno != ENOSYS)
		return vrs_fail_errno(err, "cannot punch a hole at %llu",
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

static int raw_extent(struct disk *d, uint64_t off, uint64_t end, struct disk_run *ret,
		      struct vrs_err *err)
{
	off_t data = lseek(d->fd, (off_t)off, SEEK_DATA);

	if (data < 0 && errno == ENXIO) {
		ret->data = false;
		ret->end = end;
		return 0;
	}
	if (data < 0 && errno == EINVAL) { /* a block device: all may be data */
		ret->data = true;
		ret->end = end;
		return 0;
	}
	if (data < 0)
		return vrs_fail_errno(err, "cannot find data");
	ret->data = (uint64_t)data <= off;
	uint64_t until = (uint64_t)data;
	if (ret->data) {
		off_t hole = lseek(d->fd, (off_t)off, SEEK_HOLE);

		if (hole < 0)
			return vrs_fail_errno(err, "cannot find holes");
		until = (uint64_t)hole;
	}
	ret->end = until < end ? until : end;
	if (ret->end <= off) /* the file shrank below us */
		return vrs_fail(err, VRS_EIO, "the image was truncated");
	return 0;
}

static int raw_flush(struct disk *d, struct vrs_err *err)
{
	return fdatasync(d->fd) < 0 ? vrs_fail_errno(err, "cannot flush") : 0;
}

static void raw_close(struct disk *d)
{
	struct disk_raw *r = (struct disk_raw *)d;
	int fd = atomic_load(&r->direct_fd);

	if (fd >= 0)
		(void)close(fd);
	free(r);
}

static int open_direct(int fd, enum disk_how how)
{
	char path[40];

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open(path, (how == DISK_WRITE ? O_RDWR : O_RDONLY) | O_DIRECT | O_CLOEXEC);
}

int disk_raw_open(struct disk **ret, int fd, enum disk_how how, struct vrs_err *err)
{
	static const struct disk_ops ops = {.read = raw_read,
					    .write = raw_write,
					    .zero = raw_zero,
					    .extent = raw_extent,
					    .flush = raw_flush,
					    .close = raw_close};
	off_t size = lseek(fd, 0, SEEK_END);

	if (size < 0)
		return vrs_fail_errno(err, "cannot read the size");
	if (size == 0)
		return vrs_fail(err, VRS_EINVAL, "the image is empty");
	if ((uint64_t)size > TREE_MAX_DISK_BYTES)
		return vrs_fail(err, VRS_EUNSUPPORTED, "the image is larger than 64 TiB");

	struct disk_raw *r = vrs_calloc(1, sizeof(*r));
	r->disk = (struct disk){.ops = &ops, .size = (uint64_t)size, .fd = fd};
	atomic_init(&r->direct_fd, how == DISK_ALONE ? -1 : open_direct(fd, how));
	r->prove = how == DISK_PROVE;
	(void)posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	*ret = &r->disk;
	return 0;
}
