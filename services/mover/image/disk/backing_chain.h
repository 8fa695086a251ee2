/* backing_chain.h - a qcow2 image whose content lies partly in backing files: all of them
 * opened by us, inside the directories that we were given, so that QEMU opens none by
 * name.
 *
 * The format of a backing file must be said in the image; a guest could make raw content
 * look like another format. */
#ifndef MOVER_IMAGE_DISK_BACKING_CHAIN_H
#define MOVER_IMAGE_DISK_BACKING_CHAIN_H

#include "image/base/sandbox.h"
#include "image/disk/disk.h"

enum { BACKING_CHAIN_MAX = 16, BACKING_CHAIN_NAME_BYTES = 1024 };

/* The backing file that a head of a qcow2 file names: 1 and both texts, 0 when there is
 * none, negative when it cannot be used. Pure. */
int backing_chain_next(const uint8_t *head, size_t n, char name[BACKING_CHAIN_NAME_BYTES],
		       char format[16], struct vrs_err *err);

/* As disk_open for reading. path: where fd was opened; it and fd's content say where the
 * others are. Takes fd. */
int backing_chain_open(struct disk **ret, const struct sandbox *b, const char *path,
		       int fd, const char *format, struct vrs_err *err);

#endif
