/* train.c - see train.h. */
#include "training/train.h"

#include <math.h>
#include <xxhash.h>

#include "net/forecast.h"
#include "training/train_step.h"
#include "vrs/mem.h"
#include "vrs/stats.h"

enum { MIN_WINDOWS = 256, MAX_CALIB = 6000, MAX_BATCH = 4096 };

const struct train_conf train_defaults = {
	.hidden = 32,
	.epochs = 12,
	.batch = 256,
	.max_windows = 80000,
	.rate = 4e-3,
	.cut_share = 0.4,
	.lost_share = 0.15,
	.calib_share = 0.15,
	.seed = 1,
};

/* A training window: its origin in a series, the length of its history, and how many of
 * the newest bins are hidden. */
struct sample {
	uint32_t series, at, cut, lost;
};

struct samples {
	struct sample *s;
	size_t n, cap;
};

static void samples_add(struct samples *a, struct sample s)
{
	a->s = vrs_grow(a->s, a->n, &a->cap, sizeof(*a->s));
	a->s[a->n++] = s;
}

/* Known future, a value within the last bins, at most 15 % of the last day missing. */
static bool usable(const struct bins *b, size_t at)
{
	struct window w = {b->u, at, 0, 0};
	size_t day = at < BINS_DAY ? at : BINS_DAY;

	for (size_t h = 0; h < BINS_AHEAD; h++)
		if (isnan(b->truth[at + h]))
			return false;
	return window_silent(&w) <= BINS_FILL && window_known(&w, day) * 100 >= day * 85;
}

/* Single days of a series are held out, so that the training data reach up to now. */
static bool is_calib_day(size_t series, size_t day, double share, uint32_t seed)
{
	struct rng r = {seed * 0x9E3779B97F4A7C15U + series * 1000003U + day};

	return rng_unit(&r) < share;
}

static void collect(const struct train_series *series, size_t n_series,
		    const struct train_conf *conf, struct samples *train,
		    struct samples *calib)
{
	for (size_t k = 0; k < n_series; k++) {
		const struct bins *b = &series[k].bins;

		for (size_t at = BINS_HOUR; at + BINS_AHEAD <= b->n; at++) {
			struct sample s = {(uint32_t)k, (uint32_t)at, BINS_HISTORY, 0};
			size_t end = (at + BINS_AHEAD - 1) / BINS_DAY;
			bool first = is_calib_day(k, at / BINS_DAY, conf->calib_share,
						  conf->seed);
			bool last = is_calib_day(k, end, conf->calib_share, conf->seed);

			if (first != last || !usable(b, at))
				continue;
			if (!first)
				samples_add(train, s);
			else if (at >= BINS_DAY)
				samples_add(calib, s);
		}
	}
}

/* Repeats some windows as if the host were new or had not reported lately. */
static void repeat_some(struct samples *a, const struct train_conf *conf, struct rng *rng)
{
	size_t whole = a->n, n_cut = (size_t)((double)whole * conf->cut_share);
	size_t n_lost = (size_t)((double)whole * conf->lost_share);

	for (size_t i = 0; i < n_lost; i++) {
		struct sample s = a->s[rng_below(rng, whole)];

		s.lost = 1 + (uint32_t)rng_below(rng, BINS_HOUR);
		samples_add(a, s);
	}
	for (size_t i = 0; i < n_cut; i++) {
		struct sample s = a->s[rng_below(rng, whole)];
		double bins = BINS_HOUR * exp(rng_unit(rng) * log(8 * 24));

		s.cut = (uint32_t)bins;
		samples_add(a, s);
	}
}

static struct window window_at_sample(const struct train_series *series, struct sample s,
				      int32_t utc_min)
{
	const struct bins *b = &series[s.series].bins;

	return window_of(b, b->first + s.at, s.cut, utc_min);
}

struct trainer {
	const struct train_series *series;
	const struct train_conf *conf;
	struct samples samples;
	struct features *features; /* of each sample */
	struct train_step step;
};

