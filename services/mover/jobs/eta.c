#include "jobs/eta.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "vrs/mem.h"

/* Without data: half a second to start, 150 MB/s, wrong by a factor of two. */
static const double prior_start_s = 0.5, prior_pace = 1 / 150e6;
static const double prior_weight = 0.3;
static const double prior_spread = 0.45, prior_spread_weight = 0.5,
		    near_spread_weight = 4;
static const double min_spread = 0.03;
static const double limit_ahead_s = 0.15;
static const double fade = 0.96; /* of weight, from one copy to the one before it */

struct fit {
	double start_s, pace;
};

/* How much concurrent copies slow this one down; tried in this order. */
static const double shares[] = {0, 0.5, 1};
enum { N_SHARES = sizeof(shares) / sizeof(*shares) };

static double size_of(const struct eta_work *w, double share)
{
	return w->data_bytes * (1 + share * w->beside);
}

/* A copy that was slowed by its rate limit is no measurement of the link. */
static bool was_limited(const struct eta_past *p)
{
	double limit = p->work.limit_bytes_per_s;

	return limit > 0 && p->sent_bytes > 0.5 * limit * p->took_s;
}

static bool is_alike(const struct eta_past *p, const struct eta_work *w)
{
	return p->work.changes_only == w->changes_only && !was_limited(p) &&
	       p->took_s > 0;
}

struct sums {
	double w, x, xx, t, xt;
};

static void add(struct sums *s, double weight, double x, double t)
{
	double w = weight / (t * t); /* relative errors */

	s->w += w;
	s->x += w * x;
	s->xx += w * x * x;
	s->t += w * t;
	s->xt += w * x * t;
}

static struct fit solve(const struct sums *s)
{
	double det = s->w * s->xx - s->x * s->x;
	struct fit f = {0};

	if (det > 1e-12 * s->w * s->xx) {
		f.pace = (s->w * s->xt - s->x * s->t) / det;
		f.start_s = (s->t - f.pace * s->x) / s->w;
	}
	if (f.pace <= 0 || f.start_s < 0) { /* through the origin, or flat */
		bool flat = f.pace <= 0 && s->w > 0 && det > 0;

		f.pace = flat ? 0 : s->xx > 0 ? s->xt / s->xx : 0;
		f.start_s = flat ? s->t / s->w : 0;
	}
	return f;
}

static double at(const struct fit *f, double x)
{
	double s = f->start_s + f->pace * x;

	return s > 1e-3 ? s : 1e-3;
}

/* Fits all similar copies except past[skip]; skip == n leaves none out. */
static struct fit fit_without(const struct eta_past *past, size_t n,
			      const struct eta_work *work, double share, size_t skip)
{
	const double some = 1e9;
	struct sums s = {0};
	double weight = 1;

	add(&s, prior_weight, 0, prior_start_s);
	add(&s, prior_weight, some, prior_start_s + some * prior_pace);
	for (size_t i = 0; i < n; i++) {
		if (!is_alike(&past[i], work))
			continue;
		if (i != skip)
			add(&s, weight, size_of(&past[i].work, share), past[i].took_s);
		weight *= fade;
	}
	return solve(&s);
}

/* The errors of the fit on copies that were left out, as logarithms. */
struct errors {
	double mean, spread, weight;
};

static double similarity(double a, double b)
{
	double d = log((a + 1e6) / (b + 1e6)) / 1.2;

	return 0.1 + 0.9 * exp(-d * d / 2);
}

/* Weighted sums of errors. */
struct tally {
	double w, e, ee;
};

static void count(struct tally *t, double w, double e)
{
	t->w += w;
	t->e += w * e;
	t->ee += w * e * e;
}

static double spread_of(const struct tally *t, double mean, double before, double weight)
{
	double sum = t->ee - 2 * mean * t->e + t->w * mean * mean;

	return sqrt((sum + weight * before * before) / (t->w + weight));
}

static struct errors judge(const struct eta_past *past, size_t n,
			   const struct eta_work *work, double share)
{
	double size = size_of(work, share), weight = 1;
	struct tally all = {0}, near = {0};
	struct errors r = {0};

	for (size_t i = 0; i < n; i++) {
		if (!is_alike(&past[i], work))
			continue;
		struct fit f = fit_without(past, n, work, share, i);
		double x = size_of(&past[i].work, share);
		double e = log(past[i].took_s / at(&f, x));

		count(&all, weight, e);
		count(&near, weight * similarity(x, size), e);
		weight *= fade;
	}
	r.weight = all.w;
	r.mean = near.e / (near.w + 2); /* shrunk towards 0 */
	r.spread =
		spread_of(&all, all.e / (all.w + 1), prior_spread, prior_spread_weight);
	r.spread = spread_of(&near, r.mean, r.spread, near_spread_weight);
	if (r.spread < min_spread)
		r.spread = min_spread;
	return r;
}

