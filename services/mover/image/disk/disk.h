/* disk.h - an image as its guest sees it: bytes, some of them known to be zero.
 *
 * raw is the file itself (raw.c). Every other format is served by a qemu-nbd of our
 * own on a private socket (nbd_disk.c), which ends with us. Offsets and lengths are
 * checked by the caller against size. Every operation may be called from any thread. */
#ifndef MOVER_IMAGE_DISK_DISK_H
#define MOVER_IMAGE_DISK_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vrs/err.h"

enum { DISK_MAX_LAYERS = 16 };

struct disk;
struct hashcache;

struct disk_run {
	uint64_t end;
	bool data; /* false: known to be zeros */
};

struct disk_ops {
	int (*read)(struct disk *d, void *buf, uint64_t off, size_t len,
		    struct vrs_err *err);
	int (*write)(struct disk *d, const void *buf, uint64_t off, size_t len,
		     struct vrs_err *err);
	int (*zero)(struct disk *d, uint64_t off, uint64_t len, struct vrs_err *err);
	/* The run that begins at off; it ends at end or before. */
	int (*extent)(struct disk *d, uint64_t off, uint64_t end, struct disk_run *ret,
		      struct vrs_err *err);
	int (*flush)(struct disk *d, struct vrs_err *err);
	/* Blocks of this chunk that disk.cache does not describe; NULL: none. */
	uint64_t (*changed)(struct disk *d, uint64_t chunk);
	void (*close)(struct disk *d);
};

struct disk {
	const struct disk_ops *ops;
	uint64_t size;
	int fd;                  /* the file, whatever its format */
	struct hashcache *cache; /* what is known of its content; borrowed, or NULL */
};

/* "raw", "qcow2", "vmdk", "vhdx": supported formats. */
bool disk_format_ok(const char *format);
bool disk_format_is_raw(const char *format);

/* Takes fd. VRS_ECONFLICT for a file that a running QEMU may write. */
enum disk_how {
	DISK_READ,
	DISK_WRITE,
	DISK_PROVE, /* read from the disk, not from the page cache */
	DISK_ALONE, /* write, and do not open the file a second time */
};
int disk_open(struct disk **ret, int fd, const char *format, enum disk_how how,
	      struct vrs_err *err);
void disk_close(struct disk *d);

/* VRS_ECONFLICT when a running QEMU may write to it. */
int disk_is_free(int fd, struct vrs_err *err);

/* Makes an empty image called name in an empty private directory. */
int disk_create(int dir_fd, const char *name, const char *format, uint64_t size,
		struct vrs_err *err);

/* Starts writing this range to the disk, so that a later flush is short. */
void disk_start_flush(struct disk *d, uint64_t off, uint64_t len);

/* Allocates space for a range of a raw image, if the file system can. */
int disk_allocate(struct disk *d, uint64_t off, uint64_t len, struct vrs_err *err);

int disk_raw_open(struct disk **ret, int fd, enum disk_how how, struct vrs_err *err);
/* Leaves of 4 KiB whose bit is set come from top, the others from base; what is written
 * goes to top and sets bits. Takes top; base and bits are borrowed. Both are raw. */
int disk_overlay_open(struct disk **ret, struct disk *base, struct disk *top,
		      uint8_t *bits);
/* Read only. Layer 0 is the image, which is taken; the others are its backing files,
 * which are borrowed. */
struct disk_layers {
	int fd[DISK_MAX_LAYERS];
	char format[DISK_MAX_LAYERS][16];
	size_t n;
};
int disk_nbd_open_chain(struct disk **ret, const struct disk_layers *layers,
			struct vrs_err *err);
int disk_nbd_open(struct disk **ret, int fd, const char *format, bool writable,
		  struct vrs_err *err);

#endif
