/* backing_chain.h - a qcow2 image with backing files. vrs-image opens every file of the
 * chain itself, inside its directories, so that QEMU opens none by name.
 *
 * The image must state the format of its backing file: a guest could make raw content
 * look like another format. */
#ifndef MOVER_IMAGE_DISK_BACKING_CHAIN_H
#define MOVER_IMAGE_DISK_BACKING_CHAIN_H

#include "image/base/sandbox.h"
#include "image/disk/disk.h"

enum { BACKING_CHAIN_NAME_BYTES = 1024 };

/* The backing file named in the header of a qcow2 file: 1 with both texts, 0 when there
 * is none, negative when it cannot be used. Pure. */
int backing_chain_next(const uint8_t *head, size_t n, char name[BACKING_CHAIN_NAME_BYTES],
		       char format[16], struct vrs_err *err);

/* As disk_open for reading; backing files named without a directory lie beside path. */
int backing_chain_open(struct disk **ret, const struct sandbox *b, const char *path,
		       const char *format, struct vrs_err *err);

#endif
