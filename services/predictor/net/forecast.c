/* forecast.c - see forecast.h. */
#include "net/forecast.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include "vrs/mem.h"
#include "vrs/stats.h"

enum {
	FEW = NN_LANES,
	MANY = 2 * NN_LANES,
	LOOK_BACK = 20,         /* past origins of the gate, an hour apart */
	GROWN = 30 * BINS_HOUR, /* history from which the confidence is not low */
	LATE = 2,
	SILENT = 2 * BINS_HOUR, /* bins without a value */
};

struct forecaster {
	const struct model *m;
	const struct kern *kern;
	struct net_work few, many; /* working memory for up to FEW and MANY windows */
	struct features features[MANY];
};

const char *forecast_method_name(enum method m)
{
	static const char *const names[] = {"none",   "last", "seasonal",
					    "slevel", "lstm", "paper"};

	return names[m];
}

struct forecaster *forecaster_new(const struct model *m)
{
	struct forecaster *f = vrs_calloc(1, sizeof(*f));

	f->m = m;
	f->kern = kern_best();
	if (m) {
		net_work_init(&f->few, &m->shape, FEW);
		net_work_init(&f->many, &m->shape, MANY);
	}
	return f;
}

void forecaster_free(struct forecaster *f)
{
	if (!f)
		return;
	net_work_fini(&f->few);
	net_work_fini(&f->many);
	free(f);
}

bool forecaster_has_model(const struct forecaster *f)
{
	return f->m != NULL;
}

static float bound(float x)
{
	return fminf(100, fmaxf(0, x));
}

static void order(float *low, float *mid, float *high)
{
	float a = fminf(*low, *mid), b = fmaxf(*low, *mid);

	*low = fminf(a, *high);
	*mid = fminf(fmaxf(a, *high), b);
	*high = fmaxf(b, *high);
}

/* Puts quantiles in order; the peak of the longer horizon is not below the shorter one.
 */
static void tidy(struct forecast *f)
{
	for (size_t h = 0; h < BINS_AHEAD; h++) {
		order(&f->path[0][h], &f->path[1][h], &f->path[2][h]);
		for (size_t q = 0; q < NET_QUANTILES; q++)
			f->path[q][h] = bound(f->path[q][h]);
	}
	for (size_t p = 0; p < NET_PEAKS; p++) {
		order(&f->peak[p][0], &f->peak[p][1], &f->peak[p][2]);
		for (size_t q = 0; q < NET_QUANTILES; q++)
			f->peak[p][q] = bound(f->peak[p][q]);
	}
	for (size_t q = 0; q < NET_QUANTILES; q++)
		f->peak[1][q] = fmaxf(f->peak[1][q], f->peak[0][q]);
}

struct quantiles {
	float at[NET_QUANTILES];
};

/* The net's output q[0], q[step], q[2 * step], put in order and stretched, in points. */
static struct quantiles quantiles_of(const real *q, size_t step,
				     const float stretch[NET_QUANTILES], float base,
				     float spread)
{
	float z[NET_QUANTILES] = {q[0], q[step], q[2 * step]};

	order(&z[0], &z[1], &z[2]);
	float p50 = base + spread * z[0];
	return (struct quantiles){{p50, p50 + spread * stretch[1] * (z[1] - z[0]),
				   p50 + spread * stretch[2] * (z[2] - z[0])}};
}

static void take(const struct forecaster *f, const struct net_work *k, int lane,
		 const struct features *x, struct forecast *ret)
{
	size_t n = (size_t)k->lanes, wide = n * BINS_AHEAD, at = (size_t)lane;
	const struct model *m = f->m;
	struct quantiles z;

	ret->method = METHOD_LSTM;
	for (size_t h = 0; h < BINS_AHEAD; h++) {
		z = quantiles_of(k->q + h * n + at, wide, m->path_stretch, x->slevel[h],
				 x->spread);
		for (size_t q = 0; q < NET_QUANTILES; q++)
			ret->path[q][h] = z.at[q];
	}
	for (size_t p = 0; p < NET_PEAKS; p++) {
		z = quantiles_of(k->peak_q + p * NET_QUANTILES * n + at, n,
				 m->peak_stretch[p], x->peak_base[p], x->spread);
		memcpy(ret->peak[p], z.at, sizeof(z.at));
	}
	tidy(ret);
}

void forecast_net(struct forecaster *f, const struct window *w, size_t n,
		  struct forecast *ret)
{
	while (n > 0) {
		size_t some = n < MANY ? n : MANY;
		struct net_work *k = some <= FEW ? &f->few : &f->many;

		for (size_t i = 0; i < some; i++) {
			ret[i] = (struct forecast){.last = window_last(&w[i])};
			ret[i].history_min = (uint32_t)window_span(&w[i]) * 5;
			if (features_make(&w[i], &f->features[i])) {
				ret[i].method = METHOD_LSTM;
				features_load(&f->features[i], k, (int)i);
			}
		}
		net_forward(f->kern, k, f->m->w);
		for (size_t i = 0; i < some; i++)
			if (ret[i].method == METHOD_LSTM)
				take(f, k, (int)i, &f->features[i], &ret[i]);
		n -= some;
		w += some;
		ret += some;
	}
}

