/* drift.h - whether the model still fits a series.
 *
 * Repeats the forecasts at hourly origins of the last two days, whose truth is known by
 * now: how often the 240 min peak was at or below its P90, and by which factor the higher
 * quantiles must be moved away from the P50. Also detects a jump of the level. Pure. */
#ifndef PREDICTOR_SERVICE_DRIFT_H
#define PREDICTOR_SERVICE_DRIFT_H

#include "net/forecast.h"

enum { DRIFT_ORIGINS = 44, DRIFT_LEAST = 24 };

enum drift_state {
	DRIFT_UNKNOWN, /* less than DRIFT_LEAST origins, or no model */
	DRIFT_FITS,
	DRIFT_TOO_NARROW, /* fewer than 75 % of the peaks at or below P90 */
	DRIFT_TOO_WIDE,   /* more than 99 %, all far below P90 */
};

struct drift {
	enum drift_state state;
	size_t origins;
	double covered; /* share of peaks at or below their P90 */
	float widen;    /* 1..3: factor by which the quantiles are widened */
	/* Distance in points (below: negative) if the series was for more than an hour
	 * farther than three deviations from its previous two days; else 0. */
	float jump;
};

void drift_check(struct forecaster *f, const struct window *w, struct drift *ret);

/* Multiplies the distance of the higher quantiles from the P50. */
void drift_widen(struct forecast *f, float by);

#endif
