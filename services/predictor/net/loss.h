/* loss.h - loss functions and their gradients. Pure. */
#ifndef PREDICTOR_NET_LOSS_H
#define PREDICTOR_NET_LOSS_H

#include "kernels/real.h"

/* The weighted loss of prediction q for value y; *dq: its derivative by q. The minimum of
 * the pinball loss is the tau-quantile of y. */
static inline real loss_pinball(real y, real q, real tau, real weight, real *dq)
{
	real d = y - q;

	*dq = weight * (d > 0 ? -tau : 1 - tau);
	return weight * (d > 0 ? tau * d : (tau - 1) * d);
}

/* The same over a row of n lanes with weights use[l]; returns the sum. */
static inline real loss_pinball_row(const real *restrict y, const real *restrict q,
				    real tau, real weight, const real *restrict use,
				    real *restrict dq, size_t n)
{
	real sum[NN_LANES] = {0}, all = 0;

	for (size_t l = 0; l < n; l += NN_LANES)
		for (size_t i = 0; i < NN_LANES; i++)
			sum[i] += loss_pinball(y[l + i], q[l + i], tau,
					       weight * use[l + i], &dq[l + i]);
	for (size_t i = 0; i < NN_LANES; i++)
		all += sum[i];
	return all;
}

static inline real loss_square(real y, real q, real weight, real *dq)
{
	*dq = 2 * weight * (q - y);
	return weight * (q - y) * (q - y);
}

#endif
