/* adam.h - the Adam optimiser (Kingma and Ba), gradient clipping and the one-cycle
 * learning rate. Pure. */
#ifndef PREDICTOR_NET_ADAM_H
#define PREDICTOR_NET_ADAM_H

#include "kernels/kernels.h"

struct adam {
	size_t n;
	long step;
	real *m, *v;
};

void adam_init(struct adam *a, size_t n);
void adam_fini(struct adam *a);
void adam_step(const struct kern *k, struct adam *a, real *w, const real *g, double rate);

/* Scales g to a norm of at most `longest`; returns its norm before. */
double adam_clip(real *g, size_t n, double longest);

/* The one-cycle rate: from top/25 up to top in the first 30 % of the steps, then down to
 * almost 0, along cosines. */
double adam_one_cycle(long step, long steps, double top);

#endif
