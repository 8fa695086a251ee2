/* file.h - a whole file of bytes: read with a limit, written beside its place, synced and
 * renamed, so that there is always a whole one. */
#ifndef PREDICTOR_NET_FILE_H
#define PREDICTOR_NET_FILE_H

#include <stddef.h>

#include "vrs/err.h"

/* The caller frees *ret. VRS_EPARSE: no plain file, or longer than max_bytes. */
int file_read(void **ret, size_t *ret_n, const char *path, size_t max_bytes,
	      struct vrs_err *err);
int file_write(const char *path, const void *bytes, size_t n, struct vrs_err *err);

#endif
