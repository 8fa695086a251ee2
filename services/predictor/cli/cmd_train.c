/* cmd_train.c - vrs-predictor train: a model from recorded traces. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/load.h"
#include "evaluation/paper_backtest.h"
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
		printf("on days held out of training: mean error %.2f points, same time "
		       "yesterday %.2f; %.1f %% of the peaks at or below their P90\n",
		       (double)m->calib_mae, (double)m->calib_mae_seasonal,
		       (double)m->calib_cover90 * 100);
	else
		printf("not calibrated: too little history to hold days out of "
		       "training\n");
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

static struct {
	const char *model, *base, *preset, *files[ARGS_MAX_LIST];
	int64_t until, batch, seed, hidden, epochs, max_windows, utc;
	bool json;
} opt = {.preset = "default", .batch = -1, .hidden = -1, .epochs = -1};

static const struct arg options[] = {
	ARG_TRACES(opt.files),
	{"model", "FILE", "model file to write", .text = &opt.model},
	{"preset", "NAME", "default, paper-13, paper-12-1, -2, -3", .text = &opt.preset},
	{"base", "FILE", "model to continue training from", .text = &opt.base},
	{"until", "TIME", "use samples before it only", .time_ms = &opt.until},
	{"seed", "N", "same seed, same model (1)", .number = &opt.seed,
	 .high = UINT32_MAX},
	{"hidden", "N", "units of the LSTM (32); 0: a net without one",
	 .number = &opt.hidden, .low = 0, .high = 256},
	{"epochs", "N", "(12)", .number = &opt.epochs, .low = 1, .high = 10000},
	{"batch", "N", "windows of a step (by their number)", .number = &opt.batch,
	 .low = 0, .high = 4096},
	{"max-windows", "N", "of one epoch (80000)", .number = &opt.max_windows,
	 .low = 512, .high = 10000000},
	{"utc-offset", "MIN", "local clock ahead of UTC (0)", .number = &opt.utc,
	 .low = -720, .high = 840},
	{"json", NULL, "the report as JSON", .flag = &opt.json},
	{0}};

int cmd_train(int argc, char **argv)
{
	struct train_conf conf = train_defaults;
	struct vrs_err err = {0};
	struct loaded l;
	struct model *m = NULL, *old = NULL;

	opt.seed = conf.seed;
	opt.max_windows = conf.max_windows;
	args_parse(&command, options, argc, argv);
	if (!opt.model)
		args_wrong(&command, "--model is required");
	const struct paper_conf *paper = paper_preset(opt.preset);
	if (!paper && strcmp(opt.preset, "default") != 0)
		args_wrong(
			&command,
			"--preset: unknown preset '%s' (default, paper-13, paper-12-1, "
			"paper-12-2, paper-12-3)",
			opt.preset);
	if (paper) {
		struct paper_conf c = *paper;

		if (opt.base)
			args_wrong(&command,
				   "--base cannot be used with a preset of the paper");
		c.seed = (uint32_t)opt.seed;
		c.batch = opt.batch > 0 ? (int)opt.batch : c.batch;
		c.hidden = opt.hidden >= 0 ? (int)opt.hidden : c.hidden;
		c.epochs = opt.epochs >= 0 ? (int)opt.epochs : c.epochs;
		return train_paper(&c, opt.files, opt.until, opt.model, opt.json);
	}
	if (opt.base && model_load(&old, opt.base, &err) < 0)
		return load_failed(&command, &err);
	conf.base = old;
	load_series(&command, opt.files, opt.until, &l);
	conf.seed = (uint32_t)opt.seed;
	conf.batch = opt.batch >= 0 ? (int)opt.batch : conf.batch;
	conf.hidden = opt.hidden >= 0 ? (int)opt.hidden : conf.hidden;
	conf.epochs = opt.epochs >= 0 ? (int)opt.epochs : conf.epochs;
	conf.max_windows = (int)opt.max_windows;
	conf.utc_min = (int32_t)opt.utc;
	conf.made_at_ms = vrs_now_wall_ms();
	int status = train_model(&m, l.series, l.n, &conf, show, NULL, &err);
	if (status == 0)
		status = model_save(m, opt.model, &err);
	if (status == 0) {
		print_report(m, opt.model, opt.json);
	}
	model_free(m);
	model_free(old);
	load_free(&l);
	return status < 0 ? load_failed(&command, &err) : 0;
}
