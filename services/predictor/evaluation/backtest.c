/* backtest.c - see backtest.h. */
#include "evaluation/backtest.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "vrs/mem.h"

/* Sums of one entity and method. */
struct tally {
	size_t n;
	double error[2], peak_error[2], covered90[2], covered99[2], path90;
};

static void tally_add(struct tally *t, const struct forecast *f, const float *truth)
{
	double error = 0;
	float high = 0;

	t->n++;
	for (size_t h = 0; h < BINS_AHEAD; h++) {
		error += fabsf(truth[h] - f->path[0][h]);
		high = fmaxf(high, truth[h]);
		t->path90 += truth[h] <= f->path[1][h];
		if (h + 1 != BINS_AHEAD / 2 && h + 1 != BINS_AHEAD)
			continue;
		size_t p = h + 1 == BINS_AHEAD;
		t->error[p] += error / (double)(h + 1);
		t->peak_error[p] += fabsf(high - f->peak[p][0]);
		t->covered90[p] += high <= f->peak[p][1];
		t->covered99[p] += high <= f->peak[p][2];
	}
}

/* A value within the last two hours. */
static bool answerable(const struct window *w)
{
	return w->n > 0 && !isnan(window_last(w)) && window_silent(w) <= 2 * BINS_HOUR;
}

/* The future is known, and at least 85 % of the previous day, or of its known part. */
static bool scorable(const struct window *w, const struct bins *b)
{
	const float *truth = b->truth + (w->origin - b->first);
	size_t span = window_span(w), day = span < BINS_DAY ? span : BINS_DAY;

	for (size_t h = 0; h < BINS_AHEAD; h++)
		if (isnan(truth[h]))
			return false;
	return window_known(w, day) * 100 >= day * 85;
}

static void entity_scores(const struct tally t[BACKTEST_METHODS],
			  struct backtest_score sum[BACKTEST_METHODS])
{
	const struct tally *base = &t[METHOD_SEASONAL];

	for (int m = METHOD_LAST; m < BACKTEST_METHODS; m++) {
		if (t[m].n == 0)
			continue;
		for (int p = 0; p < 2; p++) {
			sum[m].mae[p] += t[m].error[p];
			sum[m].peak_mae[p] += t[m].peak_error[p];
			sum[m].cover90[p] += t[m].covered90[p];
			sum[m].cover99[p] += t[m].covered99[p];
			sum[m].rel[p] += log((t[m].error[p] / (double)t[m].n + 0.05) /
					     (base->error[p] / (double)base->n + 0.05));
		}
		sum[m].path_cover90 += t[m].path90 / BINS_AHEAD;
		sum[m].n += t[m].n;
	}
}

static void finish(struct backtest_score *s, size_t entities)
{
	double n = s->n ? (double)s->n : NAN;

	for (int p = 0; p < 2; p++) {
		s->mae[p] /= n;
		s->peak_mae[p] /= n;
		s->cover90[p] /= n;
		s->cover99[p] /= n;
		s->rel[p] = exp(s->rel[p] / (entities ? (double)entities : NAN));
	}
	s->path_cover90 /= n;
}

struct run {
	const struct backtest_conf *conf;
	struct forecaster *f;
	struct window *w; /* of one series; the arrays below run in parallel */
	float *shown;     /* copies of windows with hidden bins */
	struct forecast *got, *other;
	int64_t *origin;
	size_t n;
	struct backtest *ret;
};

/* The window that the methods see at an origin. */
static struct window shown(const struct run *r, const struct bins *b, int64_t origin)
{
	const struct backtest_conf *c = r->conf;
	size_t most = c->history_bins ? c->history_bins : BINS_HISTORY;
	struct window w = window_of(b, origin, most, c->utc_min);

	if (c->lost_bins > 0 && w.n > 0) {
		float *x = r->shown + r->n * BINS_HISTORY;

		memcpy(x, w.x, w.n * sizeof(*x));
		for (size_t i = 0; i < c->lost_bins && i < w.n; i++)
			x[w.n - 1 - i] = NAN;
		w.x = x;
	}
	return w;
}

