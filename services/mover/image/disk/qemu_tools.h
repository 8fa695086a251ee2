/* qemu_tools.h - the two programs that vrs-image starts: qemu-img and qemu-nbd. */
#ifndef MOVER_IMAGE_DISK_QEMU_TOOLS_H
#define MOVER_IMAGE_DISK_QEMU_TOOLS_H

#include <stddef.h>
#include <sys/types.h>

#include "vrs/err.h"

/* Starts argv[0] (by PATH) with keep_fds inherited, stdin and stdout closed off
 * and stderr into *ret_stderr. It gets SIGTERM when we die. listen_fd >= 0 is handed over
 * as systemd does (descriptor 3, LISTEN_FDS). */
int run_start(const char *const *argv, const int *keep_fds, size_t n_keep, int listen_fd,
	      pid_t *ret_pid, int *ret_stderr, struct vrs_err *err);

/* Waits for the end; the last line of what it said becomes the error when it failed. */
int run_end(pid_t pid, int stderr_fd, const char *name, struct vrs_err *err);

int run_and_wait(const char *const *argv, int keep_fd, struct vrs_err *err);

#endif
