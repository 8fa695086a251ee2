#include "ssh/program_file.h"

#include <fcntl.h>
#include <limits.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vrs/mem.h"

enum { MAX_PROGRAM_BYTES = 1 << 26 };

int program_file_read(struct program_file *ret, const char *path, struct vrs_err *err)
{
	struct program_file f = {.bytes = NULL};
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned int digest_len = 0;
	struct stat st;
	int status = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return vrs_fail_errno(err, "vrs-image %s", path);
	if (fstat(fd, &st) < 0 || st.st_size <= 0 || st.st_size > MAX_PROGRAM_BYTES) {
		status = vrs_fail(err, VRS_EINVAL, "%s is not a program file", path);
		goto out;
	}
	f.bytes = vrs_calloc(1, (size_t)st.st_size);
	while (f.n_bytes < (size_t)st.st_size) {
		ssize_t n = read(fd, f.bytes + f.n_bytes, (size_t)st.st_size - f.n_bytes);

		if (n <= 0) {
			status = vrs_fail_errno(err, "vrs-image %s", path);
			goto out;
		}
		f.n_bytes += (size_t)n;
	}
	if (EVP_Digest(f.bytes, f.n_bytes, digest, &digest_len, EVP_sha256(), NULL) !=
		    1 ||
	    digest_len != 32) {
		status = vrs_fail(err, VRS_EIO, "SHA-256 failed");
		goto out;
	}
	for (int i = 0; i < 32; i++)
		(void)snprintf(f.sha256 + 2 * i, 3, "%02x", digest[i]);
	*ret = f;
	f.bytes = NULL;
out:
	free(f.bytes);
	(void)close(fd);
	return status;
}

void program_file_fini(struct program_file *f)
{
	free(f->bytes);
	*f = (struct program_file){.bytes = NULL};
}

char *program_file_beside(void)
{
	char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);

	if (n <= 0)
		return vrs_strdup("/usr/bin/vrs-image");
	path[n] = '\0';
	char *slash = strrchr(path, '/');
	*slash = '\0';
	return vrs_asprintf("%s/vrs-image", path);
}