static void answer(struct run *r, size_t series)
{
	if (r->conf->model && !r->conf->gate)
		forecast_net(r->f, r->w, r->n, r->got);
	for (size_t i = 0; r->conf->model && r->conf->gate && i < r->n; i++)
		forecast_make(r->f, &r->w[i], true, &r->got[i]);
	if (!r->conf->other)
		return;
	r->conf->other(r->conf->other_arg, series, r->origin, r->n, r->other);
	if (!r->conf->model)
		memcpy(r->got, r->other, r->n * sizeof(*r->got));
}

static void score(struct run *r, const struct bins *b, size_t i,
		  struct tally tally[BACKTEST_METHODS])
{
	const struct window *w = &r->w[i];
	const float *truth = b->truth + (w->origin - b->first);
	struct forecast simple;

	r->ret->origins++;
	r->ret->used[r->got[i].method]++;
	if (r->conf->model)
		tally_add(&tally[METHOD_LSTM], &r->got[i], truth);
	if (r->conf->other)
		tally_add(&tally[METHOD_PAPER], &r->other[i], truth);
	for (int s = METHOD_LAST; s < METHOD_LSTM; s++)
		if (forecast_simple((enum method)s, w, &simple))
			tally_add(&tally[s], &simple, truth);
}

/* All methods are scored at the same origins: those for which each has a forecast. */
static bool all_answered(const struct run *r, size_t i)
{
	return (!r->conf->model || r->got[i].method != METHOD_NONE) &&
	       (!r->conf->other || r->other[i].method != METHOD_NONE);
}

static void run_init(struct run *r, const struct backtest_conf *conf,
		     struct backtest *ret)
{
	size_t most = (size_t)((conf->to_ms - conf->from_ms) / conf->step_ms + 1);

	*ret = (struct backtest){0};
	*r = (struct run){.conf = conf, .f = forecaster_new(conf->model), .ret = ret};
	r->w = vrs_calloc(most, sizeof(*r->w));
	r->got = vrs_calloc(most, sizeof(*r->got));
	r->other = vrs_calloc(most, sizeof(*r->other));
	r->origin = vrs_calloc(most, sizeof(*r->origin));
	r->shown = vrs_calloc(conf->lost_bins ? most * BINS_HISTORY : 1, sizeof(float));
}

static void run_fini(struct run *r)
{
	free(r->w);
	free(r->got);
	free(r->other);
	free(r->origin);
	free(r->shown);
	forecaster_free(r->f);
}

/* Forecasts and scores of series number k. True if an origin was scored. */
static bool run_series(struct run *r, size_t k, struct train_series *series)
{
	const struct backtest_conf *c = r->conf;
	struct tally tally[BACKTEST_METHODS] = {0};
	size_t before = r->ret->origins;

	bins_reach(&series->bins, bin_of(c->to_ms) + BINS_AHEAD);
	r->n = 0;
	for (int64_t o = c->from_ms; o <= c->to_ms; o += c->step_ms) {
		r->origin[r->n] = bin_of(o);
		r->w[r->n] = shown(r, &series->bins, bin_of(o));
		if (answerable(&r->w[r->n]))
			r->n++;
		else
			r->ret->skipped++;
	}
	answer(r, k);
	for (size_t i = 0; i < r->n; i++) {
		if (c->each && r->got[i].method != METHOD_NONE)
			c->each(c->each_arg, series->name, r->origin[i] * BIN_MS,
				&r->got[i]);
		if (all_answered(r, i) && scorable(&r->w[i], &series->bins))
			score(r, &series->bins, i, tally);
		else
			r->ret->skipped++;
	}
	entity_scores(tally, r->ret->score);
	return r->ret->origins > before;
}

void backtest_run(const struct backtest_conf *conf, struct train_series *series, size_t n,
		  struct backtest *ret)
{
	struct run r;
	size_t entities = 0;

	run_init(&r, conf, ret);
	for (size_t k = 0; k < n; k++) {
		if (conf->progress)
			conf->progress((double)k / (double)n, series[k].name);
		entities += run_series(&r, k, &series[k]);
	}
	if (conf->progress)
		conf->progress(1, "");
	for (int s = 0; s < BACKTEST_METHODS; s++)
		finish(&ret->score[s], entities);
	run_fini(&r);
}
