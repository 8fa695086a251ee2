/* cmd_paper.c - vrs-predictor paper: the paper's procedure on one series, with what it
 * has to be compared with. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "load.h"
#include "paper.h"
#include "vrs/mem.h"

static const struct command command = {
	"paper",
	"Trains the paper's LSTM (one minute ahead) on one series and tests it, beside "
	"last value and same time yesterday.",
	cmd_paper};

enum { DAY_MIN = 1440, AHEAD_MIN = 240, EVERY_MIN = 30 };

/* Minutes of a trace from its first one on. */
static float *minutes_of(const struct trace *t, int64_t *ret_first, size_t *ret_n)
{
	int64_t first = t->at_ms[0] / 60000, last = t->at_ms[t->n - 1] / 60000;
	size_t n = (size_t)(last - first + 1);
	float *x = vrs_calloc(n, sizeof(*x));

	for (size_t i = 0; i < n; i++)
		x[i] = NAN;
	for (size_t i = 0; i < t->n; i++)
		x[t->at_ms[i] / 60000 - first] = t->pct[i];
	*ret_first = first;
	*ret_n = n;
	return x;
}

static int show(void *arg, int epoch, double train, double valid)
{
	const struct paper_conf *c = arg;
	char note[64];

	(void)snprintf(note, sizeof(note), "train %.6f validation %.6f", train, valid);
	args_progress("training", (double)epoch / c->epochs, note);
	return 0;
}

/* Mean absolute error over the coming 240 minutes from origins in the test part. */
static void far_errors(const struct paper_model *m, const float *x, size_t n,
		       size_t split, double ret[3])
{
	double sum[3] = {0};
	size_t origins = 0;

	for (size_t o = split; o + AHEAD_MIN <= n; o += EVERY_MIN) {
		float path[AHEAD_MIN];
		bool whole = o >= DAY_MIN && o >= (size_t)m->conf.window;

		for (size_t i = 0; whole && i < (size_t)m->conf.window; i++)
			whole = !isnan(x[o - 1 - i]);
		for (size_t i = 0; whole && i < AHEAD_MIN; i++)
			whole = !isnan(x[o + i]) && !isnan(x[o + i - DAY_MIN]);
		if (!whole)
			continue;
		paper_forecast(m, x + o - m->conf.window, path, AHEAD_MIN);
		for (size_t i = 0; i < AHEAD_MIN; i++) {
			sum[0] += fabs((double)(path[i] - x[o + i])) / AHEAD_MIN;
			sum[1] += fabs((double)(x[o - 1] - x[o + i])) / AHEAD_MIN;
			sum[2] +=
				fabs((double)(x[o + i - DAY_MIN] - x[o + i])) / AHEAD_MIN;
		}
		origins++;
	}
	for (int i = 0; i < 3; i++)
		ret[i] = origins ? sum[i] / (double)origins : NAN;
}

static double yesterday_error(const struct paper_model *m, const float *x, size_t n,
			      size_t split)
{
	double sum = 0;
	size_t known = 0;

	for (size_t i = split > DAY_MIN ? split : DAY_MIN; i < n; i++) {
		double d = (double)(x[i] - x[i - DAY_MIN]) / m->scaler.scale;

		if (!isnan(d)) {
			sum += d * d;
			known++;
		}
	}
	return known ? sum / (double)known : NAN;
}

