/* experiment.c - see experiment.h. */
#include "paper/experiment.h"

#include <math.h>

#include "vrs/mem.h"

enum { DAY_MS = 86400000, AHEAD_MS = BINS_AHEAD * BIN_MS, EVERY_MS = 1800000 };

size_t paper_run_split(const struct grid *g)
{
	return g->n * 643 / 720;
}

/* Origins in the test part: the window before, the 240 minutes after and those a day
 * earlier have no gap. */
static size_t far_origins(const struct grid *g, size_t split, size_t window, size_t *ret)
{
	size_t ahead = (size_t)(AHEAD_MS / g->step_ms),
	       day = (size_t)(DAY_MS / g->step_ms);
	size_t every = (size_t)(EVERY_MS / g->step_ms), n = 0;

	for (size_t o = split; o + ahead <= g->n; o += every)
		if (o >= day && grid_whole(g, o + ahead, window + ahead) &&
		    grid_whole(g, o + ahead - day, ahead))
			ret[n++] = o;
	return n;
}

static void far_errors(struct paper_run *r, const struct grid *g, size_t split)
{
	size_t window = (size_t)r->model->conf.window;
	size_t day = (size_t)(DAY_MS / g->step_ms);
	size_t ahead = (size_t)(AHEAD_MS / g->step_ms);
	size_t *origin = vrs_calloc(g->n + 1, sizeof(*origin));
	size_t n = far_origins(g, split, window, origin);
	const float **before = vrs_calloc(n + 1, sizeof(*before));
	float *path = vrs_calloc(n * ahead + 1, sizeof(*path));
	double sum[3] = {0};

	for (size_t k = 0; k < n; k++)
		before[k] = g->x + origin[k] - window;
	paper_forecast(r->model, before, n, path, ahead);
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

static double yesterday_error(const struct paper_run *r, const struct grid *g,
			      size_t split)
{
	size_t day = (size_t)(DAY_MS / g->step_ms), known = 0;
	double sum = 0;

	for (size_t i = split > day ? split : day; i < g->n; i++) {
		double d = (double)(g->x[i] - g->x[i - day]) / r->scale;

		if (!isnan(d)) {
			sum += d * d;
			known++;
		}
	}
	return known ? sum / (double)known : NAN;
}

/* The step after each window without a gap in the test part. */
static void predict(struct paper_run *r, const struct grid *g, size_t split)
{
	size_t window = (size_t)r->model->conf.window, rows = 0;

	r->n = g->n - split;
	r->truth = vrs_calloc(r->n + 1, sizeof(*r->truth));
	r->predicted = vrs_calloc(r->n + 1, sizeof(*r->predicted));
	const float **before = vrs_calloc(r->n + 1, sizeof(*before));
	float *got = vrs_calloc(r->n + 1, sizeof(*got));
	size_t *place = vrs_calloc(r->n + 1, sizeof(*place));
	for (size_t i = 0; i < r->n; i++) {
		r->truth[i] = g->x[split + i];
		r->predicted[i] = NAN;
		if (!grid_whole(g, split + i, window))
			continue;
		before[rows] = g->x + split + i - window;
		place[rows++] = i;
	}
	paper_forecast(r->model, before, rows, got, 1);
	for (size_t k = 0; k < rows; k++)
		r->predicted[place[k]] = got[k];
	free(before);
	free(got);
	free(place);
}

int paper_run(struct paper_run *ret, const struct grid *g, size_t split,
	      const struct paper_conf *conf, struct vrs_err *err)
{
	size_t window = (size_t)conf->window, from = split > window ? split - window : 0;
	struct paper_run r = {.last = NAN};
	int status = paper_train(&r.model, g->x, split, conf, err);

	if (status < 0)
		return status;
	r.scale = r.model->scaler.scale;
	r.test = paper_test(r.model, g->x + from, g->n - from, &r.last);
	r.yesterday = yesterday_error(&r, g, split);
	far_errors(&r, g, split);
	predict(&r, g, split);
	*ret = r;
	return 0;
}

void paper_run_free(struct paper_run *r)
{
	paper_model_free(r->model);
	free(r->truth);
	free(r->predicted);
	*r = (struct paper_run){0};
}
