#include "image/disk/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image/disk/qemu_tools.h"
#include "vrs/mem.h"

/* QEMU locks one byte of a file for each thing that it does with it (block/file-posix.c);
 * this one is held by whoever may write. */
enum { QEMU_WRITER_BYTE = 101 };

static const char *const formats[] = {"raw", "qcow2", "vmdk", "vhdx"};

bool disk_format_ok(const char *format)
{
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
		if (strcmp(format, formats[i]) == 0)
			return true;
	return false;
}

bool disk_format_is_raw(const char *format)
{
	return strcmp(format, "raw") == 0;
}

int disk_is_free(int fd, struct vrs_err *err)
{
	struct flock lock = {
		.l_type = F_RDLCK,
		.l_whence = SEEK_SET,
		.l_start = QEMU_WRITER_BYTE,
		.l_len = 1,
	};
	struct flock writers = lock;

	/* QEMU holds shared locks; only an exclusive one would collide with them. */
	writers.l_type = F_WRLCK;
	if (fcntl(fd, F_OFD_GETLK, &writers) == 0 && writers.l_type != F_UNLCK)
		return vrs_fail(err, VRS_ECONFLICT,
				"a running QEMU has this image open for writing");
	return 0;
}

int disk_open(struct disk **ret, int fd, const char *format, enum disk_how how,
	      struct vrs_err *err)
{
	int status = 0;
	struct stat st;

	if (!disk_format_ok(format))
		status = vrs_fail(err, VRS_EUNSUPPORTED, "unknown format %s", format);
	else if (fstat(fd, &st) < 0)
		status = vrs_fail_errno(err, "cannot stat");
	else if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))
		status = vrs_fail(err, VRS_EINVAL, "not a file or block device");
	else
		status = disk_is_free(fd, err);
	if (status == 0)
		status = disk_format_is_raw(format)
				 ? disk_raw_open(ret, fd, how, err)
				 : disk_nbd_open(ret, fd, format,
						 how == DISK_WRITE || how == DISK_ALONE,
						 err);
	if (status < 0)
		(void)close(fd);
	return status;
}

void disk_close(struct disk *d)
{
	if (!d)
		return;
	int fd = d->fd;
	d->ops->close(d);
	(void)close(fd);
}

void disk_start_flush(struct disk *d, uint64_t off, uint64_t len)
{
	(void)sync_file_range(d->fd, (off_t)off, (off_t)len, SYNC_FILE_RANGE_WRITE);
}

int disk_allocate(struct disk *d, uint64_t off, uint64_t len, struct vrs_err *err)
{
	int rc;

	do
		rc = fallocate(d->fd, FALLOC_FL_KEEP_SIZE, (off_t)off, (off_t)len);
	while (rc < 0 && errno == EINTR);
	if (rc < 0 && (errno == ENOSPC || errno == EDQUOT || errno == EFBIG))
		return vrs_fail_errno(err, "cannot allocate space at %llu",
				      (unsigned long long)off);
	return 0;
}

int disk_create(int dir_fd, const char *name, const char *format, uint64_t size,
		struct vrs_err *err)
{
	if (disk_format_is_raw(format)) {
		int fd =
			openat(dir_fd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		if (fd < 0)
			return vrs_fail_errno(err, "cannot create %s", name);
		int status = 0;
		if (ftruncate(fd, (off_t)size) < 0)
			status = vrs_fail_errno(err, "cannot create %s", name);
		(void)close(fd);
		return status;
	}

	char path[300], bytes[32];
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", dir_fd, name);
	(void)snprintf(bytes, sizeof(bytes), "%llu", (unsigned long long)size);
	const char *argv[] = {"qemu-img", "create", "-q",  "-f",
			      format,     path,     bytes, NULL};
	int status = qemu_img_run(argv, dir_fd, err);
	if (status == 0 && fchmodat(dir_fd, name, 0600, 0) < 0)
		status = vrs_fail_errno(err, "cannot create %s", name);
	return status;
}
