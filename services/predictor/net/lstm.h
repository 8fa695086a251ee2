/* lstm.h - a layer of long short-term memory: forward, and back through time.
 *
 * Weights are one matrix [4 * hidden][in + hidden] with the gates i, f, g, o stacked,
 * then 4 * hidden biases. The caller owns the weights and their gradient. Pure. */
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

/* Uniform in +-1/sqrt(hidden), as in most frameworks. */
void lstm_start(struct lstm_shape s, real *w, struct rng *rng);

/* Memory of one pass: `steps` time steps of `lanes` series. */
struct lstm_tape {
	struct lstm_shape shape;
	int lanes, steps;
	real *xh; /* [step][in + hidden][lanes]: the input, and h of the previous step */
	size_t gates_step;
	real *gates;  /* [step][4 * hidden][lanes], gates_step values per step */
	real *c;      /* [step + 1][hidden][lanes] */
	real *tanh_c; /* [step][hidden][lanes] */
	real *dc, *dh;
};

void lstm_tape_init(struct lstm_tape *t, struct lstm_shape s, int steps, int lanes);
void lstm_tape_fini(struct lstm_tape *t);

/* The place of input `row` of `step`, one value per lane. */
static inline real *lstm_input(struct lstm_tape *t, int step, int row)
{
	size_t width = (size_t)(t->shape.in + t->shape.hidden);

	return t->xh + ((size_t)step * width + (size_t)row) * (size_t)t->lanes;
}

/* Runs all steps from a zero state; returns h after the last one: [hidden][lanes]. */
const real *lstm_forward(const struct kern *k, struct lstm_tape *t, const real *w);

/* Adds the gradient of the weights to dw, given the gradient of the last h. Overwrites
 * the tape: call lstm_forward again before the next call. */
void lstm_backward(const struct kern *k, struct lstm_tape *t, const real *w,
		   const real *dh_last, real *dw);

#endif
