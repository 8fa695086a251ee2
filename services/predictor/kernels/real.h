/* real.h - the number that nets are made of: float; double when gradients are checked.
 *
 * Matrices hold one value per lane in their rows: a batch is laid across the lanes, so
 * that every step of a net is arithmetic on whole vectors. The number of lanes of a
 * buffer is a multiple of NN_LANES and buffers come from nn_alloc. */
#ifndef PREDICTOR_KERNELS_REAL_H
#define PREDICTOR_KERNELS_REAL_H

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#ifdef NN_DOUBLE
typedef double real;
#else
typedef float real;
#endif

enum { NN_LANES = 16, NN_ALIGN = 128 };

/* Zeroed, aligned for the widest vectors; free() takes it. */
static inline real *nn_alloc(size_t n)
{
	size_t bytes = (n * sizeof(real) + NN_ALIGN - 1) / NN_ALIGN * NN_ALIGN;
	real *p = aligned_alloc(NN_ALIGN, bytes ? bytes : NN_ALIGN);

	if (!p)
		abort();
	memset(p, 0, bytes);
	return p;
}

static inline int nn_lanes(int n)
{
	return (n + NN_LANES - 1) / NN_LANES * NN_LANES;
}

#endif
