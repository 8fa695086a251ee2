/* backtest.c - see backtest.h. */
#include "backtest.h"

#include <math.h>

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

/* A known future, and enough of the day before. */
static bool usable(const struct window *w, const struct bins *b)
{
	size_t at = (size_t)(w->origin - b->first);

	if (w->n == 0 || at + BINS_AHEAD > b->n || isnan(window_last(w)))
		return false;
	for (size_t h = 0; h < BINS_AHEAD; h++)
		if (isnan(b->u[at + h]))
			return false;
	return window_known(w, BINS_DAY) * 100 >= BINS_DAY * 85;
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

void backtest_run(const struct model *m, const struct train_series *series, size_t n,
		  const struct backtest_conf *conf, backtest_forecast_fn fn, void *arg,
		  struct backtest *ret)
{
	struct forecaster *f = forecaster_new(m);
	size_t most = (size_t)((conf->to_ms - conf->from_ms) / conf->step_ms + 1);
	struct window *w = vrs_calloc(most, sizeof(*w));
	struct forecast *got = vrs_calloc(most, sizeof(*got));
	size_t entities = 0;

	*ret = (struct backtest){0};
	for (size_t k = 0; k < n; k++) {
		const struct bins *b = &series[k].bins;
		struct tally tally[BACKTEST_METHODS] = {0};
		size_t n_windows = 0;

		for (int64_t o = conf->from_ms; o <= conf->to_ms; o += conf->step_ms) {
			w[n_windows] =
				window_of(b, bin_of(o), BINS_HISTORY, conf->utc_min);
			if (usable(&w[n_windows], b))
				n_windows++;
			else
				ret->skipped++;
		}
		if (!conf->gate && m)
			forecast_net(f, w, n_windows, got);
		else
			for (size_t i = 0; i < n_windows; i++)
				forecast_make(f, &w[i], true, &got[i]);
		for (size_t i = 0; i < n_windows; i++) {
			const float *truth = b->u + (w[i].origin - b->first);
			struct forecast simple;

			tally_add(&tally[METHOD_LSTM], &got[i], truth);
			ret->used[got[i].method]++;
			for (int s = METHOD_LAST; s < METHOD_LSTM; s++)
				if (simple_forecast((enum method)s, &w[i], &simple))
					tally_add(&tally[s], &simple, truth);
			if (fn)
				fn(arg, series[k].name, w[i].origin * BIN_MS, &got[i]);
		}
		ret->origins += n_windows;
		entities += n_windows > 0;
		if (n_windows > 0)
			entity_scores(tally, ret->score);
	}
	for (int s = 0; s < BACKTEST_METHODS; s++)
		finish(&ret->score[s], entities);
	free(w);
	free(got);
	forecaster_free(f);
}
