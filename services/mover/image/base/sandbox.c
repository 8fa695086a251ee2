#include "image/base/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "vrs/mem.h"

int sandbox_path_ok(const char *path, struct vrs_err *err)
{
	const char *p = path;

	if (*p != '/' || strlen(path) >= PATH_MAX)
		return vrs_fail(err, VRS_EINVAL, "%.200s is not an absolute path", path);
	while (*p == '/') {
		const char *part = p + 1;
		size_t n = strcspn(part, "/");

		if (n == 0 || n > NAME_MAX || (n == 1 && part[0] == '.') ||
		    (n == 2 && part[0] == '.' && part[1] == '.'))
			return vrs_fail(err, VRS_EDENIED,
					"%.200s: empty, '.' and '..' path components are "
					"not allowed",
					path);
		p = part + n;
	}
	return 0;
}

int sandbox_add(struct sandbox *b, const char *root, struct vrs_err *err)
{
	size_t n = strlen(root);

	if (b->n == SANDBOX_MAX_ROOTS)
		return vrs_fail(err, VRS_EINVAL, "more than %d roots", SANDBOX_MAX_ROOTS);
	if (root[0] != '/')
		return vrs_fail(err, VRS_EINVAL, "root %s is not an absolute path", root);
	while (n > 0 && root[n - 1] == '/')
		n--;

	b->root[b->n] = vrs_asprintf("%.*s", (int)n, root);
	b->fd[b->n++] = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return 0;
}

void sandbox_fini(struct sandbox *b)
{
	for (size_t i = 0; i < b->n; i++) {
		free(b->root[i]);
		if (b->fd[i] >= 0)
			(void)close(b->fd[i]);
	}
	b->n = 0;
}

/* What is left of path below the longest root that holds it; NULL: none does. */
static const char *below(const struct sandbox *b, const char *path, int *ret_fd)
{
	const char *best = NULL;
	size_t best_len = 0;

	for (size_t i = 0; i < b->n; i++) {
		size_t n = strlen(b->root[i]);

		if (strncmp(path, b->root[i], n) == 0 && (path[n] == '/' || !path[n]) &&
		    (!best || n > best_len)) {
			best = path[n] ? path + n + 1 : path + n;
			best_len = n;
			*ret_fd = b->fd[i];
		}
	}
	return best;
}

static int open_below(int root_fd, const char *rest, int flags)
{
	struct open_how how = {
		.flags = (uint64_t)(flags | O_CLOEXEC),
		.mode = flags & O_CREAT ? 0600 : 0,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
	};

	if (root_fd < 0) {
		errno = ENOENT;
		return -1;
	}
	return (int)syscall(SYS_openat2, root_fd, *rest ? rest : ".", &how, sizeof(how));
}

int sandbox_open(const struct sandbox *b, const char *path, int flags, int *ret_fd,
		 struct vrs_err *err)
{
	int root_fd = -1;
	int status = sandbox_path_ok(path, err);

	if (status < 0)
		return status;
	const char *rest = below(b, path, &root_fd);
	if (!rest)
		return vrs_fail(err, VRS_EDENIED,
				"%s is outside the directories that vrs-image serves",
				path);
	int fd = open_below(root_fd, rest, flags);
	if (fd < 0 && errno == ENOSYS)
		return vrs_fail(
			err, VRS_EUNSUPPORTED,
			"this kernel does not support openat2 (Linux 5.6 or later)");
	if (fd < 0 && (errno == ELOOP || errno == EXDEV))
		return vrs_fail(err, VRS_EDENIED, "%s: symbolic links are not allowed",
				path);
	if (fd < 0)
		return vrs_fail_errno(err, "%s", path);
	*ret_fd = fd;
	return 0;
}

int sandbox_dir(const struct sandbox *b, const char *path, int *ret_fd,
		const char **ret_name, struct vrs_err *err)
{
	int status = sandbox_path_ok(path, err);

	if (status < 0)
		return status;

	const char *slash = strrchr(path, '/');
	char *dir = vrs_asprintf("%.*s", (int)(slash - path), path);
	int root_fd = -1;
	const char *rest = below(b, *dir ? dir : "", &root_fd);
	if (!rest) {
		status = vrs_fail(err, VRS_EDENIED,
				  "%s is outside the directories that vrs-image serves",
				  path);
	} else {
		int fd = open_below(root_fd, rest, O_RDONLY | O_DIRECTORY);

		if (fd < 0)
			status = vrs_fail_errno(err, "%s", *dir ? dir : "/");
		else
			*ret_fd = fd;
	}
	if (status == 0)
		*ret_name = slash + 1;
	free(dir);
	return status;
}
