/* feature.h - the net's inputs: features of a series at an origin.
 *
 * A window is the history before an origin: x[n - 1] is the bin just before it. Nothing
 * at or after the origin is read. Values are in units of the series: z = (x - centre) /
 * spread, with the mean of the last day as centre and the deviation of the last two days
 * as spread. If the same time of earlier days is missing, the simple forecast `slevel`
 * (mean of those days, shifted by today's error, which fades with a half-life of 2 h)
 * replaces it and a flag is set. Pure. */
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
	PEAK_OF = 6, /* decoder features that are aggregated for the peak head */
	PEAK_IN = PEAK_OF * 2 * NET_PEAKS,
};

struct window {
	const float *x;
	size_t n;        /* at most BINS_HISTORY are used */
	int64_t origin;  /* number of the first bin of the future */
	int32_t utc_min; /* local clock ahead of UTC: days are local days */
};

/* The part of a series before origin, at most the newest max_n bins. Bins that end before
 * the origin give an empty window: extend them with gaps first. */
struct window window_of(const struct bins *b, int64_t origin, size_t max_n,
			int32_t utc_min);

/* The newest max_n bins of a window. */
struct window window_newest(const struct window *w, size_t max_n);
/* The window as it was `back` <= n bins ago. */
struct window window_earlier(const struct window *w, size_t back);

struct features {
	float centre, spread;
	float slevel[BINS_AHEAD];
	float peak_base[NET_PEAKS]; /* highest slevel in the first half, and overall */
	float enc[ENC_STEPS][ENC_IN];
	float facts[FACTS];
	float dec[BINS_AHEAD][DEC_IN];
	float peak[PEAK_IN];
};

/* False: the window has no value. */
bool features_make(const struct window *w, struct features *ret);

/* Shape of a net with these features as inputs. */
struct net_shape features_shape(int hidden);

/* Into one lane of a batch; the truth is the future bins, all known. */
void features_load(const struct features *f, struct net_work *k, int lane);
void features_load_truth(const struct features *f, const float future[BINS_AHEAD],
			 struct net_work *k, int lane);

/* Shared by the simple methods. */
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
