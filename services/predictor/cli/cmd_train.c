/* cmd_train.c - vrs-predictor train: a model from recorded traces. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/load.h"
#include "cli/print.h"
#include "paper/net_set.h"
#include "vrs/clock.h"

static int show(void *arg, long step, long steps, double loss)
{
	char note[48];

	(void)arg;
	(void)snprintf(note, sizeof(note), "loss %.4f", loss);
	if (step % 10 == 0 || step == steps)
		print_progress("training", (double)step / (double)steps, note);
	return 0;
}

static int show_paper(void *arg, double share, const char *name)
{
	(void)arg;
	print_progress("training", share, name);
	return 0;
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
		printf("on days held out from training: mean error %.2f points, same "
		       "time yesterday %.2f; %.1f %% of the peaks at or below their "
		       "P90\n",
		       (double)m->calib_mae, (double)m->calib_mae_seasonal,
		       (double)m->calib_cover90 * 100);
	else
		printf("not calibrated: too little history to hold days out from "
		       "training\n");
}

/* One net a series, as the paper has it. */
static int train_paper(const struct vrs_args *a, const struct paper_conf *conf)
{
	struct vrs_err err = {0};
	struct paper_set *set = NULL;
	struct loaded l;
	const char *model = vrs_args_value(a, "model");
	int64_t until = vrs_args_number(a, "until", 0);
	bool json = vrs_args_has(a, "json");

	load_series(a, "traces", until, &l);
	int status = paper_set_train(&set, &l.traces, until, conf, &err);
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
	return status < 0 ? load_failed(a, &err) : 0;
}

int cmd_train(struct vrs_ctl *ctl)
{
	const struct vrs_args *a = &ctl->args;
	struct train_conf conf = train_defaults;
	struct vrs_err err = {0};
	struct loaded l;
	struct model *m = NULL, *old = NULL;
	const char *path = vrs_args_value(a, "model"), *base = vrs_args_value(a, "base");
	const char *preset = vrs_args_value(a, "preset");

	if (preset && strcmp(preset, "default") != 0) {
		if (base)
			return vrs_args_wrong(a,
					      "--base and --preset %s exclude each "
					      "other",
					      preset);
		struct paper_conf paper = load_paper_conf(a, preset);

		paper.progress = show_paper;

		return train_paper(a, &paper);
	}
	if (base && model_load(&old, base, &err) < 0)
		return load_failed(a, &err);
	conf.base = old;
	load_series(a, "traces", vrs_args_number(a, "until", 0), &l);
	conf.seed = (uint32_t)vrs_args_number(a, "seed", conf.seed);
	conf.batch = (int)vrs_args_number(a, "batch", conf.batch);
	conf.hidden = (int)vrs_args_number(a, "hidden", conf.hidden);
	conf.epochs = (int)vrs_args_number(a, "epochs", conf.epochs);
	conf.max_windows = (int)vrs_args_number(a, "max-windows", conf.max_windows);
	conf.utc_min = (int32_t)vrs_args_number(a, "utc-offset", 0);
	conf.made_at_ms = vrs_now_wall_ms();
	conf.progress = show;
	int status = train_model(&m, l.series, l.n, &conf, &err);
	if (status == 0)
		status = model_save(m, path, &err);
	if (status == 0)
		print_report(m, path, vrs_args_has(a, "json"));
	model_free(m);
	model_free(old);
	load_free(&l);
	return status < 0 ? load_failed(a, &err) : 0;
}
