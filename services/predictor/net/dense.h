/* dense.h - a fully connected layer over many lanes, with or without a rectifier.
 *
 * Weights are [out][in], then out biases. Pure. */
#ifndef PREDICTOR_NET_DENSE_H
#define PREDICTOR_NET_DENSE_H

#include "kernels/kernels.h"
#include "kernels/rng.h"

static inline size_t dense_n_weights(int in, int out)
{
	return (size_t)out * (size_t)(in + 1);
}

/* Uniform in +-1/sqrt(in). */
void dense_start(int in, int out, real *w, struct rng *rng);

/* y[out][lanes] = w x + bias; x is [in][lanes]. add: to what y already holds. */
void dense_forward(const struct kern *k, int in, int out, int lanes, const real *w,
		   const real *x, real *y, bool add);

/* Adds to the weights' slopes dw; writes the input's slope to dx unless NULL (add: adds
 * to it). */
void dense_backward(const struct kern *k, int in, int out, int lanes, const real *w,
		    const real *x, const real *dy, real *dw, real *dx, bool add);

#endif
