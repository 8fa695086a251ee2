/* feature.c - see feature.h. */
#include "net/feature.h"

#include <assert.h>
#include <math.h>

enum { HALF = BINS_AHEAD / 2 };

/* The mean of earlier days is used from the first bin of the encoder to the end. */
enum { BACK = 2 * ENC_STEPS, SEASONS = BACK + BINS_AHEAD, SEASON_DAYS = 4, AROUND = 2 };

/* As fmaxf and fminf (NAN is ignored), but without a call. */
static inline float larger(float a, float b)
{
	return a > b || isnan(b) ? a : b;
}

static inline float smaller(float a, float b)
{
	return a < b || isnan(b) ? a : b;
}

static inline float at(const struct window *w, int64_t i)
{
	return i >= 0 && (uint64_t)i < w->n ? w->x[i] : NAN;
}

struct window window_of(const struct bins *b, int64_t origin, size_t max_n,
			int32_t utc_min)
{
	int64_t n = origin - b->first;

	if (n < 0 || (uint64_t)n > b->n)
		n = 0; /* a position is a time: bins that end earlier cannot be used */
	size_t cut = (size_t)n > max_n ? (size_t)n - max_n : 0;
	return (struct window){b->u + cut, (size_t)n - cut, origin, utc_min};
}

struct window window_newest(const struct window *w, size_t max_n)
{
	size_t cut = w->n > max_n ? w->n - max_n : 0;

	return (struct window){w->x + cut, w->n - cut, w->origin, w->utc_min};
}

struct window window_earlier(const struct window *w, size_t back)
{
	return (struct window){w->x, w->n - back, w->origin - (int64_t)back, w->utc_min};
}

