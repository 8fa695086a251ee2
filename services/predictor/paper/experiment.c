/* experiment.c - see experiment.h. */
#include "paper/experiment.h"

#include <math.h>

#include "vrs/mem.h"

enum { DAY_MS = 86400000, AHEAD_MS = BINS_AHEAD * BIN_MS, EVERY_MS = 1800000 };

size_t paper_run_split(const struct grid *g)
{
	return g->n * 643 / 720;
}

struct watch {
	struct paper_run *r;
	int (*progress)(void *arg, double share);
	void *arg;
};

static int on_epoch(void *arg, int epoch, double train, double valid)
{
	struct watch *w = arg;

	w->r->train[epoch - 1] = train;
	w->r->valid[epoch - 1] = valid;
	w->r->epochs = epoch;
	return w->progress ? w->progress(w->arg, (double)epoch / w->r->conf.epochs) : 0;
}

/* Origins of the test part with a whole window before and a known future and yesterday.
 */
static size_t far_origins(const struct grid *g, size_t split, size_t window, size_t *ret)
{
	size_t ahead = (size_t)(AHEAD_MS / g->step_ms),
	       day = (size_t)(DAY_MS / g->step_ms);
	size_t every = (size_t)(EVERY_MS / g->step_ms), n = 0;

	for (size_t o = split; o + ahead <= g->n; o += every) {
		bool whole = o >= day && o >= window;

		for (size_t i = 0; whole && i < window; i++)
			whole = !isnan(g->x[o - 1 - i]);
		for (size_t i = 0; whole && i < ahead; i++)
			whole = !isnan(g->x[o + i]) && !isnan(g->x[o + i - day]);
		if (whole)
			ret[n++] = o;
	}
	return n;
}

static void far_errors(struct paper_run *r, const struct paper_model *m,
		       const struct grid *g, size_t split)
{
	size_t window = (size_t)m->conf.window, day = (size_t)(DAY_MS / g->step_ms);
	size_t ahead = (size_t)(AHEAD_MS / g->step_ms);
	size_t *origin = vrs_calloc(g->n + 1, sizeof(*origin));
	size_t n = far_origins(g, split, window, origin);
	float *before = vrs_calloc(n * window + 1, sizeof(*before));
	float *path = vrs_calloc(n * ahead + 1, sizeof(*path));
	double sum[3] = {0};

	for (size_t k = 0; k < n; k++)
		memcpy(before + k * window, g->x + origin[k] - window,
		       window * sizeof(*before));
	paper_forecast(m, before, n, path, ahead);
	for (size_t k = 0; k < n; k++)
		for (size_t i = 0; i < ahead; i++) {
			const float *x = g->x + origin[k];

			sum[0] += fabsf(path[k * ahead + i] - x[i]);
			sum[1] += fabsf(x[-1] - x[i]);
			sum[2] += fabsf(*(x + i - day) - x[i]);
		}
	for (int i = 0; i < 3; i++)
		r->far[i] = n ? sum[i] / (double)(n * ahead) : NAN;
	free(origin);
	free(before);
	free(path);
}

static double yesterday_error(const struct paper_model *m, const struct grid *g,
			      size_t split)
{
	size_t day = (size_t)(DAY_MS / g->step_ms), known = 0;
	double sum = 0;

	for (size_t i = split > day ? split : day; i < g->n; i++) {
		double d = (double)(g->x[i] - g->x[i - day]) / m->scaler.scale;

		if (!isnan(d)) {
			sum += d * d;
			known++;
		}
	}
	return known ? sum / (double)known : NAN;
}

/* The step after each whole window of the test part. */
static void predict(struct paper_run *r, const struct paper_model *m,
		    const struct grid *g, size_t split)
{
	size_t window = (size_t)m->conf.window, rows = 0;

	r->n = g->n - split;
	r->truth = vrs_calloc(r->n + 1, sizeof(*r->truth));
	r->predicted = vrs_calloc(r->n + 1, sizeof(*r->predicted));
	float *before = vrs_calloc(r->n * window + 1, sizeof(*before));
	float *got = vrs_calloc(r->n + 1, sizeof(*got));
	size_t *place = vrs_calloc(r->n + 1, sizeof(*place));
	for (size_t i = 0; i < r->n; i++) {
		bool whole = split + i >= window;

		r->truth[i] = g->x[split + i];
		r->predicted[i] = NAN;
		for (size_t t = 0; whole && t < window; t++)
			whole = !isnan(g->x[split + i - window + t]);
		if (!whole)
			continue;
		memcpy(before + rows * window, g->x + split + i - window,
		       window * sizeof(*before));
		place[rows++] = i;
	}
	paper_forecast(m, before, rows, got, 1);
	for (size_t k = 0; k < rows; k++)
		r->predicted[place[k]] = got[k];
	free(before);
	free(got);
	free(place);
}

int paper_run(struct paper_run *ret, const struct grid *g, size_t split,
	      const struct paper_conf *conf, int (*progress)(void *arg, double share),
	      void *arg, struct vrs_err *err)
{
	size_t window = (size_t)conf->window, from = split > window ? split - window : 0;
	struct paper_run r = {.conf = *conf, .last = NAN};
	struct watch watch = {&r, progress, arg};
	struct paper_model *m = NULL;

	r.train = vrs_calloc((size_t)conf->epochs + 1, sizeof(*r.train));
	r.valid = vrs_calloc((size_t)conf->epochs + 1, sizeof(*r.valid));
	int status = paper_train(&m, g->x, split, conf, on_epoch, &watch, err);
	if (status < 0) {
		paper_run_free(&r);
		return status;
	}
	r.scale = m->scaler.scale;
	r.test = paper_test(m, g->x + from, g->n - from, &r.last);
	r.yesterday = yesterday_error(m, g, split);
	far_errors(&r, m, g, split);
	predict(&r, m, g, split);
	paper_model_free(m);
	*ret = r;
	return 0;
}

void paper_run_free(struct paper_run *r)
{
	free(r->train);
	free(r->valid);
	free(r->truth);
	free(r->predicted);
	*r = (struct paper_run){0};
}
