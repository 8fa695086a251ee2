/* clone.h - a second file with the same content, sharing blocks where the file system can
 * (reflink), else copied inside the kernel with its holes. */
#ifndef MOVER_IMAGE_CLONE_H
#define MOVER_IMAGE_CLONE_H

#include "vrs/err.h"

int clone_file(int from, int to, struct vrs_err *err);

#endif
