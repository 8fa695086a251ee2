/* clone.h - a second file with the same content. */
#ifndef MOVER_IMAGE_DISK_CLONE_H
#define MOVER_IMAGE_DISK_CLONE_H

#include <stdbool.h>

#include "vrs/err.h"

/* Sharing blocks (reflink). False: this file system cannot. */
bool clone_share(int from, int to);
/* The same, or copied inside the kernel with its holes. */
int clone_file(int from, int to, struct vrs_err *err);

#endif
