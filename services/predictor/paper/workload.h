/* workload.h - CPU load as the paper describes it, minute by minute, from a seed.
 *
 * Workload-1, mail: steady and low, at most 20 %. Workload-2, groupware: rises half
 * an hour before work begins until an hour after, again around lunch and around
 * leaving, on working days. Workload-3, interfacing: a medium level all the time,
 * with pulses. Pure. */
#ifndef PREDICTOR_PAPER_WORKLOAD_H
#define PREDICTOR_PAPER_WORKLOAD_H

#include <stddef.h>
#include <stdint.h>

struct workload {
	int kind;          /* 1, 2, 3 */
	uint64_t seed;     /* draws this host's own level, height and jitter */
	int32_t shift_min; /* the whole day moved: a later office, another time zone */
	double scale;      /* of the height; 1 as described */
	int every_day;     /* groupware at weekends, too */
};

/* cpu[i] in points for the minute at_ms + i * 60 s. */
void workload_fill(const struct workload *w, int64_t at_ms, size_t n, float *cpu);

#endif
