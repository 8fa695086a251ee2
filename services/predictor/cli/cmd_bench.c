/* cmd_bench.c - vrs-predictor bench: how fast the nets learn and answer on this machine,
 * one thread, CPU time; beside PyTorch, where it is installed, in the same run: the same
 * weights to begin with, the same rows in the same order, taking turns, best of a few. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/commands.h"
#include "cli/load.h"
#include "evaluation/bench_peer.h"
#include "net/forecast.h"
#include "paper/paper.h"
#include "paper/workload.h"
#include "training/train_step.h"
#include "vrs/mem.h"
#include "vrs/stats.h"

enum { SERIES = 36, DAYS = 9, ASKED = 10000, BATCH = 256, PAPER_EPOCHS = 5, ONES = 1000 };

static const char *const isas[] = {"plain", "avx2", "avx512"};
enum { ISAS = 3, HIDDENS = 3 };

struct bench {
	struct peer peer; /* version[0] == 0: none */
	int runs, epochs;
	size_t windows;
	struct bins *bins; /* what the nets are fed with */
	size_t n_bins;
	bool owned;
};

static double now_s(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static double smaller(double a, double b)
{
	return a < b ? a : b;
}

/* The paper's five days: 6,430 minutes before the failure, three quarters for training.
 */
struct material {
	struct scaler scaler;
	float *rows, *scaled;
	size_t n;
};

static struct material paper_material(const struct paper_conf *c)
{
	enum { BEFORE = 6430 };
	const struct workload w = {.kind = 2, .seed = 1, .scale = 1};
	struct material r;
	float x[BEFORE];

	workload_fill(&w, 1704067200000, BEFORE, x);
	r.scaler = scaler_fit(c->scaler, x, BEFORE);
	r.n = paper_rows(x, BEFORE, c->window, &r.rows) * 3 / 4;
	size_t all = r.n * ((size_t)c->window + 1);
	r.scaled = vrs_calloc(all, sizeof(*r.scaled));
	for (size_t i = 0; i < all; i++)
		r.scaled[i] = (float)scaler_apply(&r.scaler, (double)r.rows[i]);
	return r;
}

static double paper_once(const struct paper_conf *c, const struct material *r,
			 const struct kern *kern, double *ret_loss)
{
	struct paper_model *m = paper_model_new(c, &r->scaler);
	struct paper_descent *d = paper_descent_new(m, kern, r->rows, r->n);
	double began = now_s();

	for (int e = 0; e < PAPER_EPOCHS; e++)
		*ret_loss = paper_descent_epoch(d, m);
	double took = (now_s() - began) / PAPER_EPOCHS;
	paper_descent_free(d);
	paper_model_free(m);
	return took;
}

static void paper_line(struct bench *b, int hidden)
{
	struct paper_conf c = *paper_preset("paper-13");
	double best[ISAS] = {INFINITY, INFINITY, INFINITY}, loss[ISAS] = {0};
	double torch = INFINITY, torch_loss = NAN;

	c.hidden = hidden;
	c.in_order = true;
	struct material r = paper_material(&c);
	const struct paper_shape shape = {c.window, c.hidden};
	if (b->peer.version[0]) {
		struct paper_model *m = paper_model_new(&c, &r.scaler);

		bench_peer_put(&b->peer, "weights", m->w, paper_n_weights(&shape));
		bench_peer_put(&b->peer, "rows", r.scaled, r.n * ((size_t)c.window + 1));
		paper_model_free(m);
	}
	for (int run = 0; run < b->runs; run++) {
		double s;

		for (int i = 0; i < ISAS; i++)
			if (kern_named(isas[i]) && (i > 0 || run == 0))
				best[i] = smaller(best[i],
						  paper_once(&c, &r, kern_named(isas[i]),
							     &loss[i]));
		if (b->peer.version[0] &&
		    bench_peer_ask(&b->peer, &s, &torch_loss, "paper %s %d %d %d %d",
				   b->peer.folder, hidden, c.window, c.batch,
				   PAPER_EPOCHS))
			torch = smaller(torch, s);
	}
	double flop = 24.0 * hidden * hidden * c.window * (double)r.n;
	printf("%8d", hidden);
	for (int i = 0; i < ISAS; i++)
		if (isfinite(best[i]))
			printf(" %8.3f (%5.1f)", best[i], flop / best[i] * 1e-9);
		else
			printf(" %16s", "not installed");
	if (isfinite(torch)) {
		printf(" %9.3f", torch);
		for (int i = 1; i < ISAS; i++)
			if (isfinite(best[i]))
				printf(" %6.1fx", torch / best[i]);
		int k = isfinite(best[2]) ? 2 : isfinite(best[1]) ? 1 : 0;
		printf("   %.1e", fabs(loss[k] - torch_loss) / torch_loss);
	}
	printf("\n");
	free(r.rows);
	free(r.scaled);
}

/* Windows of the series, spread evenly, with their truth. */
static size_t windows_of(const struct bench *b, size_t most, struct train_item *item,
			 struct features *f)
{
	size_t total = 0, n = 0, seen = 0;

	for (size_t s = 0; s < b->n_bins; s++)
		total += b->bins[s].n > BINS_DAY + BINS_AHEAD
				 ? b->bins[s].n - BINS_DAY - BINS_AHEAD
				 : 0;
	for (size_t s = 0; s < b->n_bins; s++)
		for (size_t at = BINS_DAY; at + BINS_AHEAD < b->bins[s].n; at++, seen++) {
			struct window w = {b->bins[s].u, at,
					   b->bins[s].first + (int64_t)at, 0};
			bool whole = seen * most / total != (seen + 1) * most / total;

			for (size_t h = 0; whole && h < BINS_AHEAD; h++)
				whole = !isnan(b->bins[s].truth[at + h]);
			if (n == most || !whole || !features_make(&w, &f[n]))
				continue;
			item[n] = (struct train_item){&f[n], b->bins[s].truth + at};
			n++;
		}
	/* neighbours apart, as in training */
	struct rng rng = {7};
	rng_shuffle(&rng, item, n, sizeof(*item));
	return n;
}

static void put_items(const struct peer *p, const struct net_shape *s,
		      const struct train_item *item, size_t n)
{
	struct net_work k;
	struct vrs_text part[6] = {0};
	static const char *const names[] = {"enc", "facts", "dec", "peak", "y", "peak_y"};

	net_work_init(&k, s, NN_LANES);
	for (size_t i = 0; i < n; i++) {
		const struct features *f = item[i].features;
		float y[BINS_AHEAD], peak_y[NET_PEAKS];

		features_load_truth(f, item[i].future, &k, 0);
		for (size_t h = 0; h < BINS_AHEAD; h++)
			y[h] = (float)k.y[h * NN_LANES];
		for (size_t q = 0; q < NET_PEAKS; q++)
			peak_y[q] = (float)k.peak_y[q * NN_LANES];
		vrs_text_add_bytes(&part[0], f->enc, sizeof(f->enc));
		vrs_text_add_bytes(&part[1], f->facts, sizeof(f->facts));
		vrs_text_add_bytes(&part[2], f->dec, sizeof(f->dec));
		vrs_text_add_bytes(&part[3], f->peak, sizeof(f->peak));
		vrs_text_add_bytes(&part[4], y, sizeof(y));
		vrs_text_add_bytes(&part[5], peak_y, sizeof(peak_y));
	}
	for (int i = 0; i < 6; i++) {
		bench_peer_put(p, names[i], (const float *)(const void *)part[i].text,
			       part[i].len / sizeof(float));
		vrs_text_fini(&part[i]);
	}
	net_work_fini(&k);
}

static double train_once(const struct net_shape *shape, const struct train_item *item,
			 size_t n, int epochs, double *ret_loss)
{
	struct train_step s;
	struct rng rng = {1};
	real *w = nn_alloc(net_n_weights(shape));
	long step = 0, steps = (long)((n + BATCH - 1) / BATCH) * epochs;

	net_start(shape, w, &rng);
	train_step_init(&s, shape, kern_best());
	double began = now_s();
	for (int e = 0; e < epochs; e++) {
		double sum = 0;

		for (size_t i = 0; i < n; i += BATCH, step++) {
			int some = n - i < BATCH ? (int)(n - i) : BATCH;

			sum += some * train_step(&s, w, item + i, some,
						 adam_one_cycle(step, steps, 4e-3));
		}
		*ret_loss = sum / (double)n;
	}
	double took = now_s() - began;
	train_step_fini(&s);
	free(w);
	return took;
}

static void training(struct bench *b, const struct net_shape *shape,
		     const struct train_item *item, size_t n)
{
	double best = INFINITY, torch = INFINITY, loss = NAN, torch_loss = NAN, s;
	char text[128];

	for (int run = 0; run < b->runs; run++) {
		best = smaller(best, train_once(shape, item, n, b->epochs, &loss));
		if (b->peer.version[0] &&
		    bench_peer_ask(&b->peer, &s, &torch_loss, "train %s %d %d %g %s",
				   b->peer.folder, BATCH, b->epochs, 4e-3,
				   bench_peer_shape(shape, text)))
			torch = smaller(torch, s);
	}
	printf("\ntraining the default net, %zu windows, %d epochs: %.2f s (%.0f windows "
	       "per second)",
	       n, b->epochs, best, (double)n * b->epochs / best);
	if (isfinite(torch))
		printf("; PyTorch %.2f s, %.1fx; losses differ by %.1e", torch,
		       torch / best, fabs(loss - torch_loss) / torch_loss);
	printf("\n");
}

static void answers(struct bench *b, struct model *m, const struct train_item *item,
		    size_t n)
{
	struct forecaster *f = forecaster_new(m);
	struct window *w = vrs_calloc(ASKED, sizeof(*w));
	struct forecast *got = vrs_calloc(ASKED, sizeof(*got));
	struct net_work k;
	double all = INFINITY, net = INFINITY, torch = INFINITY, s, none;
	char text[128];

	for (size_t i = 0; i < ASKED; i++) {
		const struct bins *bins = &b->bins[i % b->n_bins];
		int64_t end = (int64_t)bins->n - (int64_t)(i / b->n_bins % BINS_DAY);

		w[i] = window_of(bins, bins->first + (end > 0 ? end : 0), BINS_HISTORY,
				 0);
	}
	net_work_init(&k, &m->shape, TRAIN_LANES);
	for (int run = 0; run < b->runs; run++) {
		double began = now_s();

		forecast_net(f, w, ASKED, got);
		all = smaller(all, now_s() - began);
		began = now_s();
		for (size_t i = 0; i < n; i++) {
			features_load(item[i].features, &k, (int)(i % TRAIN_LANES));
			if (i % TRAIN_LANES == TRAIN_LANES - 1 || i + 1 == n)
				net_forward(kern_best(), &k, m->w);
		}
		net = smaller(net, (now_s() - began) / (double)n * ASKED);
		for (int batch = 256; batch <= 1024 && b->peer.version[0]; batch *= 4)
			if (bench_peer_ask(&b->peer, &s, &none, "infer %s %d %s",
					   b->peer.folder, batch,
					   bench_peer_shape(&m->shape, text)))
				torch = smaller(torch, s / (double)n * ASKED);
	}
	printf("%d forecasts in one batch, one core: %.3f s including features, %.3f s "
	       "for the net alone",
	       ASKED, all, net);
	if (isfinite(torch))
		printf("; PyTorch, the net alone, batches of 256 or 1024: %.3f s, %.1fx",
		       torch, torch / net);
	printf("\n");
	net_work_fini(&k);
	forecaster_free(f);
	free(w);
	free(got);
}

static void one_by_one(struct bench *b, struct model *m)
{
	struct forecaster *f = forecaster_new(m);
	double took[ONES];

	for (size_t i = 0; i < ONES; i++) {
		const struct bins *bins = &b->bins[i % b->n_bins];
		struct window w =
			window_of(bins, bins->first + (int64_t)bins->n, BINS_HISTORY, 0);
		struct forecast got;
		double began = now_s();

		forecast_make(f, &w, true, &got);
		took[i] = (now_s() - began) * 1e3;
	}
	vrs_sort_doubles(took, ONES);
	printf("one forecast on request, including its check against simple methods: "
	       "median %.2f ms, p99 %.2f ms\n",
	       took[ONES / 2], took[ONES * 99 / 100]);
	forecaster_free(f);
}

static void generate(struct bench *b)
{
	static float cpu[DAYS * 1440];

	b->n_bins = SERIES;
	b->bins = vrs_calloc(SERIES, sizeof(*b->bins));
	b->owned = true;
	for (size_t s = 0; s < SERIES; s++) {
		const struct workload w = {
			.kind = (int)(s % 3) + 1, .seed = s, .scale = 1};
		const int64_t first_ms = 1704067200000;

		workload_fill(&w, first_ms, DAYS * 1440, cpu);
		bins_init(&b->bins[s], bin_of(first_ms), (size_t)DAYS * BINS_DAY);
		for (int64_t i = 0; i < DAYS * 1440; i++)
			bins_add(&b->bins[s], first_ms + i * 60000, (double)cpu[i]);
		bins_mean(&b->bins[s]);
		bins_truth(&b->bins[s]);
	}
}

static void paper_table(struct bench *b)
{
	static const int hidden[HIDDENS] = {32, 64, 128};

	printf("the paper's net (Table 13), seconds an epoch (GFLOP/s in brackets)\n%8s",
	       "hidden");
	for (int i = 0; i < ISAS; i++)
		printf(" %16s", isas[i]);
	if (b->peer.version[0])
		printf(" %9s %7s %7s   losses differ by, after %d epochs", "PyTorch",
		       "avx2", "avx512", PAPER_EPOCHS);
	printf("\n");
	for (int i = 0; i < HIDDENS; i++)
		paper_line(b, hidden[i]);
}

static void default_net(struct bench *b)
{
	const struct net_shape shape = features_shape(train_defaults.hidden);
	struct train_item *item = vrs_calloc(b->windows, sizeof(*item));
	struct features *f = vrs_calloc(b->windows, sizeof(*f));
	struct model *m = model_new(&shape);
	struct rng rng = {1};
	size_t n = windows_of(b, b->windows, item, f);

	net_start(&shape, m->w, &rng);
	if (b->peer.version[0]) {
		bench_peer_put(&b->peer, "weights", m->w, m->n_weights);
		put_items(&b->peer, &shape, item, n);
	}
	training(b, &shape, item, n);
	answers(b, m, item, n);
	one_by_one(b, m);
	model_free(m);
	free(item);
	free(f);
}

int cmd_bench(struct vrs_ctl *ctl)
{
	const struct vrs_args *a = &ctl->args;
	struct bench b = {0};
	struct loaded l = {0};
	bool alone = vrs_args_has(a, "alone");

	b.runs = (int)vrs_args_number(a, "runs", 3);
	b.windows = (size_t)vrs_args_number(a, "windows", 8192);
	b.epochs = (int)vrs_args_number(a, "epochs", 2);
	if (vrs_args_has(a, "traces")) {
		load_series(a, "traces", 0, &l);
		b.n_bins = l.n;
		b.bins = vrs_calloc(l.n + 1, sizeof(*b.bins));
		for (size_t i = 0; i < l.n; i++)
			b.bins[i] = l.series[i].bins;
	} else {
		generate(&b);
	}
	if (!alone && !bench_peer_start(&b.peer))
		printf("PyTorch (python3-torch) is not installed: no comparison\n");
	else if (!alone)
		printf("PyTorch %s, one thread, the same run\n", b.peer.version);
	paper_table(&b);
	default_net(&b);
	bench_peer_end(&b.peer);
	for (size_t i = 0; b.owned && i < b.n_bins; i++)
		bins_fini(&b.bins[i]);
	free(b.bins);
	load_free(&l);
	return 0;
}
