/* cmd_paper.c - vrs-predictor paper: the paper's procedure on one series, with what it
 * has to be compared with. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/load.h"
#include "paper/experiment.h"

static const struct command command = {
	"paper",
	"Trains the paper's LSTM (one minute ahead) on one series and tests it, beside "
	"last value and same time yesterday.",
	cmd_paper};

static int show(void *arg, double share)
{
	args_progress("training", share, arg);
	return 0;
}

static void print_text(const char *name, const struct paper_run *r)
{
	const struct paper_conf *c = &r->conf;

	printf("%s: %s, window %d, batch %d, epochs %d, hidden %d, %s\n"
	       "%-22s %12s %14s %18s\n",
	       name, c->name, c->window, c->batch, c->epochs, c->hidden,
	       scaler_name(c->scaler), "", "1 step, MSE", "RMSE, points",
	       "240 min, points");
	const struct {
		const char *name;
		double mse, far;
	} row[] = {{"LSTM (fed back)", r->test, r->far[0]},
		   {"last value", r->last, r->far[1]},
		   {"same time yesterday", r->yesterday, r->far[2]}};
	for (int i = 0; i < 3; i++)
		printf("%-22s %12.6f %14.3f %18.2f\n", row[i].name, row[i].mse,
		       sqrt(row[i].mse) * r->scale, row[i].far);
	printf("loss in training %.6f, validation %.6f\n", r->train[r->epochs - 1],
	       r->valid[r->epochs - 1]);
}

static void print_json(const char *name, const struct paper_run *r)
{
	const struct paper_conf *c = &r->conf;

	printf("{\"entity\":\"%s\",\"preset\":\"%s\",\"window\":%d,\"batch\":%d,"
	       "\"epochs\":%d,\"hidden\":%d,\"scaler\":\"%s\",\"train\":%.7f,"
	       "\"validation\":%.7f,",
	       name, c->name, c->window, c->batch, c->epochs, c->hidden,
	       scaler_name(c->scaler), r->train[r->epochs - 1], r->valid[r->epochs - 1]);
	args_json_number("test", r->test);
	args_json_number("last", r->last);
	args_json_number("yesterday", r->yesterday);
	args_json_number("scale_points", r->scale);
	args_json_number("mae240", r->far[0]);
	args_json_number("mae240_last", r->far[1]);
	printf("\"mae240_yesterday\":");
	printf(isfinite(r->far[2]) ? "%.4f}\n" : "null}\n", r->far[2]);
}

int cmd_paper(int argc, char **argv)
{
	const char *files[ARGS_MAX_LIST] = {0}, *entity = NULL, *preset = "paper-13",
		   *scaler = NULL;
	int64_t until = -1, seed = 1, hidden = 0, window = 0, batch = 0, epochs = 0;
	bool json = false;
	const struct arg table[] = {
		ARG_TRACES(files),
		ARG_ONE_ENTITY(&entity),
		ARG_FAILURE(&until),
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
		{.name = "json", .help = "one object", .flag = &json},
		{0}};
	struct vrs_err err = {0};
	struct loaded l;

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
	const struct trace *t = load_one(&l, entity, &err);
	if (!t) {
		load_free(&l);
		return load_failed(&command, &err);
	}
	struct grid g;
	struct paper_run r;
	grid_of(t, &g);
	size_t split = until < 0 ? paper_run_split(&g) : grid_before(&g, until);
	int status = paper_run(&r, &g, split, &conf, show, (void *)conf.name, &err);
	if (status == 0) {
		(json ? print_json : print_text)(t->name, &r);
		paper_run_free(&r);
	}
	grid_free(&g);
	load_free(&l);
	return status < 0 ? load_failed(&command, &err) : 0;
}
