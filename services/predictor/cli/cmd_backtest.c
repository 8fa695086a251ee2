/* cmd_backtest.c - vrs-predictor backtest: how good would the forecasts have been? */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/load.h"
#include "evaluation/backtest.h"
#include "evaluation/paper_backtest.h"
#include "vrs/clock.h"

static const struct command command = {
	"backtest",
	"Forecasts at past origins, from what was known then, and scores the forecasts "
	"beside simple rules.",
	cmd_backtest};

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

static FILE *create(const char *path, const char *head)
{
	FILE *f = path ? fopen(path, "we") : NULL;

	if (path && !f)
		args_wrong(&command, "%s: %s", path, strerror(errno));
	if (f)
		(void)fprintf(f, "%s\n", head);
	return f;
}

static void say_training(double share, const char *name)
{
	args_progress("training the paper's nets", share, name);
}

static void say_done(double share, const char *entity)
{
	args_progress("forecasting", share, entity);
}

static void print_table(const struct backtest *b)
{
	static const char *const labels[BACKTEST_METHODS] = {
		"",       "last value", "same time yesterday",
		"slevel", "model",      "paper's net"};

	printf("%zu forecasts, %zu origins without a score (unknown future or day "
	       "before)\n",
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

static struct {
	const char *model, *files[ARGS_MAX_LIST], *peaks, *paths;
	int64_t from, to, step, utc, epochs, history_h, lost;
	bool json, net_only, paper;
} opt = {.model = "", .from = -1, .to = -1, .step = 30};

static const struct arg options[] = {
	ARG_TRACES(opt.files),
	{"model", "FILE", "of vrs-predictor train, of either kind", .text = &opt.model},
	{"from", "TIME", "first origin", .time_ms = &opt.from},
	{"to", "TIME", "last origin", .time_ms = &opt.to},
	{"step-min", "N", "between origins (30)", .number = &opt.step, .low = 5,
	 .high = 1440},
	{"utc-offset", "MIN", "local clock ahead of UTC (0)", .number = &opt.utc,
	 .low = -720, .high = 840},
	{"peaks", "FILE", "write the peaks, for decide", .text = &opt.peaks},
	{"paths", "FILE", "write the paths", .text = &opt.paths},
	{"net-only", NULL, "the net at every origin, without the ladder",
	 .flag = &opt.net_only},
	{"history-hours", "N", "use only this much history of each series (all)",
	 .number = &opt.history_h, .low = 1, .high = 192},
	{"lost-min", "N", "treat the newest N minutes as lost (0)", .number = &opt.lost,
	 .high = 1440},
	{"paper", NULL, "also the paper's nets, trained before --from (about 20 s each)",
	 .flag = &opt.paper},
	{"paper-epochs", "N", "of these (100)", .number = &opt.epochs, .low = 1,
	 .high = 10000},
	{"json", NULL, "scores as JSON", .flag = &opt.json},
	{0}};

int cmd_backtest(int argc, char **argv)
{
	struct vrs_err err = {0};
	struct loaded l;
	struct model *m = NULL;
	struct paper_set *set = NULL;
	struct backtest result;

	args_parse(&command, options, argc, argv);
	if (!*opt.model || opt.from < 0 || opt.to < opt.from)
		args_wrong(&command, "--model, --from and a later --to are required");
	if ((paper_set_is(opt.model) ? paper_set_load(&set, opt.model, &err)
				     : model_load(&m, opt.model, &err)) < 0)
		return load_failed(&command, &err);
	load_series(&command, opt.files, 0, &l);
	if (opt.paper && !set) {
		struct paper_conf pc = *paper_preset("paper-13");

		pc.epochs = opt.epochs ? (int)opt.epochs : pc.epochs;
		if (paper_set_train(&set, &l.traces, opt.from, &pc, say_training, &err) <
		    0) {
			model_free(m);
			load_free(&l);
			return load_failed(&command, &err);
		}
	}
	struct out out = {
		create(opt.peaks, "origin,entity,peak_p50,peak_p90,peak_p99,mean"),
		create(opt.paths, "origin,entity,minute,p50,p90,p99")};
	struct paper_back back = {set, &l.traces};
	const struct backtest_conf conf = {.from_ms = opt.from,
					   .to_ms = opt.to,
					   .step_ms = opt.step * 60000,
					   .utc_min = (int32_t)opt.utc,
					   .gate = !opt.net_only,
					   .history_bins =
						   (size_t)opt.history_h * BINS_HOUR,
					   .lost_bins = (size_t)(opt.lost / 5),
					   .progress = say_done,
					   .other = set ? paper_back : NULL,
					   .other_arg = &back};
	backtest_run(m, l.series, l.n, &conf, write_out, &out, &result);
	(opt.json ? print_json : print_table)(&result);
	int status = 0;
	FILE *const files_out[] = {out.peaks, out.paths};
	for (int i = 0; i < 2; i++)
		if (files_out[i] && fclose(files_out[i]) != 0)
			status = vrs_fail_errno(&err, "write %s",
						i ? opt.paths : opt.peaks);
	model_free(m);
	paper_set_free(set);
	load_free(&l);
	return status < 0 ? load_failed(&command, &err) : 0;
}
