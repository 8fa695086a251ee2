/* feature.c - see feature.h. */
#include "feature.h"

#include <assert.h>
#include <math.h>

enum { HALF = BINS_AHEAD / 2, HALF_LIFE = 24 };

struct window window_of(const struct bins *b, int64_t origin, size_t max_n,
			int32_t utc_min)
{
	int64_t n = origin - b->first;

	if (n < 0 || (uint64_t)n > b->n)
		n = 0; /* positions are times: bins that end before tell nothing */
	size_t cut = (size_t)n > max_n ? (size_t)n - max_n : 0;
	return (struct window){b->u + cut, (size_t)n - cut, origin, utc_min};
}

float window_at(const struct window *w, int64_t i)
{
	return i >= 0 && (uint64_t)i < w->n ? w->x[i] : NAN;
}

size_t window_silent(const struct window *w)
{
	size_t i = w->n;

	while (i > 0 && isnan(w->x[i - 1]))
		i--;
	return w->n - i;
}

float window_last(const struct window *w)
{
	return window_at(w, (int64_t)(w->n - window_silent(w)) - 1);
}

size_t window_span(const struct window *w)
{
	size_t i = 0;

	while (i < w->n && isnan(w->x[i]))
		i++;
	return w->n - i;
}

size_t window_known(const struct window *w, size_t newest)
{
	size_t known = 0;

	for (size_t i = w->n > newest ? w->n - newest : 0; i < w->n; i++)
		known += !isnan(w->x[i]);
	return known;
}

/* Mean, highest and lowest of the newest bins; the last known value
 * where all are gaps. */
struct level {
	float mean, high, low, dev;
};

static struct level level_of(const struct window *w, size_t newest)
{
	double sum = 0, square = 0, last = window_last(w);
	struct level l = {NAN, NAN, NAN, 0};
	size_t known = 0;

	for (size_t i = w->n > newest ? w->n - newest : 0; i < w->n; i++) {
		if (isnan(w->x[i]))
			continue;
		sum += w->x[i];
		square += (double)w->x[i] * w->x[i];
		l.high = fmaxf(l.high, w->x[i]);
		l.low = fminf(l.low, w->x[i]);
		known++;
	}
	if (known == 0)
		return (struct level){(float)last, (float)last, (float)last, 0};
	l.mean = (float)(sum / (double)known);
	l.dev = (float)sqrt(
		fmax(0, square / (double)known -
				(sum / (double)known) * (sum / (double)known)));
	return l;
}

float window_mean(const struct window *w, size_t newest)
{
	return level_of(w, newest).mean;
}

float window_season(const struct window *w, int64_t i)
{
	float sum = 0;
	int known = 0;

	for (int day = 1; day <= 4; day++)
		for (int off = -2; off <= 2; off++) {
			float x = window_at(w, i - (int64_t)day * BINS_DAY + off);

			if (!isnan(x)) {
				sum += x;
				known++;
			}
		}
	return known ? sum / (float)known : NAN;
}

/* How far the last hour lies above what earlier days had then; 0
 * when they are unknown. */
static float level_error(const struct window *w)
{
	float sum = 0;
	int known = 0;

	for (int64_t i = (int64_t)w->n - BINS_HOUR; i < (int64_t)w->n; i++) {
		float d = window_at(w, i) - window_season(w, i);

		if (!isnan(d)) {
			sum += d;
			known++;
		}
	}
	return known ? sum / (float)known : 0;
}

static float bound(float x)
{
	return fminf(100, fmaxf(0, x));
}

void window_slevel(const struct window *w, float ret[BINS_AHEAD])
{
	float error = level_error(w), hour = window_mean(w, BINS_HOUR);

	for (int h = 0; h < BINS_AHEAD; h++) {
		float season = window_season(w, (int64_t)w->n + h);

		ret[h] = isnan(season) ? hour
				       : bound(season + error * exp2f(-(float)(h + 1) /
								      HALF_LIFE));
	}
}

/* Highest of the coming `ahead` bins, `day` days earlier; NAN with less than half. */
static float peak_before(const struct window *w, int day, int ahead)
{
	float high = NAN;
	int known = 0;

	for (int h = 0; h < ahead; h++) {
		float x = window_at(w, (int64_t)w->n + h - (int64_t)day * BINS_DAY);

		if (!isnan(x)) {
			high = fmaxf(high, x);
			known++;
		}
	}
	return known * 2 >= ahead ? high : NAN;
}

