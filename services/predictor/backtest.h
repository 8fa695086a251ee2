/* backtest.h - what would have been forecast at past origins, and how wrong it was.
 *
 * A forecast made at an origin uses nothing at or after it. Scores are those of
 * docs/FORECASTING.md: mean absolute error, error relative to "same time yesterday" (rel,
 * geometric mean over entities), error and coverage of the peak. */
#ifndef PREDICTOR_BACKTEST_H
#define PREDICTOR_BACKTEST_H

#include "forecast.h"
#include "train.h"

enum { BACKTEST_METHODS = METHOD_LSTM + 1 };

struct backtest_conf {
	int64_t from_ms, to_ms, step_ms;
	int32_t utc_min;
	bool gate; /* the ladder as the service climbs it; otherwise the net alone */
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
	size_t origins, skipped;
};

/* Called for each forecast of the model. */
typedef void (*backtest_forecast_fn)(void *arg, const char *entity, int64_t origin_ms,
				     const struct forecast *f);

void backtest_run(const struct model *m, const struct train_series *series, size_t n,
		  const struct backtest_conf *conf, backtest_forecast_fn fn, void *arg,
		  struct backtest *ret);

#endif
