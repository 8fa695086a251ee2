/* feature.h - what the net is told about a series at an origin.
 *
 * A window is the history before an origin: x[n - 1] is the bin just before it. Nothing
 * at or after the origin is ever read. Everything is put in units of the series itself:
 * z = (x - centre) / spread, centre the mean of the last day, spread the deviation of the
 * last two. Where the same time of earlier days is missing, the simple guess `slevel`
 * (mean of those days, shifted by today's error, which fades with a half-life of 2 h)
 * stands in, and a flag says so. Pure. */
#ifndef PREDICTOR_NET_FEATURE_H
#define PREDICTOR_NET_FEATURE_H

#include <stdbool.h>

#include "net/net.h"
#include "net/resample.h"

enum {
	ENC_STEPS = 36, /* of 10 min */
	ENC_IN = 6,
	FACTS = 45,
	DEC_IN = 16,
	PEAK_OF = 6, /* decoder features that are summed up for the peak head */
	PEAK_IN = PEAK_OF * 2 * NET_PEAKS,
};

struct window {
	const float *x;
	size_t n;        /* at most BINS_HISTORY are looked at */
	int64_t origin;  /* number of the first bin of the future */
	int32_t utc_min; /* local clock ahead of UTC: days are people's days */
};

/* The part of a series before origin, cut to the newest max_n bins. The bins must reach
 * up to the origin (as gaps where nothing is known), or the window is empty. */
struct window window_of(const struct bins *b, int64_t origin, size_t max_n,
			int32_t utc_min);

struct features {
	float centre, spread;
	float slevel[BINS_AHEAD];
	float peak_base[NET_PEAKS]; /* highest slevel in the first half, in all */
	float enc[ENC_STEPS][ENC_IN];
	float facts[FACTS];
	float dec[BINS_AHEAD][DEC_IN];
	float peak[PEAK_IN];
};

/* False: the window holds no value at all. */
bool features_make(const struct window *w, struct features *ret);

/* Shape of a net that fits these features. */
struct net_shape features_shape(int hidden);

/* Into lane `lane` of a batch, and its truth (bins of the future, all known). */
void features_load(const struct features *f, struct net_work *k, int lane);
void features_load_truth(const struct features *f, const float future[BINS_AHEAD],
			 struct net_work *k, int lane);

/* Pieces that the simple methods share. */
float window_last(const struct window *w); /* newest value; NAN: none */
float window_mean(const struct window *w, size_t newest);
float window_at(const struct window *w, int64_t i); /* NAN outside */
void window_slevel(const struct window *w, float ret[BINS_AHEAD]);
size_t window_known(const struct window *w, size_t newest); /* bins with a value */
/* Bins from the oldest value to the origin. */
size_t window_span(const struct window *w);
/* Bins since the newest value; 0 when the last bin has one. */
size_t window_silent(const struct window *w);

#endif
