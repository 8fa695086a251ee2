/* outside_refs.h - does an image refer to other files? vrs-image opens only files that
 * were requested, so an image whose content lies elsewhere (backing file, data file, flat
 * extents) is rejected before QEMU opens it. */
#ifndef MOVER_IMAGE_DISK_OUTSIDE_REFS_H
#define MOVER_IMAGE_DISK_OUTSIDE_REFS_H

#include <stddef.h>
#include <stdint.h>

#include "vrs/err.h"

/* Checks the header of the file: is it of that format, and self-contained? */
int outside_refs_check(int fd, const char *format, struct vrs_err *err);

/* The same on bytes; n may be short. */
int outside_refs_check_head(const uint8_t *head, size_t n, const char *format,
			    struct vrs_err *err);

/* A qcow2 file that may have a backing file (backing_chain.h opens that). */
int outside_refs_check_layer(const uint8_t *head, size_t n, struct vrs_err *err);

enum { OUTSIDE_REFS_HEAD_BYTES = 1 << 16 };

#endif