/* The features of a sample. */
static void sample_features(const struct train_series *series, struct sample s,
			    int32_t utc_min, struct features *ret)
{
	struct window w = window_at_sample(series, s, utc_min);
	float x[BINS_HISTORY];

	if (s.lost > 0 && w.n > 2 * s.lost) {
		memcpy(x, w.x, w.n * sizeof(*x));
		for (size_t i = 1; i <= s.lost; i++)
			x[w.n - i] = NAN;
		w.x = x;
		if (features_make(&w, ret))
			return;
		w = window_at_sample(series, s, utc_min);
	}
	features_make(&w, ret); /* usable() found a value */
}

static double batch(struct trainer *t, struct model *m, const uint32_t *pick, int n,
		    double rate)
{
	struct train_item item[MAX_BATCH];

	for (int i = 0; i < n; i++) {
		const struct sample *s = &t->samples.s[pick[i]];

		item[i].features = &t->features[pick[i]];
		item[i].future = t->series[s->series].bins.truth + s->at;
	}
	return train_step(&t->step, m->w, item, n, rate);
}

/* Few windows require small batches, otherwise there are too few steps. */
static int batch_for(size_t n_samples)
{
	return n_samples < 40000 ? 64 : 256;
}

static int descend(struct trainer *t, struct model *m, struct rng *rng,
		   struct vrs_err *err)
{
	const struct train_conf *c = t->conf;
	uint32_t *order = vrs_calloc(t->samples.n, sizeof(*order));
	int size = c->batch ? c->batch : batch_for(t->samples.n), status = 0;
	long per_epoch = (long)((t->samples.n + (size_t)size - 1) / (size_t)size);
	long steps = per_epoch * c->epochs, step = 0;
	double rate = c->base ? c->rate / 4 : c->rate;

	for (size_t i = 0; i < t->samples.n; i++)
		order[i] = (uint32_t)i;
	for (int e = 0; e < c->epochs && status == 0; e++) {
		rng_shuffle(rng, order, t->samples.n, sizeof(*order));
		for (size_t i = 0; i < t->samples.n && status == 0; i += (size_t)size) {
			size_t left = t->samples.n - i;
			double loss = batch(t, m, order + i,
					    left < (size_t)size ? (int)left : size,
					    adam_one_cycle(step, steps, rate));

			step++;
			if (!isfinite(loss))
				status = vrs_fail(err, VRS_EINTERNAL,
						  "train: loss is not finite at step %ld",
						  step);
			else if (c->progress &&
				 c->progress(c->progress_arg, step, steps, loss))
				status = vrs_fail(err, VRS_ECANCELLED,
						  "train: stopped at step %ld of %ld",
						  step, steps);
		}
	}
	free(order);
	return status;
}

/* The range of one input over all windows. */
struct range {
	float low, high;
};

static void widen(struct range *r, const float *x, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		r[i].low = fminf(r[i].low, x[i]);
		r[i].high = fmaxf(r[i].high, x[i]);
	}
}

static void hold(struct model *m, enum net_input kind, const struct range *r, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (r[i].high - r[i].low < 1e-6F)
			net_hold(&m->shape, m->w, kind, (int)i, r[i].low);
}

/* Inputs that were constant in training (an unseen weekday, a missing last week) must
 * have no effect later: their weights are still random. */
static void hold_unseen(struct model *m, const struct features *f, size_t n)
{
	struct range enc[ENC_IN], facts[FACTS], dec[DEC_IN], peak[PEAK_IN];
	struct range *const all[] = {enc, facts, dec, peak};
	static const size_t sizes[] = {ENC_IN, FACTS, DEC_IN, PEAK_IN};

	for (size_t k = 0; k < 4; k++)
		for (size_t i = 0; i < sizes[k]; i++)
			all[k][i] = (struct range){INFINITY, -INFINITY};
	for (size_t i = 0; i < n; i++, f++) {
		for (size_t t = 0; t < ENC_STEPS; t++)
			widen(enc, f->enc[t], ENC_IN);
		for (size_t h = 0; h < BINS_AHEAD; h++)
			widen(dec, f->dec[h], DEC_IN);
		widen(facts, f->facts, FACTS);
		widen(peak, f->peak, PEAK_IN);
	}
	hold(m, NET_ENC, enc, ENC_IN);
	hold(m, NET_FACT, facts, FACTS);
	hold(m, NET_DEC, dec, DEC_IN);
	hold(m, NET_PEAK, peak, PEAK_IN);
}

