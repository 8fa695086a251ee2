/* accuracy.h - how good the forecasts were that decisions rested on.
 *
 * Each forecast of a cluster's peak over the next two hours is kept until they are over;
 * then the highest 5-minute mean that came is held against its P50 and its P90. Only
 * forecasts whose two hours were seen nearly whole count. In memory: a restart begins
 * anew. Pure. */
#ifndef SCHEDULER_FORECASTS_ACCURACY_H
#define SCHEDULER_FORECASTS_ACCURACY_H

#include <stddef.h>
#include <stdint.h>

struct scorer;

struct scorer *scorer_new(void);
void scorer_free(struct scorer *s);

/* A cluster's newest forecast (saying the same one again is fine), as ratios 0..1. */
void scorer_forecast(struct scorer *s, const char *cluster, int64_t origin_ms, double p50,
		     double p90);
/* Its newest reading; the same one again is fine. */
void scorer_reading(struct scorer *s, const char *cluster, int64_t at_ms, double ratio);

struct score {
	unsigned n; /* forecasts behind it, of the last day; 0: nothing is known */
	double error_ratio;    /* mean distance of the peak from its P50 */
	double coverage_ratio; /* share of peaks at or below their P90 */
};
void scorer_score(const struct scorer *s, const char *cluster, struct score *ret);

#endif
