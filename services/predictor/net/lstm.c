/* lstm.c - see lstm.h. */
#include "net/lstm.h"

/* Without it the steps would be a power of two apart and share the same cache lines. */
enum { PAD = 3 * NN_LANES };

void lstm_start(struct lstm_shape s, real *w, struct rng *rng)
{
	double r = 1.0 / sqrt((double)s.hidden);

	for (size_t i = 0; i < lstm_n_weights(s); i++)
		w[i] = (real)rng_between(rng, -r, r);
}

void lstm_tape_init(struct lstm_tape *t, struct lstm_shape s, int steps, int lanes)
{
	size_t n = (size_t)lanes, h = (size_t)s.hidden, most = (size_t)steps;

	*t = (struct lstm_tape){.shape = s, .lanes = lanes, .steps = steps};
	t->xh = nn_alloc((most + 1) * ((size_t)s.in + h) * n);
	t->gates_step = 4 * h * n + PAD;
	t->gates = nn_alloc(most * t->gates_step);
	t->c = nn_alloc((most + 1) * h * n);
	t->tanh_c = nn_alloc(most * h * n);
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

const real *lstm_forward(const struct kern *k, struct lstm_tape *t, const real *w)
{
	int in = t->shape.in, hidden = t->shape.hidden, lanes = t->lanes;
	int width = in + hidden;
	const real *bias = w + (size_t)4 * (size_t)hidden * (size_t)width;
	size_t state = (size_t)hidden * (size_t)lanes;

	memset(lstm_input(t, 0, in), 0, state * sizeof(real));
	memset(t->c, 0, state * sizeof(real));
	for (int s = 0; s < t->steps; s++) {
		real *gates = t->gates + (size_t)s * t->gates_step;

		k->spread(4 * hidden, lanes, bias, gates, false);
		k->gemm(4 * hidden, lanes, width, w, width, 1, lstm_input(t, s, 0), lanes,
			gates, lanes, true);
		k->cell(hidden, lanes, gates, t->c + (size_t)s * state,
			t->c + ((size_t)s + 1) * state, t->tanh_c + (size_t)s * state,
			lstm_input(t, s + 1, in));
	}
	return lstm_input(t, t->steps, in);
}

void lstm_backward(const struct kern *k, struct lstm_tape *t, const real *w,
		   const real *dh_last, real *dw)
{
	int in = t->shape.in, hidden = t->shape.hidden, lanes = t->lanes;
	int width = in + hidden;
	size_t state = (size_t)hidden * (size_t)lanes;
	real *db = dw + (size_t)4 * (size_t)hidden * (size_t)width;

	memcpy(t->dh, dh_last, state * sizeof(real));
	memset(t->dc, 0, state * sizeof(real));
	for (int s = t->steps - 1; s >= 0; s--) {
		real *gates = t->gates + (size_t)s * t->gates_step;

		k->cell_back(hidden, lanes, gates, t->c + (size_t)s * state,
			     t->tanh_c + (size_t)s * state, t->dh, t->dc);
		if (s >
		    0) /* gradient of the previous h: hidden columns of w, transposed */
			k->gemm(hidden, lanes, 4 * hidden, w + in, 1, width, gates, lanes,
				t->dh, lanes, false);
	}
	k->sums(4 * hidden, lanes, t->gates, lanes, t->gates_step, t->steps, db);
	k->outer(4 * hidden, width, lanes, t->gates, lanes, t->gates_step, t->xh, lanes,
		 (size_t)width * (size_t)lanes, t->steps, dw, width);
}
