/* dense.c - see dense.h. */
#include "net/dense.h"

void dense_start(int in, int out, real *w, struct rng *rng)
{
	double r = 1.0 / sqrt((double)in);

	for (size_t i = 0; i < dense_n_weights(in, out); i++)
		w[i] = (real)rng_between(rng, -r, r);
}

void dense_forward(const struct kern *k, int in, int out, int lanes, const real *w,
		   const real *x, real *y, bool add)
{
	const real *bias = w + (size_t)in * (size_t)out;

	k->spread(out, lanes, bias, y, add);
	k->gemm(out, lanes, in, w, in, 1, x, lanes, y, lanes, true);
}

void dense_backward(const struct kern *k, int in, int out, int lanes, const real *w,
		    const real *x, const real *dy, real *dw, real *dx, bool add)
{
	real *db = dw + (size_t)in * (size_t)out;

	k->outer(out, in, lanes, dy, lanes, 0, x, lanes, 0, 1, dw, in);
	k->sums(out, lanes, dy, lanes, 0, 1, db);
	if (dx)
		k->gemm(in, lanes, out, w, 1, in, dy, lanes, dx, lanes, add);
}
