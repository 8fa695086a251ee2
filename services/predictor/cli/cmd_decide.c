/* cmd_decide.c - vrs-predictor decide: do the forecasts choose the right cluster? */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/load.h"
#include "evaluation/placement.h"
#include "vrs/csv.h"
#include "vrs/mem.h"

static const struct command command = {
	"decide",
	"Scores placement by the forecasts against simple rules: the avoidable overload "
	"rate (AOR).",
	cmd_decide};

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
		       "AOR", "closed", "over min", "regret", "accepted", "bad of them");
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

static struct {
	const char *files[ARGS_MAX_LIST], *forecasts;
	int64_t from, to, step, candidates, draws, seed, limit, demand, horizon;
	bool json;
} opt = {.from = -1,
	 .to = -1,
	 .step = 30,
	 .seed = 1,
	 .limit = 80,
	 .demand = 20,
	 .horizon = 240};

static const struct arg options[] = {
	{"forecasts", "FILE", "peaks of backtest; none: rules", .text = &opt.forecasts},
	{"truth", "FILE", "CSV or CSV.gz", .list = opt.files},
	{"from", "TIME", "first origin", .time_ms = &opt.from},
	{"to", "TIME", "last origin", .time_ms = &opt.to},
	{"step-min", "N", "between origins (30)", .number = &opt.step, .low = 5,
	 .high = 1440},
	{"horizon", "MIN", "of the stay (240)", .number = &opt.horizon, .low = 5,
	 .high = 1440},
	{"theta", "N", "limit in points (80)", .number = &opt.limit, .low = 1,
	 .high = 100},
	{"demand", "N", "of the VM in points (20)", .number = &opt.demand, .low = 0,
	 .high = 100},
	{"candidates", "N", "clusters to choose from (5)", .number = &opt.candidates,
	 .low = 1, .high = 64},
	{"draws", "N", "events an origin (20)", .number = &opt.draws, .low = 1,
	 .high = 100000},
	{"seed", "N", "(1)", .number = &opt.seed, .high = INT64_MAX},
	{"json", NULL, "scores as JSON", .flag = &opt.json},
	{0}};

int cmd_decide(int argc, char **argv)
{
	struct placement_conf conf = placement_defaults;
	struct vrs_err err = {0};
	struct loaded l;
	struct peaks peaks = {0};
	struct placement_result result = {0};

	opt.candidates = conf.candidates;
	opt.draws = conf.draws;
	args_parse(&command, options, argc, argv);
	if (opt.from < 0 || opt.to < opt.from)
		args_wrong(&command, "--from and a later --to are required");
	load_series(&command, opt.files, 0, &l);
	if (opt.forecasts && read_peaks(opt.forecasts, &l.traces, &peaks, &err) < 0) {
		free(peaks.row);
		load_free(&l);
		return load_failed(&command, &err);
	}
	conf.from_ms = opt.from;
	conf.to_ms = opt.to;
	conf.step_ms = opt.step * 60000;
	conf.candidates = (int)opt.candidates;
	conf.draws = (int)opt.draws;
	conf.seed = (uint64_t)opt.seed;
	conf.limit = (double)opt.limit;
	conf.demand = (double)opt.demand;
	conf.ahead = (int)(opt.horizon / 5);
	struct bins *truth = vrs_calloc(l.n + 1, sizeof(*truth));
	for (size_t i = 0; i < l.n; i++)
		truth[i] = l.series[i].bins;
	placement_run(truth, l.n, &conf, opt.forecasts ? find : NULL, &peaks, &result);
	print(&result, opt.json);
	free(truth);
	free(peaks.row);
	load_free(&l);
	return 0;
}
