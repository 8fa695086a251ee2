/* drift.h - do the forecasts of a series still fit it?
 *
 * Looks at what would have been forecast at hourly origins of the last two days, whose
 * truth is known by now: how often the peak of 240 minutes lay at or below its P90, and
 * by how much farther from the P50 the higher quantiles would have had to be. And whether
 * the series has left its level for good. Pure. */
#ifndef PREDICTOR_SERVICE_DRIFT_H
#define PREDICTOR_SERVICE_DRIFT_H

#include "net/forecast.h"

enum { DRIFT_ORIGINS = 44, DRIFT_LEAST = 24 };

enum drift_state {
	DRIFT_UNKNOWN, /* less than DRIFT_LEAST origins, or no model */
	DRIFT_FITS,
	DRIFT_TOO_NARROW, /* P90 held less than 75 % */
	DRIFT_TOO_WIDE,   /* more than 99 %, and by far */
};

struct drift {
	enum drift_state state;
	size_t origins;
	double covered; /* share of peaks at or below their P90 */
	float widen;    /* 1..3: what the quantiles are to be stretched by */
	/* For more than an hour farther than three deviations from the two days before;
	 * by so many points (below: negative). 0: no. */
	float jump;
};

void drift_check(struct forecaster *f, const struct window *w, struct drift *ret);

/* Stretches the higher quantiles away from the P50. */
void drift_widen(struct forecast *f, float by);

#endif
