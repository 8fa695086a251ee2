/* cmd_decide.c - vrs-predictor decide: do the forecasts choose the right cluster? */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/load.h"
#include "evaluation/placement.h"
#include "vrs/csv.h"
#include "vrs/mem.h"

struct peak_row {
	int64_t origin_ms;
	size_t entity;
	float value[4];
};

struct peaks {
	struct peak_row *row;
	size_t n;
};

static int by_key(const void *a, const void *b)
{
	const struct peak_row *x = a, *y = b;

	if (x->origin_ms != y->origin_ms)
		return x->origin_ms < y->origin_ms ? -1 : 1;
	return (x->entity > y->entity) - (x->entity < y->entity);
}

static bool find(void *arg, size_t entity, int64_t origin_ms, float ret[4])
{
	struct peaks *p = arg;
	struct peak_row key = {.origin_ms = origin_ms, .entity = entity};
	struct peak_row *r =
		p->n ? bsearch(&key, p->row, p->n, sizeof(key), by_key) : NULL;

	if (r)
		memcpy(ret, r->value, sizeof(r->value));
	return r != NULL;
}

/* 1: a row of an entity that the truth has; 0: of another one. */
static int read_peak(const struct vrs_csv *csv, const struct traces *t,
		     struct peak_row *ret, struct vrs_err *err)
{
	const struct trace *found = traces_find(t, vrs_csv_field(csv, 1));
	int status = vrs_csv_time(csv, 0, &ret->origin_ms, err);

	for (size_t i = 0; i < 4 && 2 + i < vrs_csv_columns(csv) && status == 0; i++) {
		double v = 0;

		status = vrs_csv_number(csv, 2 + i, &v, err);
		ret->value[i] = (float)v;
	}
	if (status < 0 || !found)
		return status;
	ret->entity = (size_t)(found - t->trace);
	return 1;
}

static int read_peak_rows(struct vrs_csv *csv, const struct traces *t, struct peaks *ret,
			  struct vrs_err *err)
{
	static const char *const names[] = {"origin", "entity", "peak_p50", "peak_p90",
					    "peak_p99"};
	size_t cap = 0;
	int status;

	for (int i = 0; i < 5; i++)
		if (vrs_csv_column(csv, names[i]) != i)
			return vrs_csv_fail(csv, 0,
					    "expected the header: origin,entity,peak_p50,"
					    "peak_p90,peak_p99[,mean]",
					    err);
	while ((status = vrs_csv_next(csv, err)) > 0) {
		struct peak_row r = {0};

		status = read_peak(csv, t, &r, err);
		if (status < 0)
			return status;
		if (status == 0)
			continue;
		ret->row = vrs_grow(ret->row, ret->n, &cap, sizeof(*ret->row));
		ret->row[ret->n++] = r;
	}
	return status;
}

static int read_peaks(const char *path, const struct traces *t, struct peaks *ret,
		      struct vrs_err *err)
{
	struct vrs_csv *csv = NULL;
	int status = vrs_csv_open(&csv, path, err);

	if (status == 0)
		status = read_peak_rows(csv, t, ret, err);
	vrs_csv_close(csv);
	if (ret->n > 0)
		qsort(ret->row, ret->n, sizeof(*ret->row), by_key);
	return status;
}

static void print(const struct placement_result *r, bool json)
{
	double naive = placement_aor(&r->score[POLICY_NAIVE_NOW]);
	const struct placement_score *any = &r->score[POLICY_NAIVE_NOW];

	if (json)
		printf("{\"origins\":%zu,\"events\":%zu,\"feasible\":%zu,\"skipped\":%zu",
		       r->origins, any->events, any->feasible, r->skipped);
	else
		printf("%zu origins, %zu events, %zu feasible, %zu without a forecast\n"
		       "%-16s %7s %7s %9s %9s %9s %11s\n",
		       r->origins, any->events, any->feasible, r->skipped, "policy",
		       "AOR", "closed", "over min", "regret", "accepted", "overloaded");
	for (int p = 0; p < POLICIES; p++) {
		const struct placement_score *s = &r->score[p];
		double n = s->events ? (double)s->events : 1, aor = placement_aor(s);
		double bad =
			s->accepted ? (double)s->accepted_bad / (double)s->accepted : 0;

		if (s->events == 0)
			continue;
		if (json)
			printf(",\"%s\":{\"aor\":%.5f,\"gap_closed\":%.4f,"
			       "\"overload_min\":%.3f,\"regret\":%.3f,\"accepted\":%.4f,"
			       "\"overload_given_accept\":%.4f}",
			       placement_policy_name((enum policy)p), aor,
			       1 - aor / naive, s->overload_min / n, s->regret / n,
			       (double)s->accepted / n, bad);
		else
			printf("%-16s %7.4f %7.2f %9.2f %9.2f %9.3f %11.4f\n",
			       placement_policy_name((enum policy)p), aor,
			       1 - aor / naive, s->overload_min / n, s->regret / n,
			       (double)s->accepted / n, bad);
	}
	printf(json ? "}\n" : "");
}

int cmd_decide(struct vrs_ctl *ctl)
{
	const struct vrs_args *a = &ctl->args;
	struct placement_conf conf = placement_defaults;
	struct vrs_err err = {0};
	struct loaded l;
	struct peaks peaks = {0};
	struct placement_result result = {0};
	const char *forecasts = vrs_args_value(a, "forecasts");

	conf.from_ms = vrs_args_number(a, "from", 0);
	conf.to_ms = vrs_args_number(a, "to", 0);
	if (conf.to_ms < conf.from_ms)
		return vrs_args_wrong(a, "--to must not be earlier than --from");
	load_series(a, "truth", 0, &l);
	if (forecasts && read_peaks(forecasts, &l.traces, &peaks, &err) < 0) {
		free(peaks.row);
		load_free(&l);
		return load_failed(a, &err);
	}
	conf.step_ms = vrs_args_number(a, "step-min", 30) * 60000;
	conf.candidates = (int)vrs_args_number(a, "candidates", conf.candidates);
	conf.draws = (int)vrs_args_number(a, "draws", conf.draws);
	conf.seed = (uint64_t)vrs_args_number(a, "seed", 1);
	conf.limit = (double)vrs_args_number(a, "theta", 80);
	conf.demand = (double)vrs_args_number(a, "demand", 20);
	conf.ahead = (int)(vrs_args_number(a, "horizon", 240) / 5);
	struct bins *truth = vrs_calloc(l.n + 1, sizeof(*truth));
	for (size_t i = 0; i < l.n; i++)
		truth[i] = l.series[i].bins;
	conf.forecast = forecasts ? find : NULL;
	conf.forecast_arg = &peaks;
	placement_run(truth, l.n, &conf, &result);
	print(&result, vrs_args_has(a, "json"));
	free(truth);
	free(peaks.row);
	load_free(&l);
	return 0;
}