/* The 95 % point of Student's t (Abramowitz and Stegun 26.7.5). */
static double t_95(double df)
{
	const double z = 1.6448536;
	double z3 = z * z * z, z5 = z3 * z * z;

	return z + (z3 + z) / (4 * df) + (5 * z5 + 16 * z3 + 3 * z) / (96 * df * df);
}

void eta_predict(const struct eta_past *past, size_t n_past, const struct eta_work *work,
		 struct eta *ret)
{
	struct errors best = {0};
	double share = 0;

	if (n_past > ETA_PAST_MAX)
		n_past = ETA_PAST_MAX;
	for (int i = 0; i < N_SHARES; i++) {
		struct errors e = judge(past, n_past, work, shares[i]);

		if (i == 0 || e.spread < 0.9 * best.spread) {
			best = e;
			share = shares[i];
		}
	}
	struct fit f = fit_without(past, n_past, work, share, n_past);
	double seconds = at(&f, size_of(work, share)) * exp(best.mean);
	double half =
		t_95(1.5 + best.weight) * best.spread * sqrt(1 + 1 / (1 + best.weight));

	ret->seconds = seconds;
	ret->low_s = seconds * exp(-half);
	ret->high_s = seconds * exp(half);
	if (work->limit_bytes_per_s > 0 && !work->changes_only) {
		/* the limit allows a short burst, and overlaps with the start */
		double least = work->data_bytes / work->limit_bytes_per_s;

		if (ret->seconds < 1.01 * least)
			ret->seconds = 1.01 * least;
		if (ret->low_s < 0.93 * (least - limit_ahead_s))
			ret->low_s = 0.93 * (least - limit_ahead_s);
		if (ret->high_s < 1.2 * (f.start_s + least) + limit_ahead_s)
			ret->high_s = 1.2 * (f.start_s + least) + limit_ahead_s;
	}
}

void eta_update(const struct eta *predicted, double elapsed_s, double done_ratio,
		struct eta *ret)
{
	double f = done_ratio < 1e-3 ? 0 : done_ratio > 1 ? 1 : done_ratio;
	double spread = log(predicted->high_s / predicted->low_s) / (2 * 1.645);
	double m = log(predicted->seconds), v = spread * spread;

	if (f > 0 && elapsed_s > 0) {
		/* the rest at the rate so far; the less is left, the smaller the error */
		double seen = log(elapsed_s / f);
		double doubt = 0.02 + 0.6 * (1 - f) / sqrt(f * 20);
		double w = v / (v + doubt * doubt);

		m = (1 - w) * m + w * seen;
		v = (1 - w) * v;
	}
	ret->seconds = exp(m);
	ret->low_s = exp(m - 1.645 * sqrt(v));
	ret->high_s = exp(m + 1.645 * sqrt(v));
	if (ret->low_s < elapsed_s)
		ret->low_s = elapsed_s;
	if (ret->seconds < ret->low_s)
		ret->seconds = ret->low_s;
	if (ret->high_s < ret->seconds)
		ret->high_s = ret->seconds;
}

/* --- lines --- */

static bool sane(double v)
{
	return isfinite(v) && v >= 0 && v < 1e18;
}

int eta_past_parse(struct eta_past *ret, const char *line, struct vrs_err *err)
{
	struct eta_past p = {0};
	char kind[16];
	long long at_ms;
	double took, predicted, low, high;

	if (strlen(line) >= ETA_LINE_MAX ||
	    sscanf(line, "%lld %15s %lf %lf %lf %lf %lf %lf %lf %u %131s", &at_ms, kind,
		   &p.work.data_bytes, &p.sent_bytes, &took, &predicted, &low, &high,
		   &p.work.limit_bytes_per_s, &p.work.beside, p.job) != 11 ||
	    !sane(p.work.data_bytes) || !sane(p.sent_bytes) || !sane(took) ||
	    !sane(predicted) || !sane(low) || !sane(high) ||
	    !sane(p.work.limit_bytes_per_s) || p.work.beside > 1000 ||
	    !vrs_id_ok(p.job) ||
	    (strcmp(kind, "full") != 0 && strcmp(kind, "changes") != 0))
		return vrs_fail(err, VRS_EPARSE, "malformed record of a past copy");
	p.at_ms = at_ms;
	p.work.changes_only = strcmp(kind, "changes") == 0;
	p.took_s = took / 1e3;
	p.predicted = (struct eta){predicted / 1e3, low / 1e3, high / 1e3};
	*ret = p;
	return 0;
}

void eta_past_print(char buf[ETA_LINE_MAX], const struct eta_past *p)
{
	(void)snprintf(buf, ETA_LINE_MAX,
		       "%lld %s %.0f %.0f %.0f %.0f %.0f %.0f %.0f %u %.131s",
		       (long long)p->at_ms, p->work.changes_only ? "changes" : "full",
		       p->work.data_bytes, p->sent_bytes, p->took_s * 1e3,
		       p->predicted.seconds * 1e3, p->predicted.low_s * 1e3,
		       p->predicted.high_s * 1e3, p->work.limit_bytes_per_s,
		       p->work.beside, p->job);
}
