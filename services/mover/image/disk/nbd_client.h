/* nbd_client.h - a client of the NBD protocol, as far as a local qemu-nbd needs one:
 * fixed newstyle handshake, structured replies, block status "base:allocation", one
 * request at a time. Every reply is checked before use.
 *
 * It exists only because vrs-image is linked statically and Debian has no static libnbd;
 * for a dynamic program libnbd would be the choice. */
#ifndef MOVER_IMAGE_DISK_NBD_CLIENT_H
#define MOVER_IMAGE_DISK_NBD_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "image/disk/disk.h"
#include "vrs/err.h"

struct nbd;

/* Takes fd, a connected socket; export "". */
int nbd_open(struct nbd **ret, int fd, struct vrs_err *err);
void nbd_close(struct nbd *n); /* says goodbye first */

uint64_t nbd_size(const struct nbd *n);
int nbd_read(struct nbd *n, void *buf, uint64_t off, size_t len, struct vrs_err *err);
int nbd_write(struct nbd *n, const void *buf, uint64_t off, size_t len,
	      struct vrs_err *err);
int nbd_zero(struct nbd *n, uint64_t off, uint64_t len, struct vrs_err *err);
int nbd_flush(struct nbd *n, struct vrs_err *err);
/* The run that begins at off; it ends at end or before. */
int nbd_status(struct nbd *n, uint64_t off, uint64_t end, struct disk_run *ret,
	       struct vrs_err *err);

#endif
