/* pack.h - compression of blocks for transport (zstd). From any thread. */
#ifndef MOVER_IMAGE_BASE_PACK_H
#define MOVER_IMAGE_BASE_PACK_H

#include <stddef.h>
#include <stdint.h>

#include "vrs/err.h"

/* Compresses n bytes into at most size bytes; 0: they do not fit. */
size_t pack_compress(uint8_t *out, size_t size, const uint8_t *in, size_t n);

/* VRS_EPARSE unless the result is exactly n bytes. */
int pack_decompress(uint8_t *out, size_t n, const uint8_t *in, size_t n_in,
		    struct vrs_err *err);

#endif