bool forecast_simple_path(enum method m, const struct window *w, float ret[BINS_AHEAD])
{
	float last = window_last(w), hour = window_mean(w, BINS_HOUR);

	if (isnan(last))
		return false;
	if (m == METHOD_SLEVEL) {
		window_slevel(w, ret);
		return true;
	}
	for (int h = 0; h < BINS_AHEAD; h++) {
		float x = m == METHOD_LAST ? last
					   : window_at(w, (int64_t)w->n + h - BINS_DAY);

		ret[h] = isnan(x) ? hour : x;
	}
	return true;
}

static float quantile(float *x, size_t n, double tau)
{
	vrs_sort_floats(x, n);
	return vrs_quantile_upper(x, n, tau);
}

static float highest(const float *u, size_t n)
{
	float high = NAN;

	for (size_t h = 0; h < n; h++)
		high = fmaxf(high, u[h]);
	return high;
}

enum { MATURED = 48, LEADS = 4, LEAD = BINS_AHEAD / LEADS };

/* Errors of a method at origins of the last two days, an hour apart. */
struct errors {
	float path[LEADS][MATURED * LEAD]; /* by quarter of the horizon */
	float peak[NET_PEAKS][MATURED];
	size_t n_path[LEADS], n_peak;
};

static void past_errors(enum method m, const struct window *w, struct errors *ret)
{
	*ret = (struct errors){0};
	for (size_t k = 0; k < MATURED; k++) {
		size_t back = BINS_AHEAD + k * BINS_HOUR;
		float path[BINS_AHEAD] = {0};

		if (w->n < back + BINS_HOUR)
			break;
		struct window then = window_earlier(w, back);
		const float *truth = w->x + then.n;

		if (window_known(w, back) < window_known(w, back - BINS_AHEAD) + 40 ||
		    !forecast_simple_path(m, &then, path))
			continue;
		for (size_t h = 0; h < BINS_AHEAD; h++)
			if (!isnan(truth[h]))
				ret->path[h / LEAD][ret->n_path[h / LEAD]++] =
					truth[h] - path[h];
		for (size_t p = 0; p < NET_PEAKS; p++) {
			size_t ahead = p ? BINS_AHEAD : BINS_AHEAD / 2;

			ret->peak[p][ret->n_peak] =
				highest(truth, ahead) - highest(path, ahead);
		}
		ret->n_peak++;
	}
}

bool forecast_simple(enum method m, const struct window *w, struct forecast *ret)
{
	static const float normal[NET_QUANTILES] = {0, 1.28F, 2.33F};
	float path[BINS_AHEAD] = {0};

	if (!forecast_simple_path(m, w, path))
		return false;
	struct errors *past = vrs_calloc(1, sizeof(*past));
	float doubt = 5; /* points, if the errors of the method are unknown */

	past_errors(m, w, past);
	ret->method = m;
	ret->last = window_last(w);
	ret->history_min = (uint32_t)window_span(w) * 5;
	for (size_t q = 0; q < NET_QUANTILES; q++) {
		bool seen = past->n_peak >= 6;

		for (size_t h = 0; h < BINS_AHEAD; h++) {
			float add = normal[q] * doubt * sqrtf((float)(h + 1) / BINS_HOUR);

			if (seen)
				add = q ? fmaxf(0, quantile(past->path[h / LEAD],
							    past->n_path[h / LEAD],
							    (double)net_tau[q]))
					: 0;
			ret->path[q][h] = path[h] + add;
		}
		for (size_t p = 0; p < NET_PEAKS; p++)
			ret->peak[p][q] = highest(path, p ? BINS_AHEAD : BINS_AHEAD / 2) +
					  (seen ? quantile(past->peak[p], past->n_peak,
							   (double)net_tau[q])
						: (normal[q] + 0.5F) * 2 * doubt);
	}
	tidy(ret);
	free(past);
	return true;
}

static double path_error(const float *path, const float *truth)
{
	double sum = 0;
	int known = 0;

	for (size_t h = 0; h < BINS_AHEAD; h++)
		if (!isnan(truth[h])) {
			sum += fabsf(truth[h] - path[h]);
			known++;
		}
	return known ? sum / known : 0;
}

/* Past windows of the last day, whose future is known now, with some history. */
static size_t matured(const struct window *w, struct window *ret)
{
	size_t n = 0;

	for (size_t k = 0; k < LOOK_BACK; k++) {
		size_t back = BINS_AHEAD + k * BINS_HOUR;

		if (w->n < back + (size_t)2 * BINS_HOUR)
			break;
		ret[n] = window_earlier(w, back);
		if (!isnan(window_last(&ret[n])))
			n++;
	}
	return n;
}

