/* resample.h - a series as 5-minute means (bins), the grid of all forecasts.
 *
 * Values are points of capacity, 0..100; a bin without a sample is a gap (NAN), never 0.
 * A bin's number is its Unix time / 5 min. Pure. */
#ifndef PREDICTOR_NET_RESAMPLE_H
#define PREDICTOR_NET_RESAMPLE_H

#include <stddef.h>
#include <stdint.h>

enum {
	BIN_MS = 300000,
	BINS_HOUR = 12,
	BINS_DAY = 288,
	BINS_HISTORY = 8 * BINS_DAY, /* used by a forecast */
	BINS_AHEAD = 48,             /* 240 min */
	BINS_FILL = 3,               /* longest gap that is filled with the last value */
};

struct bins {
	int64_t first; /* number of u[0] */
	size_t n;
	float *u;
	/* u with short gaps filled, for training and scores; NULL before bins_truth.
	 * Forecasts use u only: within a gap its length is not known yet. */
	float *truth;
	uint16_t *count; /* samples in each bin; NULL after bins_mean */
};

int64_t bin_of(int64_t at_ms);

/* n bins from `first` on, all empty. */
void bins_init(struct bins *b, int64_t first, size_t n);
void bins_fini(struct bins *b);
/* Samples outside the bins and NAN are ignored. */
void bins_add(struct bins *b, int64_t at_ms, double points);
/* Turns sums into means; no bins_add after it. */
void bins_mean(struct bins *b);
/* Appends gaps up to the bin before `end`. After bins_mean. */
void bins_reach(struct bins *b, int64_t end);
/* Makes truth: gaps of at most BINS_FILL repeat the value before them. */
void bins_truth(struct bins *b);

#endif
