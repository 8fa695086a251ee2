/* loss.h - how wrong an answer is, and in which direction to mend it. Pure. */
#ifndef PREDICTOR_LOSS_H
#define PREDICTOR_LOSS_H

#include "real.h"

/* The loss of one value y against q, weighted; its slope by q goes
 * to *dq. Pinball makes q the tau-quantile of y. */
static inline real loss_pinball(real y, real q, real tau, real weight, real *dq)
{
	real d = y - q;

	*dq = weight * (d > 0 ? -tau : 1 - tau);
	return weight * (d > 0 ? tau * d : (tau - 1) * d);
}

static inline real loss_square(real y, real q, real weight, real *dq)
{
	*dq = 2 * weight * (q - y);
	return weight * (q - y) * (q - y);
}

#endif
