/* remove.h - takes an image away that nobody needs any more. */
#ifndef MOVER_IMAGE_SERVE_REMOVE_H
#define MOVER_IMAGE_SERVE_REMOVE_H

#include <stdint.h>

#include "image/base/sandbox.h"

/* Only a regular file inside the roots that no program has open for writing, and beside
 * which no other job is making its successor (VRS_ECONFLICT). 1: removed, 0: not there.
 * Durable when it returns. What was kept beside it (image/part/displaced.h) goes with it.
 */
int image_remove(const struct sandbox *b, const char *path, const char *job,
		 uint64_t token, struct vrs_err *err);

#endif