int cmd_paper(int argc, char **argv)
{
	const char *files[ARGS_MAX_LIST] = {0}, *entity = NULL, *preset = "paper-13",
		   *scaler = NULL;
	int64_t until = -1, seed = 1, hidden = 0, window = 0, batch = 0, epochs = 0;
	const struct arg table[] = {
		{.name = "traces",
		 .what = "FILE",
		 .help = "CSV or CSV.gz",
		 .list = files},
		{.name = "entity",
		 .what = "NAME",
		 .help = "the series (the first one)",
		 .text = &entity},
		{.name = "until",
		 .what = "TIME",
		 .help = "the failure: tests from here on",
		 .time_ms = &until},
		{.name = "preset",
		 .what = "NAME",
		 .help = "paper-13, paper-12-1, paper-12-2, paper-12-3",
		 .text = &preset},
		{.name = "scaler",
		 .what = "NAME",
		 .help = "MinMax, MaxAbs, Standard, Robust",
		 .text = &scaler},
		{.name = "window",
		 .what = "N",
		 .help = "minutes looked at",
		 .number = &window,
		 .low = 1,
		 .high = 1440},
		{.name = "batch",
		 .what = "N",
		 .help = "rows of a step",
		 .number = &batch,
		 .low = 1,
		 .high = 4096},
		{.name = "epochs",
		 .what = "N",
		 .help = "passes",
		 .number = &epochs,
		 .low = 1,
		 .high = 100000},
		{.name = "hidden",
		 .what = "N",
		 .help = "units",
		 .number = &hidden,
		 .low = 1,
		 .high = 1024},
		{.name = "seed",
		 .what = "N",
		 .help = "(1)",
		 .number = &seed,
		 .high = UINT32_MAX},
		{0}};
	struct vrs_err err = {0};
	struct loaded l;
	struct paper_model *m = NULL;

	args_parse(&command, table, argc, argv);
	if (!paper_preset(preset))
		args_wrong(&command, "there is no preset '%s'", preset);
	struct paper_conf conf = *paper_preset(preset);
	conf.seed = (uint32_t)seed;
	conf.window = window ? (int)window : conf.window;
	conf.batch = batch ? (int)batch : conf.batch;
	conf.epochs = epochs ? (int)epochs : conf.epochs;
	conf.hidden = hidden ? (int)hidden : conf.hidden;
	for (int k = 0; scaler; k++) {
		if (k == SCALERS)
			args_wrong(&command, "there is no scaler '%s'", scaler);
		if (strcasecmp(scaler, scaler_name((enum scaler_kind)k)) == 0) {
			conf.scaler = (enum scaler_kind)k;
			break;
		}
	}
	load_series(&command, files, 0, &l);
	const struct trace *t = entity       ? traces_find(&l.traces, entity)
				: l.traces.n ? &l.traces.trace[0]
					     : NULL;
	if (!t || t->n == 0) {
		(void)vrs_fail(&err, VRS_ENOENT, "no entity '%s'", entity ? entity : "");
		load_free(&l);
		return load_failed(&command, &err);
	}
	int64_t first;
	size_t n;
	float *x = minutes_of(t, &first, &n);
	/* as the paper: of 7,200 rows the last 770 are after the failure */
	size_t split = until < 0 ? n * 643 / 720 : 0;
	if (until >= 0 && until / 60000 > first)
		split = (size_t)(until / 60000 - first) < n
				? (size_t)(until / 60000 - first)
				: n;
	int status = paper_train(&m, x, split, &conf, show, &conf, &err);
	if (status == 0) {
		size_t from =
			split > (size_t)conf.window ? split - (size_t)conf.window : 0;
		double last, far[3], test = paper_test(m, x + from, n - from, &last);

		far_errors(m, x, n, split, far);
		printf("%s: %s, window %d, batch %d, epochs %d, hidden %d, %s\n"
		       "%-22s %12s %18s\n",
		       t->name, conf.name, conf.window, conf.batch, conf.epochs,
		       conf.hidden, scaler_name(conf.scaler), "", "1 min, MSE",
		       "240 min, points");
		printf("%-22s %12.6f %18.2f\n%-22s %12.6f %18.2f\n%-22s %12.6f %18.2f\n",
		       "LSTM (fed back)", test, far[0], "last value", last, far[1],
		       "same time yesterday", yesterday_error(m, x, n, split), far[2]);
	}
	paper_model_free(m);
	free(x);
	load_free(&l);
	return status < 0 ? load_failed(&command, &err) : 0;
}
