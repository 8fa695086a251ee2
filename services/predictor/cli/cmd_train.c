/* cmd_train.c - vrs-predictor train: a model from recorded traces. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/load.h"
#include "paper/backtest.h"
#include "vrs/clock.h"

static const struct command command = {
	"train",
	"Trains the forecasting net on traces and writes a model file; with a preset of "
	"the paper, its net of each series instead.",
	cmd_train};

static int show(void *arg, long step, long steps, double loss)
{
	char note[48];

	(void)arg;
	(void)snprintf(note, sizeof(note), "loss %.4f", loss);
	if (step % 10 == 0 || step == steps)
		args_progress("training", (double)step / (double)steps, note);
	return 0;
}

static void show_paper(double share, const char *name)
{
	args_progress("training", share, name);
}

static void print_report(const struct model *m, const char *path, bool json)
{
	if (json) {
		char *report = model_report(m);

		puts(report);
		free(report);
		return;
	}
	printf("%s: version %s, %zu weights from %u windows of %u series, %u epochs\n",
	       path, m->version, m->n_weights, m->n_windows, m->n_series, m->epochs);
	if (isfinite(m->calib_mae))
		printf("on days kept out of training: misses by %.2f points, same time "
		       "yesterday by %.2f; %.1f %% of the peaks at or below their P90\n",
		       (double)m->calib_mae, (double)m->calib_mae_seasonal,
		       (double)m->calib_cover90 * 100);
	else
		printf("too little history to keep days out of training: not "
		       "calibrated\n");
}

/* One net a series, as the paper has it. */
static int train_paper(const struct paper_conf *conf, const char *const *files,
		       int64_t until, const char *model, bool json)
{
	struct vrs_err err = {0};
	struct paper_set *set = NULL;
	struct loaded l;

	load_series(&command, files, until, &l);
	int status = paper_set_train(&set, &l.traces, until, conf, show_paper, &err);
	if (status == 0)
		status = paper_set_save(set, model, &err);
	if (status == 0 && !json)
		printf("%s: %zu nets (%s), %zu series had too few readings\n", model,
		       paper_set_size(set), conf->name, l.n - paper_set_size(set));
	if (status == 0 && json)
		printf("{\"preset\":\"%s\",\"series\":%zu,\"passed_over\":%zu,"
		       "\"window\":%d,\"batch\":%d,\"epochs\":%d,\"hidden\":%d,"
		       "\"scaler\":\"%s\",\"seed\":%u}\n",
		       conf->name, paper_set_size(set), l.n - paper_set_size(set),
		       conf->window, conf->batch, conf->epochs, conf->hidden,
		       scaler_name(conf->scaler), conf->seed);
	paper_set_free(set);
	load_free(&l);
	return status < 0 ? load_failed(&command, &err) : 0;
}

int cmd_train(int argc, char **argv)
{
	struct train_conf conf = train_defaults;
	const char *model = NULL, *base = NULL, *preset = "default",
		   *files[ARGS_MAX_LIST] = {0};
	int64_t until = 0, batch = -1, seed = conf.seed, hidden = -1, epochs = -1,
		most = conf.max_windows, utc = 0;
	bool json = false;
	const struct arg table[] = {
		ARG_TRACES(files),
		{.name = "model",
		 .what = "FILE",
		 .help = "where it goes",
		 .text = &model},
		{.name = "preset",
		 .what = "NAME",
		 .help = "default, paper-13, paper-12-1, -2, -3",
		 .text = &preset},
		{.name = "base",
		 .what = "FILE",
		 .help = "a model to learn on top of",
		 .text = &base},
		{.name = "until",
		 .what = "TIME",
		 .help = "use samples before it only",
		 .time_ms = &until},
		{.name = "seed",
		 .what = "N",
		 .help = "same seed, same model (1)",
		 .number = &seed,
		 .high = UINT32_MAX},
		{.name = "hidden",
		 .what = "N",
		 .help = "units of the LSTM (32); 0: a net without one",
		 .number = &hidden,
		 .low = 0,
		 .high = 256},
		{.name = "epochs",
		 .what = "N",
		 .help = "(12)",
		 .number = &epochs,
		 .low = 1,
		 .high = 10000},
		{.name = "batch",
		 .what = "N",
		 .help = "windows of a step (by their number)",
		 .number = &batch,
		 .low = 0,
		 .high = 4096},
		{.name = "max-windows",
		 .what = "N",
		 .help = "of one epoch (80000)",
		 .number = &most,
		 .low = 512,
		 .high = 10000000},
		{.name = "utc-offset",
		 .what = "MIN",
		 .help = "local clock ahead of UTC (0)",
		 .number = &utc,
		 .low = -720,
		 .high = 840},
		{.name = "json", .help = "the report as JSON", .flag = &json},
		{0}};
	struct vrs_err err = {0};
	struct loaded l;
	struct model *m = NULL, *old = NULL;

	args_parse(&command, table, argc, argv);
	if (!model)
		args_wrong(&command, "no --model was given");
	const struct paper_conf *paper = paper_preset(preset);
	if (!paper && strcmp(preset, "default") != 0)
		args_wrong(&command,
			   "--preset: there is no '%s' (default, paper-13, paper-12-1, "
			   "paper-12-2, paper-12-3)",
			   preset);
	if (paper) {
		struct paper_conf c = *paper;

		if (base)
			args_wrong(&command, "the paper's nets have no --base");
		c.seed = (uint32_t)seed;
		c.batch = batch > 0 ? (int)batch : c.batch;
		c.hidden = hidden >= 0 ? (int)hidden : c.hidden;
		c.epochs = epochs >= 0 ? (int)epochs : c.epochs;
		return train_paper(&c, files, until, model, json);
	}
	if (base && model_load(&old, base, &err) < 0)
		return load_failed(&command, &err);
	conf.base = old;
	load_series(&command, files, until, &l);
	conf.seed = (uint32_t)seed;
	conf.batch = batch >= 0 ? (int)batch : conf.batch;
	conf.hidden = hidden >= 0 ? (int)hidden : conf.hidden;
	conf.epochs = epochs >= 0 ? (int)epochs : conf.epochs;
	conf.max_windows = (int)most;
	conf.utc_min = (int32_t)utc;
	conf.made_at_ms = vrs_now_wall_ms();
	int status = train_model(&m, l.series, l.n, &conf, show, NULL, &err);
	if (status == 0)
		status = model_save(m, model, &err);
	if (status == 0) {
		print_report(m, model, json);
	}
	model_free(m);
	model_free(old);
	load_free(&l);
	return status < 0 ? load_failed(&command, &err) : 0;
}
