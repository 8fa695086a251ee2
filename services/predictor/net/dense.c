/* dense.c - see dense.h. */
#include "net/dense.h"

void dense_start(int in, int out, real *w, struct rng *rng)
{
	double r = 1.0 / sqrt((double)in);

	for (size_t i = 0; i < dense_n_weights(in, out); i++)
		w[i] = (real)rng_between(rng, -r, r);
}

void dense_forward(const struct kern *k, const struct dense *d, const real *x, real *y,
		   bool add)
{
	const real *bias = d->w + (size_t)d->in * (size_t)d->out;

	k->spread(d->out, d->lanes, bias, y, add);
	k->gemm(d->out, d->lanes, d->in, d->w, d->in, 1, x, d->lanes, y, d->lanes, true);
}

void dense_backward(const struct kern *k, const struct dense *d, const real *x,
		    const real *dy, real *dx)
{
	int lanes = d->lanes;

	k->outer(d->out, d->in, lanes, dy, lanes, 0, x, lanes, 0, 1, d->dw, d->in);
	k->sums(d->out, lanes, dy, lanes, 0, 1, d->dw + (size_t)d->in * (size_t)d->out);
	if (dx)
		k->gemm(d->in, lanes, d->out, d->w, 1, d->in, dy, lanes, dx, lanes,
			false);
}
