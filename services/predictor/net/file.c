/* file.c - see file.h. */
#include "net/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vrs/mem.h"

int file_read(void **ret, size_t *ret_n, const char *path, size_t max_bytes,
	      struct vrs_err *err)
{
	FILE *f = fopen(path, "rbe");
	struct stat st;
	char *bytes = NULL;
	int status = 0;

	if (!f)
		return vrs_fail_errno(err, "open %s", path);
	if (fstat(fileno(f), &st) < 0) {
		status = vrs_fail_errno(err, "%s", path);
	} else if (!S_ISREG(st.st_mode)) {
		status = vrs_fail(err, VRS_EPARSE, "%s: not a regular file", path);
	} else if ((uint64_t)st.st_size > max_bytes) {
		status = vrs_fail(err, VRS_EPARSE, "%s: larger than %zu bytes", path,
				  max_bytes);
	} else {
		size_t n = (size_t)st.st_size;

		bytes = vrs_calloc(1, n + 1);
		if (fread(bytes, 1, n, f) != n) {
			status = vrs_fail(err, VRS_EIO, "%s: unexpected end of file",
					  path);
		} else {
			*ret = bytes;
			*ret_n = n;
			bytes = NULL;
		}
	}
	free(bytes);
	(void)fclose(f);
	return status;
}

static int write_all(int fd, const char *bytes, size_t n)
{
	while (n > 0) {
		ssize_t w = write(fd, bytes, n);

		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0)
			return -1;
		bytes += w;
		n -= (size_t)w;
	}
	return fsync(fd);
}

int file_write(const char *path, const void *bytes, size_t n, struct vrs_err *err)
{
	char *beside = vrs_asprintf("%s.new", path);
	int fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644), status = 0;

	if (fd < 0 || write_all(fd, bytes, n) < 0 || rename(beside, path) < 0) {
		status = vrs_fail_errno(err, "write %s", path);
		if (fd >= 0)
			(void)unlink(beside);
	}
	if (fd >= 0)
		(void)close(fd);
	free(beside);
	return status;
}
