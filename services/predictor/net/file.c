/* file.c - see file.h. */
#include "net/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
	       "model files are little endian");

enum { MAGIC_BYTES = 8 };

int file_check(const struct file_kind *kind, const void *bytes, size_t n,
	       struct vrs_err *err)
{
	uint32_t format;
	uint64_t sum;

	if (n < kind->header_bytes + sizeof(sum))
		return vrs_fail(err, VRS_EPARSE, "model: file too short: %zu bytes", n);
	if (memcmp(bytes, kind->magic, MAGIC_BYTES) != 0)
		return vrs_fail(err, VRS_EPARSE, "model: not a model file");
	memcpy(&format, (const char *)bytes + MAGIC_BYTES, sizeof(format));
	if (format != kind->format)
		return vrs_fail(err, VRS_EUNSUPPORTED,
				"model: unsupported format %u (supported: %u)", format,
				kind->format);
	memcpy(&sum, (const char *)bytes + n - sizeof(sum), sizeof(sum));
	if (XXH3_64bits(bytes, n - sizeof(sum)) != sum)
		return vrs_fail(err, VRS_EPARSE, "model: damaged: checksum mismatch");
	return 0;
}

uint64_t file_seal(struct vrs_text *bytes)
{
	uint64_t sum = XXH3_64bits(bytes->text, bytes->len);

	vrs_text_add_bytes(bytes, &sum, sizeof(sum));
	return sum;
}

bool file_is(const struct file_kind *kind, const char *path)
{
	FILE *f = fopen(path, "rbe");
	char got[MAGIC_BYTES];
	bool is = f && fread(got, 1, sizeof(got), f) == sizeof(got) &&
		  memcmp(got, kind->magic, sizeof(got)) == 0;

	if (f)
		(void)fclose(f);
	return is;
}

int file_read(const char *path, size_t max_bytes, void **ret, size_t *ret_n,
	      struct vrs_err *err)
{
	FILE *f = fopen(path, "rbe");
	struct stat st;
	char *bytes = NULL;
	int status = 0;

	if (!f)
		return vrs_fail_errno(err, "cannot open %s", path);
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
	char *temporary = vrs_asprintf("%s.new", path);
	int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644),
	    status = 0;

	if (fd < 0 || write_all(fd, bytes, n) < 0 || rename(temporary, path) < 0) {
		status = vrs_fail_errno(err, "cannot write %s", path);
		if (fd >= 0)
			(void)unlink(temporary);
	}
	if (fd >= 0)
		(void)close(fd);
	free(temporary);
	return status;
}