float window_at(const struct window *w, int64_t i)
{
	return at(w, i);
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

/* Mean, highest and lowest of the newest bins; the last known value if all are gaps. */
struct level {
	float mean, high, low, dev;
};

/* Levels of several spans of newest bins, in ascending order, in one pass. */
static void levels_of(const struct window *w, const size_t *newest, size_t n_spans,
		      struct level *ret)
{
	double sum = 0, square = 0;
	float last = window_last(w), high = NAN, low = NAN;
	size_t known = 0, back = 0;

	for (size_t k = 0; k < n_spans; k++) {
		size_t end = newest[k] < w->n ? newest[k] : w->n;

		for (; back < end; back++) {
			float x = w->x[w->n - 1 - back];

			if (isnan(x))
				continue;
			sum += (double)x;
			square += (double)x * (double)x;
			high = larger(high, x);
			low = smaller(low, x);
			known++;
		}
		if (known == 0) {
			ret[k] = (struct level){last, last, last, 0};
			continue;
		}
		double mean = sum / (double)known;
		double var = square / (double)known - mean * mean;
		ret[k] = (struct level){(float)mean, high, low,
					var > 0 ? (float)sqrt(var) : 0};
	}
}

static struct level level_of(const struct window *w, size_t newest)
{
	struct level l;

	levels_of(w, &newest, 1, &l);
	return l;
}

float window_mean(const struct window *w, size_t newest)
{
	return level_of(w, newest).mean;
}

/* The mean of days 1 to 4 at the same time of day, +-10 min, for the n bins from `from`
 * on; NAN where no value is known. n <= SEASONS. */
static void seasons(const struct window *w, int64_t from, size_t n, float *ret)
{
	float sum[SEASONS + 2 * AROUND] = {0}, known[SEASONS + 2 * AROUND] = {0};
	int64_t wide = (int64_t)n + 2 * AROUND;

	for (int64_t day = 1; day <= SEASON_DAYS; day++) {
		int64_t first = from - AROUND - day * BINS_DAY;
		int64_t k = first < 0 ? -first : 0;
		int64_t end = (int64_t)w->n - first < wide ? (int64_t)w->n - first : wide;

		for (; k < end; k++) {
			float x = w->x[first + k];
			bool gap = isnan(x);

			sum[k] += gap ? 0 : x;
			known[k] += gap ? 0 : 1;
		}
	}
	for (size_t i = 0; i < n; i++) {
		float all = 0, count = 0;

		for (size_t k = i; k <= i + (size_t)2 * AROUND; k++) {
			all += sum[k];
			count += known[k];
		}
		ret[i] = count > 0 ? all / count : NAN;
	}
}

/* Mean distance of the last hour from the same time on earlier days; 0 if unknown.
 * season[i] belongs to bin n - BINS_HOUR + i. */
static float level_error(const struct window *w, const float *season)
{
	float sum = 0;
	int known = 0;

	for (int64_t i = 0; i < BINS_HOUR; i++) {
		float d = at(w, (int64_t)w->n - BINS_HOUR + i) - season[i];

		if (!isnan(d)) {
			sum += d;
			known++;
		}
	}
	return known ? sum / (float)known : 0;
}

static float bound(float x)
{
	return smaller(100, larger(0, x));
}

/* season[h] belongs to bin n + h. */
static void slevel(const float *season, float error, float hour, float ret[BINS_AHEAD])
{
	static const float fade = 0.97153194F; /* 2^(-1 / HALF_LIFE) */
	float left = error;

	for (int h = 0; h < BINS_AHEAD; h++) {
		left *= fade;
		ret[h] = isnan(season[h]) ? hour : bound(season[h] + left);
	}
}

void window_slevel(const struct window *w, float ret[BINS_AHEAD])
{
	float season[BINS_HOUR + BINS_AHEAD];

	seasons(w, (int64_t)w->n - BINS_HOUR, BINS_HOUR + BINS_AHEAD, season);
	slevel(season + BINS_HOUR, level_error(w, season), window_mean(w, BINS_HOUR),
	       ret);
}

/* Highest of the next `ahead` bins, `day` days earlier; NAN if more than half are
 * missing. */
static float peak_before(const struct window *w, int day, int ahead)
{
	float high = NAN;
	int known = 0;

	for (int h = 0; h < ahead; h++) {
		float x = at(w, (int64_t)w->n + h - (int64_t)day * BINS_DAY);

		if (!isnan(x)) {
			high = larger(high, x);
			known++;
		}
	}
	return known * 2 >= ahead ? high : NAN;
}

/* x in units of the series; `instead` if x is missing. */
static float scaled(const struct features *f, float x, float instead)
{
	if (isnan(x))
		x = instead;
	return smaller(10, larger(-6, (x - f->centre) / f->spread));
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

static void make_encoder(const struct window *w, const float *season, struct features *f)
{
	float held = f->centre; /* a gap repeats the previous value and is flagged */

	for (int t = 0; t < ENC_STEPS; t++) {
		int64_t i = (int64_t)w->n - 2 * (ENC_STEPS - t);
		float a = at(w, i), b = at(w, i + 1);
		float x = isnan(a) ? b : isnan(b) ? a : (a + b) / 2;
		float *e = f->enc[t];
		int weekday;

		if (!isnan(x))
			held = x;
		e[0] = scaled(f, held, 0);
		e[1] = scaled(f, at(w, i - BINS_DAY), held);
		e[2] = scaled(f, season[2 * t], held);
		clock_of(w, w->origin - 2 * (ENC_STEPS - t), &e[3], &e[4], &weekday);
		e[5] = isnan(x);
	}
}

static void make_decoder(const struct window *w, const float *seasons, struct features *f)
{
	for (int h = 0; h < BINS_AHEAD; h++) {
		int64_t i = (int64_t)w->n + h, day = i - BINS_DAY;
		float *d = f->dec[h], guess = f->slevel[h], high = NAN;
		float season = seasons[h], yesterday = at(w, day);
		float week = at(w, i - (int64_t)7 * BINS_DAY);
		int weekday;

		for (int off = -3; off <= 3; off++)
			high = larger(high, at(w, day + off));
		d[0] = scaled(f, yesterday, guess);
		d[1] = scaled(f, season, guess);
		d[2] = scaled(f, guess, 0);
		d[3] = scaled(f, week, isnan(season) ? guess : season);
		d[4] = scaled(f, high, guess);
		d[5] = scaled(f, at(w, day - BINS_DAY), isnan(season) ? guess : season);
		d[6] = scaled(f, at(w, day - 3), guess);
		d[7] = scaled(f, at(w, day + 3), guess);
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
			f->peak_base[half] = larger(f->peak_base[half], f->slevel[h]);
		for (int k = 0; k < PEAK_OF; k++) {
			float sum = 0, high = -INFINITY;

			for (int h = 0; h < n; h++) {
				sum += f->dec[h][k];
				high = larger(high, f->dec[h][k]);
			}
			*p++ = high;
			*p++ = sum / (float)n;
		}
	}
}

/* Mean distance between bins `lag` apart, over the newest bins. */
static float restless(const struct window *w, int lag, size_t newest)
{
	float sum = 0;
	int known = 0;

	for (size_t i = w->n > newest ? w->n - newest : 0; i < w->n; i++) {
		float d = fabsf(w->x[i] - at(w, (int64_t)i - lag));

		if (!isnan(d)) {
			sum += d;
			known++;
		}
	}
	return known ? sum / (float)known : 0;
}

enum { SPAN_15, SPAN_30, SPAN_HOUR, SPAN_3H, SPAN_6H, SPAN_DAY, SPAN_2D, SPANS };
static const size_t spans[SPANS] = {
	3, 6, BINS_HOUR, 3 * BINS_HOUR, 6 * BINS_HOUR, BINS_DAY, 2 * BINS_DAY};

static void make_facts(const struct window *w, const struct level *of, float error,
		       struct features *f)
{
	static const int days[] = {1, 2, 3, 4, 7};
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
	*p++ = scaled(f, of[SPAN_15].mean, 0);
	*p++ = scaled(f, of[SPAN_30].mean, 0);
	*p++ = scaled(f, of[SPAN_HOUR].mean, 0);
	*p++ = scaled(f, of[SPAN_3H].mean, 0);
	*p++ = scaled(f, of[SPAN_6H].mean, 0);
	*p++ = scaled(f, of[SPAN_HOUR].high, 0);
	*p++ = scaled(f, of[SPAN_HOUR].low, 0);
	*p++ = scaled(f, of[SPAN_6H].high, 0);
	*p++ = scaled(f, of[SPAN_DAY].high, 0);
	*p++ = scaled(f, of[SPAN_2D].high, 0);
	*p++ = smaller(6, larger(-6, error / f->spread));
	*p++ = smaller(6, restless(w, BINS_DAY, BINS_DAY) / f->spread);
	*p++ = smaller(6, restless(w, 1, (size_t)6 * BINS_HOUR) / f->spread);
	*p++ = smaller(6, restless(w, 1, BINS_DAY) / f->spread);
	*p++ = log2f((float)span / BINS_HOUR + 1) / 4 - 1;
	*p++ = 1 - (float)window_known(w, BINS_HOUR) / BINS_HOUR;
	*p++ = span >= BINS_DAY;
	assert(p == f->facts + FACTS);
}

bool features_make(const struct window *window, struct features *ret)
{
	struct window w = window_newest(window, BINS_HISTORY);

	if (isnan(window_last(&w)))
		return false;
	struct level level[SPANS];
	float season[SEASONS];

	levels_of(&w, spans, SPANS, level);
	seasons(&w, (int64_t)w.n - BACK, SEASONS, season);
	float error = level_error(&w, season + BACK - BINS_HOUR);
	ret->centre = level[SPAN_DAY].mean;
	ret->spread = larger(1, level[SPAN_2D].dev);
	slevel(season + BACK, error, level[SPAN_HOUR].mean, ret->slevel);
	make_encoder(&w, season, ret);
	make_decoder(&w, season + BACK, ret);
	make_peak(ret);
	make_facts(&w, level, error, ret);
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
		high = larger(high, future[h]);
		if (h + 1 == HALF)
			k->peak_y[at] = (high - f->peak_base[0]) / f->spread;
	}
	k->peak_y[n + at] = (high - f->peak_base[1]) / f->spread;
}
