/* adam.h - steps down the slope with a memory of slopes (Kingma and Ba), the rate either
 * constant or in one cycle, and slopes cut to a length. Pure. */
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

/* Shortens g to at most `longest`; returns the length it had. */
double adam_clip(real *g, size_t n, double longest);

/* The one-cycle rate: from top/25 up to top in the first 30 %, then down to nothing, on
 * cosines. */
double adam_one_cycle(long step, long steps, double top);

#endif
