/* qemu_tools.h - the two programs that vrs-image starts: qemu-img and qemu-nbd. */
#ifndef MOVER_IMAGE_DISK_QEMU_TOOLS_H
#define MOVER_IMAGE_DISK_QEMU_TOOLS_H

#include <stddef.h>
#include <sys/types.h>

#include "vrs/proc.h"

/* A qemu-nbd that is running. */
struct qemu_nbd {
	pid_t pid; /* 0: none */
	int stderr_fd;
};

/* Of p the argv, the descriptors to keep and listen_fd are used. It ends with us. */
int qemu_nbd_start(struct qemu_nbd *ret, struct vrs_proc *p, struct vrs_err *err);
/* Waits for its end; on failure the last line of its stderr is the error. */
int qemu_nbd_end(struct qemu_nbd *n, struct vrs_err *err);

/* Runs qemu-img to its end; dir_fd is inherited. */
int qemu_img_run(const char *const *argv, int dir_fd, struct vrs_err *err);

#endif
