#include "plan/cost_model.h"

#include "fleet/fleet.h"
#include "vrs/stats.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_RATES = 64 };

void cost_model_rate_of(const struct cost_model_rules *rules, const double *bytes_per_s,
			size_t n, struct cost_model_rate *ret)
{
	double sorted[MAX_RATES];
	size_t k = 0;
	char text[32];

	for (size_t i = 0; i < n && k < MAX_RATES; i++)
		if (isfinite(bytes_per_s[i]) && bytes_per_s[i] > 0)
			sorted[k++] = bytes_per_s[i];
	*ret = (struct cost_model_rate){.n = k};
	if (k == 0) {
		double a = rules->assumed_bytes_per_s;

		ret->low = a / 4;
		ret->mid = a;
		ret->high = a * 4;
		fleet_bytes_text(text, sizeof(text), (uint64_t)a);
		(void)snprintf(ret->source, sizeof(ret->source),
			       "assumed %s/s: no transfer between these two yet", text);
		return;
	}
	vrs_sort_doubles(sorted, k);
	/* few measurements do not show the tails: widen the interval */
	double widen = 1 + 1.0 / (double)k;
	ret->mid = vrs_quantile(sorted, k, 0.5);
	ret->low = vrs_quantile(sorted, k, 0.1) / widen;
	ret->high = vrs_quantile(sorted, k, 0.9) * widen;
	fleet_bytes_text(text, sizeof(text), (uint64_t)ret->mid);
	(void)snprintf(ret->source, sizeof(ret->source),
		       "measured %s/s in %zu transfer%s", text, k, k == 1 ? "" : "s");
}

static int64_t time_at(const struct cost_model_rules *rules, double rate, double bytes)
{
	double ms = bytes / rate * 1000;

	return rules->setup_ms + (ms < 1e15 ? (int64_t)ms : (int64_t)1e15);
}

void cost_model_transfer(const struct cost_model_rules *rules,
			 const struct cost_model_rate *rate, uint64_t bytes,
			 uint64_t queued_bytes, struct cost_model_time *ret)
{
	double all = (double)bytes + (double)queued_bytes;

	ret->low_ms = time_at(rules, rate->high, all);
	ret->mid_ms = time_at(rules, rate->mid, all);
	ret->high_ms = time_at(rules, rate->low, all);
}

enum cost_model_choice cost_model_choose(const struct cost_model_rules *rules,
					 const struct cost_model_options *o)
{
	if (o->local_ms >= 0 && o->local_ms <= o->wait_ms &&
	    (o->relocate_ms < 0 || o->local_ms <= o->relocate_ms))
		return COST_MODEL_LOCAL;
	if (o->relocate_ms >= 0 &&
	    (double)o->relocate_ms <= rules->gain_ratio * (double)o->wait_ms)
		return COST_MODEL_RELOCATE;
	if (o->local_ms >= 0 && o->local_ms <= o->wait_ms)
		return COST_MODEL_LOCAL;
	return COST_MODEL_WAIT;
}
