/* net.c - see net.h. */
#include "paper/net.h"

#include "net/dense.h"
#include "net/loss.h"

static struct lstm_shape lstm_of(const struct paper_shape *s)
{
	return (struct lstm_shape){1, s->hidden};
}

size_t paper_n_weights(const struct paper_shape *s)
{
	return lstm_n_weights(lstm_of(s)) + dense_n_weights(s->hidden, 1);
}

void paper_start(const struct paper_shape *s, real *w, struct rng *rng)
{
	lstm_start(lstm_of(s), w, rng);
	dense_start(s->hidden, 1, w + lstm_n_weights(lstm_of(s)), rng);
}

void paper_work_init(struct paper_work *k, const struct paper_shape *s, int lanes)
{
	size_t n = (size_t)lanes;

	*k = (struct paper_work){.shape = *s, .lanes = lanes, .used = lanes};
	lstm_tape_init(&k->tape, lstm_of(s), s->window, lanes);
	k->q = nn_alloc(n);
	k->y = nn_alloc(n);
	k->dq = nn_alloc(n);
	k->dh = nn_alloc((size_t)s->hidden * n);
}

void paper_work_fini(struct paper_work *k)
{
	lstm_tape_fini(&k->tape);
	free(k->q);
	free(k->y);
	free(k->dq);
	free(k->dh);
	*k = (struct paper_work){0};
}

static struct dense output_of(const struct paper_work *k, const real *w, real *dw)
{
	size_t at = lstm_n_weights(lstm_of(&k->shape));

	return (struct dense){k->shape.hidden, 1, k->lanes, w + at, dw ? dw + at : NULL};
}

void paper_forward(const struct kern *kern, struct paper_work *k, const real *w)
{
	const struct dense output = output_of(k, w, NULL);

	k->h = lstm_forward(kern, &k->tape, w);
	dense_forward(kern, &output, k->h, k->q, false);
}

double paper_loss(struct paper_work *k)
{
	double loss = 0;

	for (int l = 0; l < k->lanes; l++) {
		k->dq[l] = 0;
		if (l < k->used)
			loss += loss_square(k->y[l], k->q[l], (real)1 / (real)k->used,
					    &k->dq[l]);
	}
	return loss;
}

void paper_backward(const struct kern *kern, struct paper_work *k, const real *w,
		    real *dw)
{
	const struct dense output = output_of(k, w, dw);

	dense_backward(kern, &output, k->h, k->dq, k->dh);
	lstm_backward(kern, &k->tape, w, k->dh, dw);
}
