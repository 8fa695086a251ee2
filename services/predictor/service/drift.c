/* drift.c - see drift.h. */
#include "service/drift.h"

#include <math.h>
#include <stdlib.h>

#include "vrs/mem.h"
#include "vrs/stats.h"

static const double low = 0.75, high = 0.99;
static const float most = 3;

static float peak_of(const float *u)
{
	float top = NAN;

	for (size_t h = 0; h < BINS_AHEAD; h++) {
		if (isnan(u[h]))
			return NAN;
		top = fmaxf(top, u[h]);
	}
	return top;
}

/* Past windows whose future has no gap. */
static size_t matured(const struct window *w, struct window *ret, float *ret_peak)
{
	size_t n = 0;

	for (size_t k = 0; k < DRIFT_ORIGINS; k++) {
		size_t back = BINS_AHEAD + k * BINS_HOUR;

		if (w->n < back + BINS_DAY)
			break;
		ret[n] = window_earlier(w, back);
		ret_peak[n] = peak_of(w->x + ret[n].n);
		if (!isnan(ret_peak[n]) && !isnan(window_last(&ret[n])))
			n++;
	}
	return n;
}

/* The last hour compared with the two days before it. */
static float jump_of(const struct window *w)
{
	if (w->n < (size_t)2 * BINS_DAY + BINS_HOUR)
		return 0;
	double sum = 0, square = 0;
	size_t end = w->n - BINS_HOUR - 1, known = 0;

	for (size_t i = end - 2 * (size_t)BINS_DAY + 1; i <= end; i++)
		if (!isnan(w->x[i])) {
			sum += (double)w->x[i];
			square += (double)w->x[i] * (double)w->x[i];
			known++;
		}
	if (known < BINS_DAY)
		return 0;
	double mean = sum / (double)known;
	double dev = fmax(1, sqrt(fmax(0, square / (double)known - mean * mean)));
	float least = INFINITY, sign = 0;
	for (size_t i = w->n - BINS_HOUR - 1; i < w->n; i++) {
		float d = w->x[i] - (float)mean;

		if (isnan(d) || fabsf(d) <= 3 * (float)dev || (sign != 0 && d * sign < 0))
			return 0;
		sign = d;
		least = fminf(least, fabsf(d));
	}
	return sign < 0 ? -least : least;
}

void drift_check(struct forecaster *f, const struct window *w, struct drift *ret)
{
	struct window then[DRIFT_ORIGINS];
	float peak[DRIFT_ORIGINS], needed[DRIFT_ORIGINS];
	struct forecast *got = vrs_calloc(DRIFT_ORIGINS, sizeof(*got));
	size_t n = forecaster_has_model(f) ? matured(w, then, peak) : 0, covered = 0;

	*ret = (struct drift){.origins = n, .covered = NAN, .widen = 1};
	ret->jump = jump_of(w);
	if (n < DRIFT_LEAST)
		goto out;
	forecast_net(f, then, n, got);
	for (size_t i = 0; i < n; i++) {
		const float *q = got[i].peak[1];

		covered += peak[i] <= q[1];
		needed[i] = (peak[i] - q[0]) / fmaxf(0.5F, q[1] - q[0]);
	}
	ret->covered = (double)covered / (double)n;
	vrs_sort_floats(needed, n);
	ret->state = DRIFT_FITS;
	if (ret->covered < low) {
		ret->state = DRIFT_TOO_NARROW;
		ret->widen = fminf(most, fmaxf(1, vrs_quantile_upper(needed, n, 0.9)));
	} else if (ret->covered > high && needed[n - 1] < 0.5F) {
		ret->state = DRIFT_TOO_WIDE;
	}
out:
	free(got);
}

void drift_widen(struct forecast *f, float by)
{
	if (!(by > 1) || f->method == METHOD_NONE)
		return;
	for (size_t q = 1; q < NET_QUANTILES; q++) {
		for (size_t h = 0; h < BINS_AHEAD; h++)
			f->path[q][h] = fminf(100, f->path[0][h] + by * (f->path[q][h] -
									 f->path[0][h]));
		for (size_t p = 0; p < NET_PEAKS; p++)
			f->peak[p][q] = fminf(100, f->peak[p][0] + by * (f->peak[p][q] -
									 f->peak[p][0]));
	}
}