/* z of x in units of the series; `instead` where x is missing. */
static float scaled(const struct features *f, float x, float instead)
{
	if (isnan(x))
		x = instead;
	return fminf(10, fmaxf(-6, (x - f->centre) / f->spread));
}

static void clock_of(const struct window *w, int64_t bin, float *ret_sin, float *ret_cos,
		     int *ret_weekday)
{
	int64_t local = bin * 5 + w->utc_min, day = local / 1440;
	float angle = (float)(local - day * 1440) * (float)(2 * M_PI / 1440);

	*ret_sin = sinf(angle);
	*ret_cos = cosf(angle);
	*ret_weekday = (int)((day + 3) % 7); /* 1970-01-01 was a Thursday; Monday is 0 */
}

static void make_encoder(const struct window *w, struct features *f)
{
	float held = f->centre; /* gaps repeat the value before, and are flagged */

	for (int t = 0; t < ENC_STEPS; t++) {
		int64_t i = (int64_t)w->n - 2 * (ENC_STEPS - t);
		float a = window_at(w, i), b = window_at(w, i + 1);
		float x = isnan(a) ? b : isnan(b) ? a : (a + b) / 2;
		float *e = f->enc[t];
		int weekday;

		if (!isnan(x))
			held = x;
		e[0] = scaled(f, held, 0);
		e[1] = scaled(f, window_at(w, i - BINS_DAY), held);
		e[2] = scaled(f, window_season(w, i), held);
		clock_of(w, w->origin - 2 * (ENC_STEPS - t), &e[3], &e[4], &weekday);
		e[5] = isnan(x);
	}
}

static void make_decoder(const struct window *w, struct features *f)
{
	for (int h = 0; h < BINS_AHEAD; h++) {
		int64_t i = (int64_t)w->n + h, day = i - BINS_DAY;
		float *d = f->dec[h], guess = f->slevel[h], high = NAN;
		float season = window_season(w, i), yesterday = window_at(w, day);
		float week = window_at(w, i - (int64_t)7 * BINS_DAY);
		int weekday;

		for (int off = -3; off <= 3; off++)
			high = fmaxf(high, window_at(w, day + off));
		d[0] = scaled(f, yesterday, guess);
		d[1] = scaled(f, season, guess);
		d[2] = scaled(f, guess, 0);
		d[3] = scaled(f, week, isnan(season) ? guess : season);
		d[4] = scaled(f, high, guess);
		d[5] = scaled(f, window_at(w, day - BINS_DAY),
			      isnan(season) ? guess : season);
		d[6] = scaled(f, window_at(w, day - 3), guess);
		d[7] = scaled(f, window_at(w, day + 3), guess);
		clock_of(w, w->origin + h, &d[8], &d[9], &weekday);
		d[10] = (float)(h + 1) / BINS_AHEAD;
		d[11] = sqrtf(d[10]);
		d[12] = isnan(yesterday);
		d[13] = isnan(week);
		d[14] = isnan(season);
		d[15] = weekday >= 5;
	}
}

static void make_peak(struct features *f)
{
	float *p = f->peak;

	for (int half = 0; half < NET_PEAKS; half++) {
		int n = half ? BINS_AHEAD : HALF;

		f->peak_base[half] = 0;
		for (int h = 0; h < n; h++)
			f->peak_base[half] = fmaxf(f->peak_base[half], f->slevel[h]);
		for (int k = 0; k < PEAK_OF; k++) {
			float sum = 0, high = -INFINITY;

			for (int h = 0; h < n; h++) {
				sum += f->dec[h][k];
				high = fmaxf(high, f->dec[h][k]);
			}
			*p++ = high;
			*p++ = sum / (float)n;
		}
	}
}

/* Mean distance between a bin and the one `lag` before it, over the newest bins. */
static float restless(const struct window *w, int lag, size_t newest)
{
	float sum = 0;
	int known = 0;

	for (size_t i = w->n > newest ? w->n - newest : 0; i < w->n; i++) {
		float d = fabsf(w->x[i] - window_at(w, (int64_t)i - lag));

		if (!isnan(d)) {
			sum += d;
			known++;
		}
	}
	return known ? sum / (float)known : 0;
}

