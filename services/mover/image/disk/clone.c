#include "image/disk/clone.h"

#include <errno.h>
#include <linux/fs.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

static int copy_run(int from, int to, off_t off, off_t end, struct vrs_err *err)
{
	char buf[1 << 16];

	while (off < end) {
		off_t in = off, out = off;
		ssize_t n = copy_file_range(from, &in, to, &out, (size_t)(end - off), 0);

		if (n < 0 && (errno == EXDEV || errno == EINVAL || errno == ENOSYS ||
			      errno == EOPNOTSUPP)) {
			size_t want = (size_t)(end - off) < sizeof(buf)
					      ? (size_t)(end - off)
					      : sizeof(buf);

			n = pread(from, buf, want, off);
			if (n > 0)
				n = pwrite(to, buf, (size_t)n, off);
		}
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return vrs_fail_errno(err, "cannot copy");
		if (n == 0)
			return vrs_fail(err, VRS_EIO, "the file was truncated");
		off += n;
	}
	return 0;
}

bool clone_share(int from, int to)
{
	return ioctl(to, FICLONE, from) == 0;
}

int clone_file(int from, int to, struct vrs_err *err)
{
	struct stat st;

	if (clone_share(from, to))
		return 0;
	if (fstat(from, &st) < 0)
		return vrs_fail_errno(err, "cannot stat");
	if (ftruncate(to, st.st_size) < 0)
		return vrs_fail_errno(err, "cannot set the size");
	for (off_t off = 0; off < st.st_size;) {
		off_t data = lseek(from, off, SEEK_DATA);

		if (data < 0 && errno == ENXIO)
			break;
		off_t hole = data < 0 ? st.st_size : lseek(from, data, SEEK_HOLE);
		if (data < 0)
			data = off;
		if (hole < 0)
			return vrs_fail_errno(err, "cannot find holes");
		int status = copy_run(from, to, data, hole, err);
		if (status < 0)
			return status;
		off = hole;
	}
	return 0;
}
