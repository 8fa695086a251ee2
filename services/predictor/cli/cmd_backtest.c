/* cmd_backtest.c - vrs-predictor backtest: how good would the forecasts have been? */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/load.h"
#include "cli/print.h"
#include "evaluation/backtest.h"
#include "paper/net_set.h"
#include "vrs/clock.h"

struct out {
	FILE *peaks, *paths;
};

static void write_out(void *arg, const char *entity, int64_t origin_ms,
		      const struct forecast *f)
{
	struct out *o = arg;
	char at[32];
	double mean = 0;

	vrs_time_format(at, sizeof(at), origin_ms);
	for (size_t h = 0; h < BINS_AHEAD; h++) {
		mean += (double)f->path[0][h] / BINS_AHEAD;
		if (o->paths)
			(void)fprintf(o->paths, "%s,%s,%zu,%.3f,%.3f,%.3f\n", at, entity,
				      (h + 1) * 5, (double)f->path[0][h],
				      (double)f->path[1][h], (double)f->path[2][h]);
	}
	if (o->peaks)
		(void)fprintf(o->peaks, "%s,%s,%.3f,%.3f,%.3f,%.3f\n", at, entity,
			      (double)f->peak[1][0], (double)f->peak[1][1],
			      (double)f->peak[1][2], mean);
}

static FILE *create(const struct vrs_args *a, const char *option, const char *head)
{
	const char *path = vrs_args_value(a, option);
	FILE *f = path ? fopen(path, "we") : NULL;

	if (path && !f)
		exit(vrs_args_wrong(a, "%s: %s", path, strerror(errno)));
	if (f)
		(void)fprintf(f, "%s\n", head);
	return f;
}

static int show_training(void *arg, double share, const char *name)
{
	(void)arg;
	print_progress("training the paper's nets", share, name);
	return 0;
}

static void show_done(double share, const char *entity)
{
	print_progress("forecasting", share, entity);
}

struct paper_nets {
	const struct paper_set *set;
	const struct traces *traces;
};

static void by_paper(void *arg, size_t series, const int64_t *origin, size_t n,
		     struct forecast *ret)
{
	const struct paper_nets *nets = arg;

	paper_set_forecast(nets->set, &nets->traces->trace[series], origin, n, ret);
}

static void print_table(const struct backtest *b)
{
	static const char *const labels[BACKTEST_METHODS] = {
		"",       "last value", "same time yesterday",
		"slevel", "model",      "paper's net"};

	printf("%zu forecasts, %zu origins without a score (the next hours or the day "
	       "before are unknown)\n",
	       b->origins, b->skipped);
	printf("%-20s %7s %7s %7s %7s %8s %8s %8s %8s\n", "", "rel120", "rel240",
	       "MAE120", "MAE240", "peak120", "peak240", "P90 in", "P99 in");
	for (int m = METHOD_LAST; m < BACKTEST_METHODS; m++) {
		const struct backtest_score *s = &b->score[m];

		if (s->n == 0)
			continue;
		printf("%-20s %7.3f %7.3f %7.2f %7.2f %8.2f %8.2f %8.3f %8.3f\n",
		       labels[m], s->rel[0], s->rel[1], s->mae[0], s->mae[1],
		       s->peak_mae[0], s->peak_mae[1], s->cover90[1], s->cover99[1]);
	}
	printf("answered by:");
	for (int m = 0; m < BACKTEST_METHODS; m++)
		if (b->used[m])
			printf(" %s %zu", forecast_method_name((enum method)m),
			       b->used[m]);
	printf("\n");
}

static void print_json(const struct backtest *b)
{
	printf("{\"forecasts\":%zu,\"skipped\":%zu", b->origins, b->skipped);
	for (int m = METHOD_LAST; m < BACKTEST_METHODS; m++) {
		const struct backtest_score *s = &b->score[m];

		if (s->n == 0)
			continue;
		printf(",\"%s\":{\"rel\":[%.4f,%.4f],\"mae\":[%.3f,%.3f],\"peak_mae\":[%."
		       "3f,"
		       "%.3f],\"peak_p90_coverage\":[%.4f,%.4f],\"peak_p99_coverage\":[%."
		       "4f,"
		       "%.4f],\"path_p90_coverage\":%.4f,\"answered\":%zu}",
		       forecast_method_name((enum method)m), s->rel[0], s->rel[1],
		       s->mae[0], s->mae[1], s->peak_mae[0], s->peak_mae[1],
		       s->cover90[0], s->cover90[1], s->cover99[0], s->cover99[1],
		       s->path_cover90, b->used[m]);
	}
	printf("}\n");
}

int cmd_backtest(struct vrs_ctl *ctl)
{
	const struct vrs_args *a = &ctl->args;
	struct vrs_err err = {0};
	struct loaded l;
	struct model *m = NULL;
	struct paper_set *set = NULL;
	struct backtest result;
	const char *model = vrs_args_value(a, "model");
	int64_t from = vrs_args_number(a, "from", 0), to = vrs_args_number(a, "to", 0);

	if (to < from)
		return vrs_args_wrong(a, "--to must not be earlier than --from");
	if ((paper_set_is(model) ? paper_set_load(&set, model, &err)
				 : model_load(&m, model, &err)) < 0)
		return load_failed(a, &err);
	load_series(a, "traces", 0, &l);
	if (vrs_args_has(a, "paper") && !set) {
		struct paper_conf pc = *paper_preset("paper-13");

		pc.epochs = (int)vrs_args_number(a, "paper-epochs", pc.epochs);
		pc.progress = show_training;
		if (paper_set_train(&set, &l.traces, from, &pc, &err) < 0) {
			model_free(m);
			load_free(&l);
			return load_failed(a, &err);
		}
	}
	struct out out = {
		create(a, "peaks", "origin,entity,peak_p50,peak_p90,peak_p99,mean"),
		create(a, "paths", "origin,entity,minute,p50,p90,p99")};
	struct paper_nets nets = {set, &l.traces};
	const struct backtest_conf conf = {
		.model = m,
		.from_ms = from,
		.to_ms = to,
		.step_ms = vrs_args_number(a, "step-min", 30) * 60000,
		.utc_min = (int32_t)vrs_args_number(a, "utc-offset", 0),
		.gate = !vrs_args_has(a, "net-only"),
		.history_bins =
			(size_t)vrs_args_number(a, "history-hours", 0) * BINS_HOUR,
		.lost_bins = (size_t)vrs_args_number(a, "lost-min", 0) / 5,
		.progress = show_done,
		.other = set ? by_paper : NULL,
		.other_arg = &nets,
		.each = write_out,
		.each_arg = &out};
	backtest_run(&conf, l.series, l.n, &result);
	(vrs_args_has(a, "json") ? print_json : print_table)(&result);
	int status = 0;
	FILE *const files_out[] = {out.peaks, out.paths};
	for (int i = 0; i < 2; i++)
		if (files_out[i] && fclose(files_out[i]) != 0)
			status = vrs_fail_errno(&err, "cannot write %s",
						vrs_args_text(a, i ? "paths" : "peaks"));
	model_free(m);
	paper_set_free(set);
	load_free(&l);
	return status < 0 ? load_failed(a, &err) : 0;
}
