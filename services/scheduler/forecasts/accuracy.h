/* accuracy.h - how accurate the cluster forecasts were that decisions relied on.
 *
 * Each forecast of a cluster's peak over the next two hours is kept until these are over;
 * then the highest observed 5-minute mean is compared with its P50 and P90. A forecast
 * counts only if nearly all of its two hours were observed. Kept in memory: a restart
 * starts empty. Pure. */
#ifndef SCHEDULER_FORECASTS_ACCURACY_H
#define SCHEDULER_FORECASTS_ACCURACY_H

#include <stddef.h>
#include <stdint.h>

struct forecast_accuracy;

struct forecast_accuracy *forecast_accuracy_new(void);
void forecast_accuracy_free(struct forecast_accuracy *a);

/* A cluster's newest forecast, as ratios 0..1; repeating it has no effect. */
void forecast_accuracy_add_forecast(struct forecast_accuracy *a, const char *cluster,
				    int64_t origin_ms, double p50, double p90);
/* Its newest reading; repeating it has no effect. */
void forecast_accuracy_add_reading(struct forecast_accuracy *a, const char *cluster,
				   int64_t at_ms, double ratio);

struct forecast_score {
	unsigned n;            /* forecasts of the last day that were scored */
	double error_ratio;    /* mean distance of the peak from its P50 */
	double coverage_ratio; /* share of peaks at or below their P90 */
};
void forecast_accuracy_score(const struct forecast_accuracy *a, const char *cluster,
			     struct forecast_score *ret);

#endif
