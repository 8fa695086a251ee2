/* backtest.h - forecasts at past origins, and their errors.
 *
 * A forecast uses only values before its origin. Scores as in docs/FORECASTING.md: mean
 * absolute error, error relative to "same time yesterday" (rel, geometric mean over
 * entities), error and coverage of the peak. */
#ifndef PREDICTOR_EVALUATION_BACKTEST_H
#define PREDICTOR_EVALUATION_BACKTEST_H

#include "net/forecast.h"
#include "training/train.h"

enum { BACKTEST_METHODS = METHOD_PAPER + 1 };

/* Forecasts of one series at n origins (bins) by another method than the ladder's. */
typedef void (*backtest_other_fn)(void *arg, size_t series, const int64_t *origin,
				  size_t n, struct forecast *ret);

/* Called for each forecast of the model (without a model: of `other`), scored or not: the
 * truth of the newest origins is not known yet. */
typedef void (*backtest_forecast_fn)(void *arg, const char *entity, int64_t origin_ms,
				     const struct forecast *f);

struct backtest_conf {
	const struct model *model; /* NULL: none */
	int64_t from_ms, to_ms, step_ms;
	int32_t utc_min;
	bool gate; /* the whole ladder, as in the service; false: the net alone */
	size_t history_bins; /* history used before an origin; 0: all */
	size_t lost_bins;    /* hidden, right before an origin */
	void (*progress)(double share, const char *entity); /* NULL: none */
	backtest_other_fn other; /* the paper's nets; NULL: none */
	void *other_arg;
	backtest_forecast_fn each; /* NULL: none */
	void *each_arg;
};

struct backtest_score {
	size_t n;                           /* forecasts */
	double mae[2], rel[2], peak_mae[2]; /* 120, 240 min */
	double cover90[2], cover99[2];      /* of the peak */
	double path_cover90;
};

struct backtest {
	struct backtest_score score[BACKTEST_METHODS]; /* by method */
	size_t used[BACKTEST_METHODS]; /* forecasts by the method that the ladder chose */
	/* skipped: the truth, or too much of the previous day, is missing */
	size_t origins, skipped;
};

/* Series that end before the last forecast are extended with gaps. */
void backtest_run(const struct backtest_conf *conf, struct train_series *series, size_t n,
		  struct backtest *ret);

#endif
