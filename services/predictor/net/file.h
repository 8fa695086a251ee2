/* file.h - model files: read with a size limit and checked, written to a temporary file,
 * synced and renamed, so that a crash never leaves a partial file.
 *
 * Every kind begins with a magic text and a format number, and ends with a checksum
 * (XXH3) of all bytes before it; little endian. */
#ifndef PREDICTOR_NET_FILE_H
#define PREDICTOR_NET_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vrs/err.h"
#include "vrs/mem.h"

struct file_kind {
	char magic[9];
	uint32_t format;
	size_t header_bytes, max_bytes;
};

/* The bytes begin with the kind's magic and format, are long enough for its header, and
 * their checksum is right: VRS_EPARSE, VRS_EUNSUPPORTED. */
int file_check(const struct file_kind *kind, const void *bytes, size_t n,
	       struct vrs_err *err);
/* Appends the checksum and returns it. */
uint64_t file_seal(struct vrs_text *bytes);
enum { FILE_SEAL_BYTES = sizeof(uint64_t) };

/* True if the file begins with the kind's magic; false if it cannot be read. */
bool file_is(const struct file_kind *kind, const char *path);

/* The caller frees *ret. VRS_EPARSE: not a regular file, or larger than max_bytes. */
int file_read(const char *path, size_t max_bytes, void **ret, size_t *ret_n,
	      struct vrs_err *err);
int file_write(const char *path, const void *bytes, size_t n, struct vrs_err *err);

#endif
