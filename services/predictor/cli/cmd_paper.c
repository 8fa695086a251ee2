/* cmd_paper.c - vrs-predictor paper: the paper's procedure on one series, with what it
 * has to be compared with. */
#include <math.h>
#include <stdio.h>

#include "cli/commands.h"
#include "cli/load.h"
#include "cli/print.h"
#include "paper/experiment.h"

static int show(void *arg, double share, const char *note)
{
	(void)arg;
	print_progress("training", share, note);
	return 0;
}

static void print_text(const char *name, const struct paper_run *r)
{
	const struct paper_conf *c = &r->model->conf;
	int last = c->epochs - 1;

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
	printf("loss in training %.6f, validation %.6f\n", r->model->train[last],
	       r->model->valid[last]);
}

static void print_json(const char *name, const struct paper_run *r)
{
	const struct paper_conf *c = &r->model->conf;
	int last = c->epochs - 1;

	printf("{\"entity\":\"%s\",\"preset\":\"%s\",\"window\":%d,\"batch\":%d,"
	       "\"epochs\":%d,\"hidden\":%d,\"scaler\":\"%s\",\"train\":%.7f,"
	       "\"validation\":%.7f,",
	       name, c->name, c->window, c->batch, c->epochs, c->hidden,
	       scaler_name(c->scaler), r->model->train[last], r->model->valid[last]);
	print_json_number("test", r->test);
	print_json_number("last", r->last);
	print_json_number("yesterday", r->yesterday);
	print_json_number("scale_points", r->scale);
	print_json_number("mae240", r->far[0]);
	print_json_number("mae240_last", r->far[1]);
	printf("\"mae240_yesterday\":");
	printf(isfinite(r->far[2]) ? "%.4f}\n" : "null}\n", r->far[2]);
}

int cmd_paper(struct vrs_ctl *ctl)
{
	const struct vrs_args *a = &ctl->args;
	struct vrs_err err = {0};
	struct loaded l;
	const char *preset = vrs_args_value(a, "preset");
	struct paper_conf conf = load_paper_conf(a, preset ? preset : "paper-13");

	conf.progress = show;
	load_series(a, "traces", 0, &l);
	const struct trace *t = load_one(&l, vrs_args_value(a, "entity"), &err);
	if (!t) {
		load_free(&l);
		return load_failed(a, &err);
	}
	struct grid g;
	struct paper_run r;
	grid_of(t, &g);
	int64_t until = vrs_args_number(a, "until", -1);
	size_t split = until < 0 ? paper_run_split(&g) : grid_before(&g, until);
	int status = paper_run(&r, &g, split, &conf, &err);
	if (status == 0) {
		(vrs_args_has(a, "json") ? print_json : print_text)(t->name, &r);
		paper_run_free(&r);
	}
	grid_free(&g);
	load_free(&l);
	return status < 0 ? load_failed(a, &err) : 0;
}
