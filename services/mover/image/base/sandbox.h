/* sandbox.h - opens files below the directories that vrs-image serves and nowhere
 * else: no "..", no symbolic link below a root, enforced by the kernel (openat2). */
#ifndef MOVER_IMAGE_BASE_SANDBOX_H
#define MOVER_IMAGE_BASE_SANDBOX_H

#include <stddef.h>

#include "vrs/err.h"

enum { SANDBOX_MAX_ROOTS = 32 };

struct sandbox {
	char *root[SANDBOX_MAX_ROOTS]; /* absolute, no slash at the end ("" is /) */
	int fd[SANDBOX_MAX_ROOTS];
	size_t n;
};

/* The root itself may be reached over symbolic links, because the operator named it. A
 * root that cannot be opened is reported when a file below it is opened. */
int sandbox_add(struct sandbox *b, const char *root, struct vrs_err *err);
void sandbox_fini(struct sandbox *b);

/* path is absolute. flags as open(2); O_CLOEXEC is added. */
int sandbox_open(const struct sandbox *b, const char *path, int flags, int *ret_fd,
		 struct vrs_err *err);

/* Opens the directory that holds path; *ret_name is its last component, within path. */
int sandbox_dir(const struct sandbox *b, const char *path, int *ret_fd,
		const char **ret_name, struct vrs_err *err);

/* VRS_EINVAL or VRS_EDENIED unless path is absolute, without empty, "." and ".."
 * components. */
int sandbox_path_ok(const char *path, struct vrs_err *err);

#endif