/* Mean errors of a method over the past windows: of the path and of the peak. */
struct off {
	double path, peak;
};

static void off_add(struct off *o, const float *path, float peak, const float *truth,
		    size_t n)
{
	o->path += path_error(path, truth) / (double)n;
	o->peak += fabs((double)peak - (double)highest(truth, BINS_AHEAD)) / (double)n;
}

/* The simple method with the smallest path error over the past windows. */
static enum method best_simple(const struct window *w, const struct window *then,
			       size_t n, struct off *ret)
{
	static const enum method methods[] = {METHOD_SLEVEL, METHOD_SEASONAL,
					      METHOD_LAST};
	enum method best = METHOD_LAST;

	*ret = (struct off){INFINITY, INFINITY};
	for (size_t k = 0; n > 0 && k < sizeof(methods) / sizeof(*methods); k++) {
		struct off o = {0};

		for (size_t i = 0; i < n; i++) {
			float path[BINS_AHEAD] = {0};

			forecast_simple_path(methods[k], &then[i], path);
			off_add(&o, path, highest(path, BINS_AHEAD), w->x + then[i].n, n);
		}
		if (o.path < ret->path) {
			*ret = o;
			best = methods[k];
		}
	}
	return best;
}

__attribute__((format(printf, 2, 3))) static void lower(struct forecast *f,
							const char *fmt, ...)
{
	va_list ap;

	f->confidence = CONFIDENCE_LOW;
	va_start(ap, fmt);
	(void)vsnprintf(f->reason, sizeof(f->reason), fmt, ap);
	va_end(ap);
}

/* Runs the net for the current and the past windows in one pass. A simple method that was
 * clearly better over the last day replaces the net: for the path, the peak, or both. */
static void by_net(struct forecaster *f, const struct window *w, bool gate,
		   struct forecast *ret)
{
	struct window all[1 + LOOK_BACK] = {*w};
	struct forecast got[1 + LOOK_BACK] = {0}, other;
	size_t n = gate ? matured(w, all + 1) : 0;
	struct off net = {0}, simple;

	forecast_net(f, all, 1 + n, got);
	*ret = got[0];
	ret->confidence = CONFIDENCE_OK;
	if (n < LOOK_BACK / 2)
		return;
	for (size_t i = 1; i <= n; i++)
		off_add(&net, got[i].path[0], got[i].peak[1][0], w->x + all[i].n, n);
	enum method best = best_simple(w, all + 1, n, &simple);
	bool path = net.path > 1.4 * simple.path + 1;
	bool peak = net.peak > 1.8 * simple.peak + 2;
	if ((!path && !peak) || !forecast_simple(best, w, &other))
		return;
	if (path)
		memcpy(ret->path, other.path, sizeof(ret->path));
	if (peak)
		memcpy(ret->peak, other.peak, sizeof(ret->peak));
	if (path && peak)
		ret->method = best;
	(void)snprintf(ret->reason, sizeof(ret->reason),
		       "%s by %s: mean error over the last day %.1f points, net %.1f",
		       path && peak ? "path and peak"
		       : path       ? "path"
				    : "peak",
		       forecast_method_name(best), path ? simple.path : simple.peak,
		       path ? net.path : net.peak);
}

void forecast_make(struct forecaster *f, const struct window *window, bool gate,
		   struct forecast *ret)
{
	struct window w = window_newest(window, BINS_HISTORY);
	size_t span = window_span(&w), silent = window_silent(&w);
	size_t day = span < BINS_DAY ? span : BINS_DAY, known = window_known(&w, day);

	*ret = (struct forecast){.last = window_last(&w),
				 .history_min = (uint32_t)span * 5};
	if (isnan(ret->last) || silent > SILENT) {
		ret->confidence = CONFIDENCE_NONE;
		if (isnan(ret->last))
			(void)snprintf(ret->reason, sizeof(ret->reason), "no sample yet");
		else
			(void)snprintf(ret->reason, sizeof(ret->reason),
				       "no sample for %zu min", silent * 5);
		return;
	}
	if (f->m) {
		by_net(f, &w, gate && span >= GROWN, ret);
		if (span < GROWN)
			lower(ret, "only %.1f h of history", (double)span / BINS_HOUR);
	} else {
		struct window then[LOOK_BACK];
		struct off off;

		forecast_simple(best_simple(&w, then, matured(&w, then), &off), &w, ret);
		lower(ret, "no model yet, %.1f h of history", (double)span / BINS_HOUR);
	}
	if (silent > LATE)
		lower(ret, "no sample for %zu min", silent * 5);
	else if (day > 0 && known * 100 < day * 85)
		lower(ret, "%.0f %% of the last day is missing",
		      100.0 - 100.0 * (double)known / (double)day);
}