static void make_facts(const struct window *w, struct features *f)
{
	static const int days[] = {1, 2, 3, 4, 7};
	const struct level hour = level_of(w, BINS_HOUR);
	const struct level six = level_of(w, (size_t)6 * BINS_HOUR);
	const struct level day = level_of(w, BINS_DAY), two = level_of(w, 2 * BINS_DAY);
	size_t span = window_span(w);
	float *p = f->facts;
	int weekday;

	clock_of(w, w->origin, p, p + 1, &weekday);
	p += 2;
	for (int i = 0; i < 7; i++)
		*p++ = i == weekday;
	*p++ = f->centre / 50 - 1;
	*p++ = f->spread / 10 - 1;
	*p++ = logf(f->spread) - 2;
	for (size_t i = 0; i < sizeof(days) / sizeof(*days); i++) {
		float near = peak_before(w, days[i], HALF);
		float far = peak_before(w, days[i], BINS_AHEAD);

		*p++ = scaled(f, near, f->peak_base[0]);
		*p++ = scaled(f, far, f->peak_base[1]);
		*p++ = isnan(far);
	}
	*p++ = scaled(f, window_last(w), 0);
	*p++ = scaled(f, window_mean(w, 3), 0);
	*p++ = scaled(f, window_mean(w, 6), 0);
	*p++ = scaled(f, hour.mean, 0);
	*p++ = scaled(f, window_mean(w, 3 * BINS_HOUR), 0);
	*p++ = scaled(f, six.mean, 0);
	*p++ = scaled(f, hour.high, 0);
	*p++ = scaled(f, hour.low, 0);
	*p++ = scaled(f, six.high, 0);
	*p++ = scaled(f, day.high, 0);
	*p++ = scaled(f, two.high, 0);
	*p++ = fminf(6, fmaxf(-6, level_error(w) / f->spread));
	*p++ = fminf(6, restless(w, BINS_DAY, BINS_DAY) / f->spread);
	*p++ = fminf(6, restless(w, 1, (size_t)6 * BINS_HOUR) / f->spread);
	*p++ = fminf(6, restless(w, 1, BINS_DAY) / f->spread);
	*p++ = log2f((float)span / BINS_HOUR + 1) / 4 - 1;
	*p++ = 1 - (float)window_known(w, BINS_HOUR) / BINS_HOUR;
	*p++ = span >= BINS_DAY;
	assert(p == f->facts + FACTS);
}

bool features_make(const struct window *window, struct features *ret)
{
	struct window w = *window;

	if (w.n > BINS_HISTORY) {
		w.x += w.n - BINS_HISTORY;
		w.n = BINS_HISTORY;
	}
	if (isnan(window_last(&w)))
		return false;
	ret->centre = window_mean(&w, BINS_DAY);
	ret->spread = fmaxf(1, level_of(&w, 2 * BINS_DAY).dev);
	window_slevel(&w, ret->slevel);
	make_encoder(&w, ret);
	make_decoder(&w, ret);
	make_peak(ret);
	make_facts(&w, ret);
	return true;
}

struct net_shape features_shape(int hidden)
{
	return (struct net_shape){.steps = ENC_STEPS,
				  .enc_in = ENC_IN,
				  .hidden = (uint32_t)hidden,
				  .facts = FACTS,
				  .context = 48,
				  .dec_in = DEC_IN,
				  .dec_a = 64,
				  .dec_b = 32,
				  .horizon = BINS_AHEAD,
				  .peak_in = PEAK_IN,
				  .peak_a = 64};
}

void features_load(const struct features *f, struct net_work *k, int lane)
{
	size_t n = (size_t)k->lanes, wide = n * BINS_AHEAD, at = (size_t)lane;
	real *facts = net_facts(k), *peak = net_peak_features(k);

	for (int t = 0; t < ENC_STEPS; t++)
		for (int i = 0; i < ENC_IN; i++)
			lstm_input(&k->enc, t, i)[lane] = f->enc[t][i];
	for (size_t i = 0; i < FACTS; i++)
		facts[i * n + at] = f->facts[i];
	for (size_t h = 0; h < BINS_AHEAD; h++)
		for (size_t i = 0; i < DEC_IN; i++)
			k->dec_in[i * wide + h * n + at] = f->dec[h][i];
	for (size_t i = 0; i < PEAK_IN; i++)
		peak[i * n + at] = f->peak[i];
}

void features_load_truth(const struct features *f, const float future[BINS_AHEAD],
			 struct net_work *k, int lane)
{
	size_t n = (size_t)k->lanes, at = (size_t)lane;
	float high = 0;

	for (size_t h = 0; h < BINS_AHEAD; h++) {
		k->y[h * n + at] = (future[h] - f->slevel[h]) / f->spread;
		high = fmaxf(high, future[h]);
		if (h + 1 == HALF)
			k->peak_y[at] = (high - f->peak_base[0]) / f->spread;
	}
	k->peak_y[n + at] = (high - f->peak_base[1]) / f->spread;
}