/* The factor for the distance to the P50 with which a share tau of the truth lies at or
 * below the quantile. */
static float stretch_for(float *ratio, size_t n, double tau)
{
	if (n < 50)
		return 1;
	vrs_sort_floats(ratio, n);
	float r = vrs_quantile_upper(ratio, n, tau);
	return fminf(3, fmaxf(0.5F, r));
}

struct calib {
	size_t n;
	struct forecast *got;
	const float **truth;
};

static float peak_of(const float *u, size_t p)
{
	float high = u[0];

	for (size_t h = 1; h < (p ? BINS_AHEAD : BINS_AHEAD / 2); h++)
		high = fmaxf(high, u[h]);
	return high;
}

/* Distance of the truth from the P50, in units of the predicted distance. */
static float ratio_of(float truth, float p50, float quantile)
{
	return (truth - p50) / fmaxf(0.2F, quantile - p50);
}

/* The calibration days belong to known series. In series left out of training more peaks
 * exceed quantiles calibrated so, and the P90 must hold for new clusters: it aims higher.
 */
static const double aim[NET_QUANTILES] = {0.5, 0.925, 0.99};

static void stretch(struct model *m, const struct calib *c)
{
	float *ratio = vrs_calloc(c->n * BINS_AHEAD + 1, sizeof(*ratio));

	for (size_t q = 1; q < NET_QUANTILES; q++) {
		size_t n = 0;

		for (size_t i = 0; i < c->n; i++)
			for (size_t h = 0; h < BINS_AHEAD; h++)
				ratio[n++] =
					ratio_of(c->truth[i][h], c->got[i].path[0][h],
						 c->got[i].path[q][h]);
		m->path_stretch[q] = stretch_for(ratio, n, aim[q]);
		for (size_t p = 0; p < NET_PEAKS; p++) {
			for (size_t i = 0; i < c->n; i++)
				ratio[i] = ratio_of(peak_of(c->truth[i], p),
						    c->got[i].peak[p][0],
						    c->got[i].peak[p][q]);
			m->peak_stretch[p][q] = stretch_for(ratio, c->n, aim[q]);
		}
	}
	free(ratio);
}

static void score(struct model *m, const struct train_series *series,
		  const struct samples *s, const struct train_conf *conf,
		  const struct calib *c)
{
	double net = 0, yesterday = 0;
	size_t covered = 0;

	for (size_t i = 0; i < c->n; i++) {
		struct window w = window_at_sample(series, s->s[i], conf->utc_min);
		float path[BINS_AHEAD];
		float p50 = c->got[i].peak[1][0];
		float p90 = p50 + m->peak_stretch[1][1] * (c->got[i].peak[1][1] - p50);

		if (!forecast_simple_path(METHOD_SEASONAL, &w, path))
			memset(path, 0, sizeof(path));
		for (size_t h = 0; h < BINS_AHEAD; h++) {
			net += fabsf(c->truth[i][h] - c->got[i].path[0][h]);
			yesterday += fabsf(c->truth[i][h] - path[h]);
		}
		covered += peak_of(c->truth[i], 1) <= p90;
	}
	double n = c->n ? (double)c->n : NAN;
	m->calib_mae = (float)(net / n / BINS_AHEAD);
	m->calib_mae_seasonal = (float)(yesterday / n / BINS_AHEAD);
	m->calib_cover90 = (float)((double)covered / n);
}

static void calibrate(struct model *m, const struct train_series *series,
		      struct samples *s, const struct train_conf *conf)
{
	struct forecaster *f = forecaster_new(m);
	struct calib c = {.n = s->n};
	struct window *w = vrs_calloc(s->n + 1, sizeof(*w));

	c.got = vrs_calloc(s->n + 1, sizeof(*c.got));
	c.truth = vrs_calloc(s->n + 1, sizeof(*c.truth));
	for (size_t i = 0; i < s->n; i++) {
		w[i] = window_at_sample(series, s->s[i], conf->utc_min);
		c.truth[i] = series[s->s[i].series].bins.truth + s->s[i].at;
	}
	forecast_net(f, w, s->n, c.got);
	stretch(m, &c);
	score(m, series, s, conf, &c);
	free(c.got);
	free(c.truth);
	free(w);
	forecaster_free(f);
}

