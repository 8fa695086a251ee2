/* The nets compute what an independent implementation computed (reference/make), on every
 * kind of kernel: activations, and losses while they learn. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "net/adam.h"
#include "net/net.h"
#include "paper/paper.h"

static const char *const isas[] = {"plain", "avx2", "avx512"};
enum { ISAS = 3, EPOCHS = 5 };

struct numbers {
	char name[32];
	size_t n;
	float *x;
};

static struct numbers all[32];

static int read_all(void **state)
{
	FILE *f = fopen(TEST_DIR "/unit/predictor/net/reference/nets.ref", "re");

	(void)state;
	if (!f)
		return -1;
	for (size_t k = 0; k < 32 && fscanf(f, "%31s %zu", all[k].name, &all[k].n) == 2;
	     k++) {
		all[k].x = calloc(all[k].n, sizeof(float));
		for (size_t i = 0; i < all[k].n; i++)
			if (fscanf(f, "%f", &all[k].x[i]) != 1)
				return -1;
	}
	return fclose(f);
}

static int free_all(void **state)
{
	(void)state;
	for (size_t k = 0; k < 32; k++)
		free(all[k].x);
	return 0;
}

static const struct numbers *ref(const char *name, size_t n)
{
	for (size_t k = 0; k < 32; k++)
		if (strcmp(all[k].name, name) == 0) {
			assert_int_equal(all[k].n, n);
			return &all[k];
		}
	fail_msg("nets.ref has no %s", name);
	return NULL;
}

static void close_to(const char *what, const char *isa, double got, double want,
		     double share)
{
	if (!(fabs(got - want) <= share * (fabs(want) + 0.01)))
		fail_msg("%s (%s): %.8g, wanted %.8g", what, isa, got, want);
}

static void the_paper_s_net_learns_as_the_reference(void **state)
{
	enum { HIDDEN = 6, WINDOW = 10, ROWS = 48 };
	const struct paper_shape shape = {WINDOW, HIDDEN};
	const struct paper_conf conf = {.name = "test",
					.window = WINDOW,
					.batch = 10,
					.epochs = EPOCHS,
					.hidden = HIDDEN,
					.rate = 1e-3,
					.in_order = true};
	const struct scaler none = {0, 1};
	size_t n = paper_n_weights(&shape);
	const struct numbers *w = ref("paper.weights", n), *out = ref("paper.out", ROWS);
	const struct numbers *rows = ref("paper.rows", (size_t)ROWS * (WINDOW + 1));
	const struct numbers *losses = ref("paper.losses", EPOCHS);

	(void)state;
	for (int k = 0; k < ISAS; k++) {
		const struct kern *kern = kern_named(isas[k]);
		struct paper_work work;

		if (!kern)
			continue;
		paper_work_init(&work, &shape, ROWS);
		for (int i = 0; i < ROWS; i++)
			for (int t = 0; t < WINDOW; t++)
				lstm_input(&work.tape, t, 0)[i] =
					rows->x[i * (WINDOW + 1) + t];
		struct paper_model *m = paper_model_new(&conf, &none);
		memcpy(m->w, w->x, n * sizeof(real));
		paper_forward(kern, &work, m->w);
		for (int i = 0; i < ROWS; i++)
			close_to("output", isas[k], (double)work.q[i], (double)out->x[i],
				 1e-5);
		struct paper_descent *d = paper_descent_new(m, kern, rows->x, ROWS);
		for (int e = 0; e < EPOCHS; e++)
			close_to("loss", isas[k], paper_descent_epoch(d, m),
				 (double)losses->x[e], 1e-4);
		paper_descent_free(d);
		paper_model_free(m);
		paper_work_fini(&work);
	}
}

enum { LANES = NN_LANES, STEPS = 7, HORIZON = 6 };

static const struct net_shape small = {.steps = STEPS,
				       .enc_in = 3,
				       .hidden = 4,
				       .facts = 5,
				       .context = 6,
				       .dec_in = 4,
				       .dec_a = 7,
				       .dec_b = 5,
				       .horizon = HORIZON,
				       .peak_in = 3,
				       .peak_a = 6};

static void load_net(struct net_work *k)
{
	const float *enc = ref("net.enc", LANES * STEPS * 3)->x;
	const float *facts = ref("net.facts", LANES * 5)->x;
	const float *dec = ref("net.dec", LANES * HORIZON * 4)->x;
	const float *peak = ref("net.peak", LANES * 3)->x;
	const float *y = ref("net.y", LANES * HORIZON)->x;
	const float *peak_y = ref("net.peak_y", LANES * NET_PEAKS)->x;

	for (int l = 0; l < LANES; l++) {
		k->use[l] = 1;
		for (int t = 0; t < STEPS; t++)
			for (int i = 0; i < 3; i++)
				lstm_input(&k->enc, t, i)[l] = *enc++;
		for (int i = 0; i < 5; i++)
			net_facts(k)[i * LANES + l] = *facts++;
		for (int h = 0; h < HORIZON; h++) {
			for (int i = 0; i < 4; i++)
				k->dec_in[i * HORIZON * LANES + h * LANES + l] = *dec++;
			k->y[h * LANES + l] = *y++;
		}
		for (int i = 0; i < 3; i++)
			net_peak_features(k)[i * LANES + l] = *peak++;
		for (int p = 0; p < NET_PEAKS; p++)
			k->peak_y[p * LANES + l] = *peak_y++;
	}
}

static void check_outputs(const struct net_work *k, const char *isa)
{
	const float *q = ref("net.q", LANES * HORIZON * NET_QUANTILES)->x;
	const float *p = ref("net.peak_q", LANES * NET_PEAKS * NET_QUANTILES)->x;

	for (int l = 0; l < LANES; l++) {
		for (int h = 0; h < HORIZON; h++)
			for (int t = 0; t < NET_QUANTILES; t++)
				close_to("quantile", isa,
					 (double)k->q[(t * HORIZON + h) * LANES + l],
					 (double)*q++, 1e-5);
		for (int i = 0; i < NET_PEAKS * NET_QUANTILES; i++)
			close_to("peak", isa, (double)k->peak_q[i * LANES + l],
				 (double)*p++, 1e-5);
	}
}

static void the_net_of_quantiles_learns_as_the_reference(void **state)
{
	size_t n = net_n_weights(&small);
	const struct numbers *w = ref("net.weights", n);
	const struct numbers *losses = ref("net.losses", EPOCHS);

	(void)state;
	for (int i = 0; i < ISAS; i++) {
		const struct kern *kern = kern_named(isas[i]);
		real *weights = nn_alloc(n), *slope = nn_alloc(n);
		struct net_work k;
		struct adam adam;

		if (!kern)
			goto next;
		net_work_init(&k, &small, LANES);
		adam_init(&adam, n);
		memcpy(weights, w->x, n * sizeof(real));
		load_net(&k);
		for (int e = 0; e < EPOCHS; e++) {
			net_forward(kern, &k, weights);
			if (e == 0)
				check_outputs(&k, isas[i]);
			close_to("loss", isas[i], net_loss(&k) / LANES,
				 (double)losses->x[e], 1e-4);
			memset(slope, 0, n * sizeof(real));
			net_backward(kern, &k, weights, slope);
			for (size_t j = 0; j < n; j++)
				slope[j] /= LANES;
			adam_clip(slope, n, 1);
			adam_step(kern, &adam, weights, slope, 4e-3);
		}
		adam_fini(&adam);
		net_work_fini(&k);
	next:
		free(weights);
		free(slope);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_paper_s_net_learns_as_the_reference),
		cmocka_unit_test(the_net_of_quantiles_learns_as_the_reference),
	};

	return cmocka_run_group_tests(tests, read_all, free_all);
}
