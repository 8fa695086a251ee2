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

static struct {
	const char *files[ARGS_MAX_LIST], *entity, *preset, *scaler;
	int64_t until, seed, hidden, window, batch, epochs;
	bool json;
} opt = {.preset = "paper-13", .until = -1, .seed = 1};

static const struct arg options[] = {
	ARG_TRACES(opt.files),
	ARG_ONE_ENTITY(&opt.entity),
	ARG_FAILURE(&opt.until),
	{"preset", "NAME", "paper-13, paper-12-1, paper-12-2, paper-12-3",
	 .text = &opt.preset},
	{"scaler", "NAME", "MinMax, MaxAbs, Standard, Robust", .text = &opt.scaler},
	{"window", "N", "minutes looked at", .number = &opt.window, .low = 1,
	 .high = 1440},
	{"batch", "N", "rows of a step", .number = &opt.batch, .low = 1, .high = 4096},
	{"epochs", "N", "passes", .number = &opt.epochs, .low = 1, .high = 100000},
	{"hidden", "N", "units", .number = &opt.hidden, .low = 1, .high = 1024},
	{"seed", "N", "(1)", .number = &opt.seed, .high = UINT32_MAX},
	{"json", NULL, "one object", .flag = &opt.json},
	{0}};

int cmd_paper(int argc, char **argv)
{
	struct vrs_err err = {0};
	struct loaded l;

	args_parse(&command, options, argc, argv);
	if (!paper_preset(opt.preset))
		args_wrong(&command, "unknown preset '%s'", opt.preset);
	struct paper_conf conf = *paper_preset(opt.preset);
	conf.seed = (uint32_t)opt.seed;
	conf.window = opt.window ? (int)opt.window : conf.window;
	conf.batch = opt.batch ? (int)opt.batch : conf.batch;
	conf.epochs = opt.epochs ? (int)opt.epochs : conf.epochs;
	conf.hidden = opt.hidden ? (int)opt.hidden : conf.hidden;
	for (int k = 0; opt.scaler; k++) {
		if (k == SCALERS)
			args_wrong(&command, "unknown scaler '%s'", opt.scaler);
		if (strcasecmp(opt.scaler, scaler_name((enum scaler_kind)k)) == 0) {
			conf.scaler = (enum scaler_kind)k;
			break;
		}
	}
	load_series(&command, opt.files, 0, &l);
	const struct trace *t = load_one(&l, opt.entity, &err);
	if (!t) {
		load_free(&l);
		return load_failed(&command, &err);
	}
	struct grid g;
	struct paper_run r;
	grid_of(t, &g);
	size_t split = opt.until < 0 ? paper_run_split(&g) : grid_before(&g, opt.until);
	int status = paper_run(&r, &g, split, &conf, show, (void *)conf.name, &err);
	if (status == 0) {
		(opt.json ? print_json : print_text)(t->name, &r);
		paper_run_free(&r);
	}
	grid_free(&g);
	load_free(&l);
	return status < 0 ? load_failed(&command, &err) : 0;
}
