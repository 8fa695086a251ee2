/* placement.c - see placement.h. */
#include "evaluation/placement.h"

#include <math.h>
#include <stdlib.h>

#include "kernels/rng.h"
#include "vrs/mem.h"

enum { MAX_CANDIDATES = 64 };

const struct placement_conf placement_defaults = {
	.candidates = 5,
	.draws = 20,
	.ahead = BINS_AHEAD,
	.limit = 80,
	.demand = 20,
	.seed = 1,
	.step_ms = (int64_t)30 * 60000,
};

const char *placement_policy_name(enum policy p)
{
	static const char *const names[POLICIES] = {
		"random",         "naive_now",   "mean_60min",
		"yesterday_peak", "fc_peak_p50", "fc_peak_p90",
		"fc_peak_p99",    "fc_mean",     "oracle"};

	return names[p];
}

static float at(const struct bins *b, int64_t bin)
{
	int64_t i = bin - b->first;

	return i >= 0 && (uint64_t)i < b->n ? b->truth[i] : NAN;
}

static bool known(const struct bins *b, int64_t from, int n)
{
	for (int i = 0; i < n; i++)
		if (isnan(at(b, from + i)))
			return false;
	return true;
}

static double highest(const struct bins *b, int64_t from, int n)
{
	double high = (double)at(b, from);

	for (int i = 1; i < n; i++)
		high = fmax(high, (double)at(b, from + i));
	return high;
}

/* A candidate: its score by each policy, and the load that followed. */
struct option {
	double by[POLICIES];
	double peak, over_min;
	bool has_forecast;
};

struct run {
	const struct bins *truth;
	const struct placement_conf *conf;
	struct placement_result *ret;
};

static struct option option_of(const struct run *r, size_t entity, int64_t origin_ms)
{
	const struct bins *b = &r->truth[entity];
	int ahead = r->conf->ahead;
	int64_t now = bin_of(origin_ms);
	struct option o = {.peak = highest(b, now, ahead)};
	double sum = 0;
	float f[4];

	for (int i = 1; i <= BINS_HOUR; i++)
		sum += (double)at(b, now - i);
	for (int i = 0; i < ahead; i++)
		if ((double)at(b, now + i) + r->conf->demand > r->conf->limit)
			o.over_min += 5;
	o.by[POLICY_NAIVE_NOW] = (double)at(b, now - 1);
	o.by[POLICY_MEAN_60MIN] = sum / BINS_HOUR;
	o.by[POLICY_YESTERDAY_PEAK] = highest(b, now - BINS_DAY, ahead);
	o.by[POLICY_ORACLE] = o.peak;
	if (r->conf->forecast &&
	    r->conf->forecast(r->conf->forecast_arg, entity, origin_ms, f)) {
		o.has_forecast = true;
		for (int i = 0; i < 4; i++)
			o.by[POLICY_PEAK_P50 + i] = (double)f[i];
	}
	return o;
}

/* best: the lowest peak of the candidates. */
static void judge(const struct run *r, const struct option *o, enum policy p, double best)
{
	const struct placement_conf *c = r->conf;
	bool feasible = best + c->demand <= c->limit;
	int n = c->candidates;
	struct placement_score *s = &r->ret->score[p];
	int chosen = 0, over = 0;

	for (int i = 1; i < n; i++)
		if (o[i].by[p] < o[chosen].by[p])
			chosen = i;
	s->events++;
	s->feasible += feasible;
	if (p == POLICY_RANDOM) {
		double share = 1.0 / n;

		for (int i = 0; i < n; i++) {
			over += o[i].peak + c->demand > c->limit;
			s->overload_min += o[i].over_min * share;
			s->regret += (o[i].peak - best) * share;
		}
		if (feasible)
			s->bad_share += over * share;
		return;
	}
	bool bad = o[chosen].peak + c->demand > c->limit;
	bool accept = o[chosen].by[p] + c->demand <= c->limit;

	s->overloads += bad;
	s->bad += bad && feasible;
	s->accepted += accept;
	s->accepted_bad += accept && bad;
	s->overload_min += o[chosen].over_min;
	s->regret += o[chosen].peak - best;
}

static void event(const struct run *r, const struct option *all, const size_t *eligible,
		  size_t n_eligible, uint64_t state)
{
	struct rng rng = {state};
	struct option o[MAX_CANDIDATES] = {0};
	size_t *index = vrs_calloc(n_eligible, sizeof(*index));
	int k = r->conf->candidates;
	bool forecasts = true;
	double best = INFINITY;

	for (size_t i = 0; i < n_eligible; i++)
		index[i] = eligible[i];
	for (size_t j = 0; j <= (size_t)k && j < n_eligible; j++) {
		size_t q = j + rng_next(&rng) % (n_eligible - j), keep = index[j];

		index[j] = index[q];
		index[q] = keep;
	}
	for (int i = 0; i < k; i++) {
		o[i] = all[index[i + 1]];
		best = fmin(best, o[i].peak);
		forecasts = forecasts && o[i].has_forecast;
	}
	free(index);
	if (r->conf->forecast && !forecasts) {
		r->ret->skipped++;
		return;
	}
	for (int p = 0; p < POLICIES; p++)
		if (r->conf->forecast || p < POLICY_PEAK_P50 || p > POLICY_FC_MEAN)
			judge(r, o, (enum policy)p, best);
}

void placement_run(const struct bins *truth, size_t n, const struct placement_conf *conf,
		   struct placement_result *ret)
{
	struct run r = {truth, conf, ret};
	struct option *all = vrs_calloc(n + 1, sizeof(*all));
	size_t *eligible = vrs_calloc(n + 1, sizeof(*eligible));

	*ret = (struct placement_result){0};
	if (conf->candidates < 1 || conf->candidates > MAX_CANDIDATES)
		goto out;
	for (int64_t o = conf->from_ms; o <= conf->to_ms; o += conf->step_ms) {
		int64_t now = bin_of(o);
		size_t n_eligible = 0;

		for (size_t e = 0; e < n; e++)
			if (known(&truth[e], now, conf->ahead) &&
			    known(&truth[e], now - BINS_HOUR, BINS_HOUR) &&
			    known(&truth[e], now - BINS_DAY, conf->ahead)) {
				all[e] = option_of(&r, e, o);
				eligible[n_eligible++] = e;
			}
		if (n_eligible < (size_t)conf->candidates + 1)
			continue;
		ret->origins++;
		for (int d = 0; d < conf->draws; d++)
			event(&r, all, eligible, n_eligible,
			      conf->seed * 0x9E3779B97F4A7C15U +
				      (uint64_t)(o / 60000) * 1000003U + (uint64_t)d);
	}
out:
	free(all);
	free(eligible);
}

double placement_aor(const struct placement_score *s)
{
	if (s->feasible == 0)
		return NAN;
	return (s->bad_share > 0 ? s->bad_share : (double)s->bad) / (double)s->feasible;
}
