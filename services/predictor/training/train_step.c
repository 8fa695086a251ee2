/* train_step.c - see train_step.h. */
#include "training/train_step.h"

void train_step_init(struct train_step *s, const struct net_shape *shape,
		     const struct kern *kern)
{
	size_t n = net_n_weights(shape);

	*s = (struct train_step){.kern = kern, .slope = nn_alloc(n)};
	net_work_init(&s->work, shape, TRAIN_LANES);
	adam_init(&s->adam, n);
}

void train_step_fini(struct train_step *s)
{
	net_work_fini(&s->work);
	adam_fini(&s->adam);
	free(s->slope);
	*s = (struct train_step){0};
}

/* Adds the gradients of up to TRAIN_LANES windows; returns their loss. */
static double pass(struct train_step *s, const real *w, const struct train_item *item,
		   int n)
{
	for (int l = 0; l < TRAIN_LANES; l++) {
		s->work.use[l] = l < n ? (real)1 : 0;
		if (l >= n)
			continue;
		features_load(item[l].features, &s->work, l);
		features_load_truth(item[l].features, item[l].future, &s->work, l);
	}
	net_forward(s->kern, &s->work, w);
	double loss = net_loss(&s->work);
	net_backward(s->kern, &s->work, w, s->slope);
	return loss;
}

double train_step(struct train_step *s, real *w, const struct train_item *item, int n,
		  double rate)
{
	double loss = 0;

	memset(s->slope, 0, s->adam.n * sizeof(real));
	for (int i = 0; i < n; i += TRAIN_LANES)
		loss += pass(s, w, item + i, n - i < TRAIN_LANES ? n - i : TRAIN_LANES);
	for (size_t i = 0; i < s->adam.n; i++)
		s->slope[i] /= (real)n;
	adam_clip(s->slope, s->adam.n, 1);
	adam_step(s->kern, &s->adam, w, s->slope, rate);
	return loss / n;
}
