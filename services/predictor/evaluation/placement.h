/* placement.h - scores of placement: whether a policy chooses the right cluster.
 *
 * At each origin one cluster fails and a VM of constant demand goes to one of K others,
 * drawn at random but the same for every policy (splitmix64). A policy chooses the
 * candidate with the lowest score. AOR, the avoidable overload rate, is the share of
 * events in which the chosen candidate exceeds the limit within the horizon although
 * another one would not have. Pure. */
#ifndef PREDICTOR_EVALUATION_PLACEMENT_H
#define PREDICTOR_EVALUATION_PLACEMENT_H

#include <stdbool.h>

#include "net/resample.h"

/* The forecast of an entity at an origin: P50, P90, P99 of the peak and the mean of the
 * path; false: none. */
typedef bool (*placement_forecast_fn)(void *arg, size_t entity, int64_t origin_ms,
				      float ret[4]);

struct placement_conf {
	int candidates, draws, ahead; /* ahead: bins of the horizon */
	double limit, demand;         /* points */
	uint64_t seed;
	int64_t from_ms, to_ms, step_ms;
	placement_forecast_fn forecast; /* NULL: policies without a forecast only */
	void *forecast_arg;
};
extern const struct placement_conf placement_defaults;

enum policy {
	POLICY_RANDOM,
	POLICY_NAIVE_NOW,
	POLICY_MEAN_60MIN,
	POLICY_YESTERDAY_PEAK,
	POLICY_PEAK_P50,
	POLICY_PEAK_P90,
	POLICY_PEAK_P99,
	POLICY_FC_MEAN,
	POLICY_ORACLE,
	POLICIES
};
const char *placement_policy_name(enum policy p);

struct placement_score {
	size_t events, feasible, bad, overloads, accepted, accepted_bad;
	double bad_share; /* POLICY_RANDOM: expected value */
	double overload_min, regret;
};

struct placement_result {
	struct placement_score score[POLICIES];
	size_t origins, skipped; /* skipped: events without a forecast */
};

/* truth: one series per entity, sorted by name. */
void placement_run(const struct bins *truth, size_t n, const struct placement_conf *conf,
		   struct placement_result *ret);

double placement_aor(const struct placement_score *s);

#endif