/* If the base is better, its weights replace the new ones. */
static bool keep_base(struct model *m, const struct model *base,
		      const struct train_series *series, struct samples *calib,
		      const struct train_conf *conf)
{
	struct model *old = model_dup(base);

	for (int q = 0; q < NET_QUANTILES; q++)
		old->path_stretch[q] = old->peak_stretch[0][q] = old->peak_stretch[1][q] =
			1;
	calibrate(old, series, calib, conf);
	bool better = old->calib_mae < m->calib_mae;
	if (better) {
		memcpy(m->w, old->w, m->n_weights * sizeof(real));
		memcpy(m->path_stretch, old->path_stretch, sizeof(m->path_stretch));
		memcpy(m->peak_stretch, old->peak_stretch, sizeof(m->peak_stretch));
		m->calib_mae = old->calib_mae;
		m->calib_cover90 = old->calib_cover90;
	}
	model_free(old);
	return better;
}

static uint64_t hash_of(const struct train_series *series, size_t n)
{
	uint64_t h = n;

	for (size_t i = 0; i < n; i++) {
		const struct bins *b = &series[i].bins;

		h = XXH3_64bits_withSeed(series[i].name, strlen(series[i].name), h);
		h = XXH3_64bits_withSeed(&b->first, sizeof(b->first), h);
		h = XXH3_64bits_withSeed(b->u, b->n * sizeof(*b->u), h);
	}
	return h;
}

int train_model(struct model **ret, const struct train_series *series, size_t n_series,
		const struct train_conf *conf, struct vrs_err *err)
{
	struct trainer t = {.series = series, .conf = conf};
	struct net_shape shape =
		conf->base ? conf->base->shape : features_shape(conf->hidden);
	struct rng rng = {conf->seed};
	struct samples calib = {0};
	struct model *m = NULL;
	int status;

	collect(series, n_series, conf, &t.samples, &calib);
	if (t.samples.n < MIN_WINDOWS) {
		status =
			vrs_fail(err, VRS_ENOENT,
				 "train: %zu windows in %zu series, at least %d required",
				 t.samples.n, n_series, MIN_WINDOWS);
		goto out;
	}
	rng_shuffle(&rng, t.samples.s, t.samples.n, sizeof(*t.samples.s));
	rng_shuffle(&rng, calib.s, calib.n, sizeof(*calib.s));
	size_t most = (size_t)((double)conf->max_windows /
			       (1 + conf->cut_share + conf->lost_share));
	if (t.samples.n > most)
		t.samples.n = most;
	if (calib.n > MAX_CALIB)
		calib.n = MAX_CALIB;
	repeat_some(&t.samples, conf, &rng);

	t.features = vrs_calloc(t.samples.n, sizeof(*t.features));
	for (size_t i = 0; i < t.samples.n; i++)
		sample_features(series, t.samples.s[i], conf->utc_min, &t.features[i]);
	m = model_new(&shape);
	if (conf->base)
		memcpy(m->w, conf->base->w, m->n_weights * sizeof(real));
	else
		net_start(&shape, m->w, &rng);
	train_step_init(&t.step, &shape, kern_best());
	status = descend(&t, m, &rng, err);
	if (status < 0)
		goto out;

	if (!conf->base)
		hold_unseen(m, t.features, t.samples.n);
	m->made_at_ms = conf->made_at_ms;
	m->data_hash = hash_of(series, n_series);
	m->n_series = (uint32_t)n_series;
	m->n_windows = (uint32_t)t.samples.n;
	m->epochs = (uint32_t)conf->epochs;
	m->seed = conf->seed;
	calibrate(m, series, &calib, conf);
	if (conf->base && keep_base(m, conf->base, series, &calib, conf))
		m->epochs = 0;
	*ret = m;
	m = NULL;
out:
	model_free(m);
	free(t.samples.s);
	free(calib.s);
	free(t.features);
	train_step_fini(&t.step);
	return status;
}
