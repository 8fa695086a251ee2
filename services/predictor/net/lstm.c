/* lstm.c - see lstm.h. */
#include "net/lstm.h"

/* Steps that lie a power of two apart would fall on the same lines of a cache. */
enum { PAD = 3 * NN_LANES };

void lstm_start(struct lstm_shape s, real *w, struct rng *rng)
{
	double r = 1.0 / sqrt((double)s.hidden);

	for (size_t i = 0; i < lstm_n_weights(s); i++)
		w[i] = (real)rng_between(rng, -r, r);
}

void lstm_tape_init(struct lstm_tape *t, struct lstm_shape s, int max_steps, int lanes)
{
	size_t n = (size_t)lanes, h = (size_t)s.hidden, steps = (size_t)max_steps;

	*t = (struct lstm_tape){.shape = s, .lanes = lanes, .max_steps = max_steps};
	t->xh = nn_alloc((steps + 1) * ((size_t)s.in + h) * n);
	t->gates_step = 4 * h * n + PAD;
	t->gates = nn_alloc(steps * t->gates_step);
	t->c = nn_alloc((steps + 1) * h * n);
	t->tanh_c = nn_alloc(steps * h * n);
	t->dc = nn_alloc(h * n);
	t->dh = nn_alloc(h * n);
}

void lstm_tape_fini(struct lstm_tape *t)
{
	free(t->xh);
	free(t->gates);
	free(t->c);
	free(t->tanh_c);
	free(t->dc);
	free(t->dh);
	*t = (struct lstm_tape){0};
}

const real *lstm_forward(const struct kern *k, struct lstm_tape *t, int steps,
			 const real *w)
{
	int in = t->shape.in, hidden = t->shape.hidden, lanes = t->lanes;
	int width = in + hidden;
	const real *bias = w + (size_t)4 * (size_t)hidden * (size_t)width;
	size_t state = (size_t)hidden * (size_t)lanes;

	memset(lstm_input(t, 0, in), 0, state * sizeof(real));
	memset(t->c, 0, state * sizeof(real));
	for (int s = 0; s < steps; s++) {
		real *gates = t->gates + (size_t)s * t->gates_step;

		k->spread(4 * hidden, lanes, bias, gates, false);
		k->gemm(4 * hidden, lanes, width, w, width, 1, lstm_input(t, s, 0), lanes,
			gates, lanes, true);
		k->cell(hidden, lanes, gates, t->c + (size_t)s * state,
			t->c + ((size_t)s + 1) * state, t->tanh_c + (size_t)s * state,
			lstm_input(t, s + 1, in));
	}
	return lstm_input(t, steps, in);
}

void lstm_backward(const struct kern *k, struct lstm_tape *t, int steps, const real *w,
		   const real *dh_last, real *dw)
{
	int in = t->shape.in, hidden = t->shape.hidden, lanes = t->lanes;
	int width = in + hidden;
	size_t state = (size_t)hidden * (size_t)lanes;
	real *db = dw + (size_t)4 * (size_t)hidden * (size_t)width;

	memcpy(t->dh, dh_last, state * sizeof(real));
	memset(t->dc, 0, state * sizeof(real));
	for (int s = steps - 1; s >= 0; s--) {
		real *gates = t->gates + (size_t)s * t->gates_step;

		k->cell_back(hidden, lanes, gates, t->c + (size_t)s * state,
			     t->tanh_c + (size_t)s * state, t->dh, t->dc);
		if (s > 0) /* h before = the hidden columns of w, transposed, * slopes */
			k->gemm(hidden, lanes, 4 * hidden, w + in, 1, width, gates, lanes,
				t->dh, lanes, false);
	}
	k->sums(4 * hidden, lanes, t->gates, lanes, t->gates_step, steps, db);
	k->outer(4 * hidden, width, lanes, t->gates, lanes, t->gates_step, t->xh, lanes,
		 (size_t)width * (size_t)lanes, steps, dw, width);
}
