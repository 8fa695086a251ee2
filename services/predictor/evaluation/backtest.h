/* backtest.h - what would have been forecast at past origins, and how wrong it was.
 *
 * A forecast made at an origin uses nothing at or after it. Scores are those of
 * docs/FORECASTING.md: mean absolute error, error relative to "same time yesterday" (rel,
 * geometric mean over entities), error and coverage of the peak. */
#ifndef PREDICTOR_EVALUATION_BACKTEST_H
#define PREDICTOR_EVALUATION_BACKTEST_H

#include "net/forecast.h"
#include "training/train.h"

enum { BACKTEST_METHODS = METHOD_PAPER + 1 };

/* Forecasts of one series at n origins (bins) by a method that is not of the ladder. */
typedef void (*backtest_other_fn)(void *arg, size_t series, const int64_t *origin,
				  size_t n, struct forecast *ret);

struct backtest_conf {
	int64_t from_ms, to_ms, step_ms;
	int32_t utc_min;
	bool gate;           /* the ladder as the service climbs it; else the net alone */
	size_t history_bins; /* so much is shown before an origin; 0: all */
	size_t lost_bins;    /* right before an origin, hidden */
	void (*progress)(double share, const char *entity); /* NULL: none */
	backtest_other_fn other; /* the paper's nets; NULL: none */
	void *other_arg;
};

struct backtest_score {
	size_t n;                           /* forecasts */
	double mae[2], rel[2], peak_mae[2]; /* 120, 240 min */
	double cover90[2], cover99[2];      /* of the peak */
	double path_cover90;
};

struct backtest {
	struct backtest_score score[BACKTEST_METHODS]; /* by the asked method */
	size_t used[BACKTEST_METHODS];                 /* rungs that answered */
	size_t origins,
		skipped; /* skipped: truth or too much of the day before missing */
};

/* Called for each forecast of the model (without one: of `other`), scored or not: at the
 * newest origins the truth is not known yet. */
typedef void (*backtest_forecast_fn)(void *arg, const char *entity, int64_t origin_ms,
				     const struct forecast *f);

/* Series are made longer with gaps where they end before the last forecast does. */
void backtest_run(const struct model *m, struct train_series *series, size_t n,
		  const struct backtest_conf *conf, backtest_forecast_fn fn, void *arg,
		  struct backtest *ret);

#endif
