/* bench_predictor.c - how fast the nets learn and answer, on each kind of kernel.
 *
 * Times are CPU times of this thread, the best of a few rounds. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "adam.h"
#include "forecast.h"
#include "paper_net.h"
#include "vrs/mem.h"
#include "workload.h"

enum { ROUNDS = 3, DAYS = 9, HOSTS = 10000, SERIES = 64 };

static double now_s(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* One pass over 4,792 rows: the paper's 5 days, window 30, batch 30. */
static double paper_epoch(const struct kern *k, int hidden)
{
	const struct paper_shape shape = {30, hidden};
	struct rng rng = {1};
	struct paper_work w;
	struct adam adam;
	size_t n = paper_n_weights(&shape);
	real *weights = nn_alloc(n), *slope = nn_alloc(n);

	paper_work_init(&w, &shape, 32);
	paper_start(&shape, weights, &rng);
	adam_init(&adam, n);
	w.used = 30;
	double began = now_s();
	for (int i = 0; i < 4792 / 30; i++) {
		for (int t = 0; t < 30; t++)
			for (int l = 0; l < 32; l++)
				lstm_input(&w.tape, t, 0)[l] = (real)rng_unit(&rng);
		paper_forward(k, &w, weights);
		(void)paper_loss(&w);
		memset(slope, 0, n * sizeof(*slope));
		paper_backward(k, &w, weights, slope);
		adam_step(k, &adam, weights, slope, 1e-3);
	}
	double took = now_s() - began;
	adam_fini(&adam);
	paper_work_fini(&w);
	free(weights);
	free(slope);
	return took;
}

static double best_epoch(const struct kern *k, int hidden)
{
	double best = 1e9;

	for (int i = 0; i < ROUNDS; i++) {
		double took = paper_epoch(k, hidden);

		best = took < best ? took : best;
	}
	return best;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void forecasts(void)
{
	const struct net_shape shape = features_shape(32);
	struct model *m = model_new(&shape);
	struct rng rng = {1};
	struct bins b[SERIES];
	struct window *w = vrs_calloc(HOSTS, sizeof(*w));
	struct forecast *got = vrs_calloc(HOSTS, sizeof(*got));
	double one[1000], best = 1e9;

	net_start(&shape, m->w, &rng);
	for (int s = 0; s < SERIES; s++) {
		const struct workload load = {
			.kind = s % 3 + 1, .seed = (uint64_t)s, .scale = 1};
		float cpu[5];

		bins_init(&b[s], 0, (size_t)DAYS * BINS_DAY);
		for (size_t i = 0; i < b[s].n; i++) {
			workload_fill(&load, (int64_t)i * BIN_MS, 5, cpu);
			bins_add(&b[s], (int64_t)i * BIN_MS, (double)cpu[0]);
		}
		bins_mean(&b[s]);
	}
	for (size_t i = 0; i < HOSTS; i++)
		w[i] = window_of(&b[i % SERIES], (int64_t)(BINS_HISTORY + i % BINS_DAY),
				 BINS_HISTORY, 0);
	struct forecaster *f = forecaster_new(m);
	for (int r = 0; r < ROUNDS; r++) {
		double began = now_s();

		forecast_net(f, w, HOSTS, got);
		best = now_s() - began < best ? now_s() - began : best;
	}
	printf("%d forecasts in one batch, features included: %.2f s, %.0f a second\n",
	       HOSTS, best, HOSTS / best);
	for (int i = 0; i < 1000; i++) {
		double began = now_s();

		forecast_make(f, &w[i], true, &got[0]);
		one[i] = now_s() - began;
	}
	qsort(one, 1000, sizeof(*one), by_value);
	printf("one forecast with its check against simple methods: median %.2f ms, p99 "
	       "%.2f ms\n",
	       one[500] * 1e3, one[990] * 1e3);
	forecaster_free(f);
	model_free(m);
	free(w);
	free(got);
	for (int s = 0; s < SERIES; s++)
		bins_fini(&b[s]);
}

int main(void)
{
	static const char *const names[] = {"plain", "avx2", "avx512"};
	static const int hidden[] = {32, 64, 128};

	printf("paper-13, seconds an epoch (4,792 rows of 30; GFLOP/s in brackets)\n%8s",
	       "hidden");
	for (int i = 0; i < 3; i++)
		printf(" %18s", names[i]);
	printf("\n");
	for (int h = 0; h < 3; h++) {
		double flop = 24.0 * hidden[h] * hidden[h] * 30 * 4792;

		printf("%8d", hidden[h]);
		for (int i = 0; i < 3; i++) {
			const struct kern *k = kern_named(names[i]);
			double s = k ? best_epoch(k, hidden[h]) : 0;

			if (k)
				printf(" %9.3f (%6.1f)", s, flop / s * 1e-9);
			else
				printf(" %18s", "not here");
		}
		printf("\n");
	}
	forecasts();
	return 0;
}
