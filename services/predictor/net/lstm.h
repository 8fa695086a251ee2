/* lstm.h - a layer of long short-term memory: forward, and back through time.
 *
 * Weights are one matrix [4 * hidden][in + hidden] with the gates i f g o below each
 * other, then 4 * hidden biases. They belong to the caller, as do their slopes. Pure. */
#ifndef PREDICTOR_NET_LSTM_H
#define PREDICTOR_NET_LSTM_H

#include "kernels/kernels.h"
#include "kernels/rng.h"

struct lstm_shape {
	int in, hidden;
};

static inline size_t lstm_n_weights(struct lstm_shape s)
{
	return (size_t)4 * (size_t)s.hidden * (size_t)(s.in + s.hidden + 1);
}

/* Uniform in +-1/sqrt(hidden), as most frameworks start. */
void lstm_start(struct lstm_shape s, real *w, struct rng *rng);

/* What one pass over up to max_steps steps of lanes series needs. */
struct lstm_tape {
	struct lstm_shape shape;
	int lanes, max_steps;
	real *xh; /* [step][in + hidden][lanes]: the input, and h of the step before */
	size_t gates_step;
	real *gates;  /* [step][4 * hidden][lanes], steps gates_step apart */
	real *c;      /* [step + 1][hidden][lanes] */
	real *tanh_c; /* [step][hidden][lanes] */
	real *dc, *dh;
};

void lstm_tape_init(struct lstm_tape *t, struct lstm_shape s, int max_steps, int lanes);
void lstm_tape_fini(struct lstm_tape *t);

/* Where input `row` of `step` is to be written, one value a lane. */
static inline real *lstm_input(struct lstm_tape *t, int step, int row)
{
	size_t width = (size_t)(t->shape.in + t->shape.hidden);

	return t->xh + ((size_t)step * width + (size_t)row) * (size_t)t->lanes;
}

/* Runs the steps from a zero state; returns h after the last one: [hidden][lanes]. */
const real *lstm_forward(const struct kern *k, struct lstm_tape *t, int steps,
			 const real *w);

/* Adds the slopes of the weights to dw, given the slope of the last h. Uses the tape up:
 * run lstm_forward again before the next time. */
void lstm_backward(const struct kern *k, struct lstm_tape *t, int steps, const real *w,
		   const real *dh_last, real *dw);

#endif
