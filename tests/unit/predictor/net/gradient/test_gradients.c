/* Every slope that back-propagation gives is the slope that can be measured. */
#include "check.h"
#include "net/net.h"
#include "paper/net.h"

static void fill(real *p, size_t n, double spread, struct rng *rng)
{
	for (size_t i = 0; i < n; i++)
		p[i] = spread * rng_normal(rng);
}

/* Compares dw with central differences: the norm of what differs against the norm. */
static void check_block(const char *name, double (*loss)(void *arg), void *arg, real *w,
			const real *dw, size_t n)
{
	double differ = 0, norm = 0;
	const double step = 1e-6;

	for (size_t i = 0; i < n; i++) {
		real keep = w[i];

		w[i] = keep + step;
		double up = loss(arg);
		w[i] = keep - step;
		double down = loss(arg);
		w[i] = keep;
		double slope = (up - down) / (2 * step);
		differ += (slope - dw[i]) * (slope - dw[i]);
		norm += slope * slope;
	}
	if (!(norm > 0) || !(sqrt(differ / norm) <= 1e-4))
		fail_msg("%s: relative error %g of norm %g", name, sqrt(differ / norm),
			 sqrt(norm));
}

struct net_case {
	struct net_work k;
	real *w;
};

static double net_case_loss(void *arg)
{
	struct net_case *c = arg;

	net_forward(&kern_plain, &c->k, c->w);
	return net_loss(&c->k);
}

static void the_net_of_quantiles_has_true_slopes(void **state)
{
	(void)state;
	const struct net_shape shape = {.steps = 5,
					.enc_in = 3,
					.hidden = 6,
					.facts = 4,
					.context = 5,
					.dec_in = 4,
					.dec_a = 7,
					.dec_b = 5,
					.horizon = 6,
					.peak_in = 3,
					.peak_a = 6};
	struct rng rng = {7};
	struct net_case c = {.w = nn_alloc(net_n_weights(&shape))};
	real *dw = nn_alloc(net_n_weights(&shape));
	struct net_block block[NET_BLOCKS];
	const size_t n = NN_LANES;

	net_work_init(&c.k, &shape, NN_LANES);
	net_start(&shape, c.w, &rng);
	for (int t = 0; t < 5; t++)
		fill(lstm_input(&c.k.enc, t, 0), 3 * n, 1, &rng);
	fill(net_facts(&c.k), 4 * n, 1, &rng);
	fill(c.k.dec_in, 4 * 6 * n, 1, &rng);
	fill(net_peak_features(&c.k), 3 * n, 1, &rng);
	fill(c.k.y, 6 * n, 1, &rng);
	fill(c.k.peak_y, NET_PEAKS * n, 1, &rng);
	for (size_t l = 0; l < n; l++)
		c.k.use[l] = l < 13 ? 1 : 0;

	(void)net_case_loss(&c);
	net_backward(&kern_plain, &c.k, c.w, dw);
	net_blocks(&shape, block);
	for (int b = 0; b < NET_BLOCKS; b++)
		check_block(block[b].name, net_case_loss, &c, c.w + block[b].at,
			    dw + block[b].at, block[b].n);
	net_work_fini(&c.k);
	free(c.w);
	free(dw);
}

struct paper_case {
	struct paper_work k;
	real *w;
};

static double paper_case_loss(void *arg)
{
	struct paper_case *c = arg;

	paper_forward(&kern_plain, &c->k, c->w);
	return paper_loss(&c->k);
}

static void the_net_of_the_paper_has_true_slopes(void **state)
{
	(void)state;
	const struct paper_shape shape = {.window = 9, .hidden = 8};
	struct rng rng = {11};
	struct paper_case c = {.w = nn_alloc(paper_n_weights(&shape))};
	real *dw = nn_alloc(paper_n_weights(&shape));
	size_t n_lstm = lstm_n_weights((struct lstm_shape){1, 8});

	paper_work_init(&c.k, &shape, NN_LANES);
	paper_start(&shape, c.w, &rng);
	for (int t = 0; t < 9; t++)
		fill(lstm_input(&c.k.tape, t, 0), NN_LANES, 1, &rng);
	fill(c.k.y, NN_LANES, 1, &rng);
	c.k.used = 10;

	(void)paper_case_loss(&c);
	paper_backward(&kern_plain, &c.k, c.w, dw);
	check_block("lstm", paper_case_loss, &c, c.w, dw, n_lstm);
	check_block("output", paper_case_loss, &c, c.w + n_lstm, dw + n_lstm,
		    paper_n_weights(&shape) - n_lstm);
	paper_work_fini(&c.k);
	free(c.w);
	free(dw);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_net_of_quantiles_has_true_slopes),
		cmocka_unit_test(the_net_of_the_paper_has_true_slopes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
