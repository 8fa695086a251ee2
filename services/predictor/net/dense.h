/* dense.h - a fully connected layer over many lanes.
 *
 * Weights are [out][in], followed by the biases [out]. Pure. */
#ifndef PREDICTOR_NET_DENSE_H
#define PREDICTOR_NET_DENSE_H

#include "kernels/kernels.h"
#include "kernels/rng.h"

struct dense {
	int in, out, lanes;
	const real *w;
	real *dw; /* gradient of the weights; NULL: forward only */
};

static inline size_t dense_n_weights(int in, int out)
{
	return (size_t)out * (size_t)(in + 1);
}

/* Uniform in +-1/sqrt(in). */
void dense_start(int in, int out, real *w, struct rng *rng);

/* y[out][lanes] = w x + bias, or += with add; x is [in][lanes]. */
void dense_forward(const struct kern *k, const struct dense *d, const real *x, real *y,
		   bool add);

/* Adds to the gradient of the weights; writes the gradient of x to dx unless NULL. */
void dense_backward(const struct kern *k, const struct dense *d, const real *x,
		    const real *dy, real *dx);

#endif
