/* cmd_sweep.c - vrs-predictor sweep: the paper's figures once more. Losses over the
 * epochs, prediction against truth, and what scaler, window and batch change. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/commands.h"
#include "cli/load.h"
#include "cli/print.h"
#include "net/file.h"
#include "paper/experiment.h"
#include "paper/plot.h"
#include "paper/workload.h"

enum { GROUPS = 4, MOST = 4, DAY_MIN = 1440, DAYS = 5 };

/* The paper's choice and, group by group, one thing changed. */
struct group {
	const char *name, *file;
	int n;
	int value[MOST];
	struct paper_run run[MOST];
};

static const struct group groups[GROUPS] = {
	{.name = "choice", .n = 1, .value = {0}},
	{.name = "scaler",
	 .file = "scalers.svg",
	 .n = SCALERS,
	 .value = {SCALER_MINMAX, SCALER_MAXABS, SCALER_STANDARD, SCALER_ROBUST}},
	{.name = "window", .file = "windows.svg", .n = 4, .value = {10, 30, 60, 120}},
	{.name = "batch", .file = "batches.svg", .n = 4, .value = {10, 30, 60, 120}},
};

struct sweep {
	struct group group[GROUPS];
	int done, all;
	char now[48];
};

static int show(void *arg, double share, const char *note)
{
	const struct sweep *s = arg;

	(void)note;
	print_progress("sweep", (s->done + share) / s->all, s->now);
	return 0;
}

static void label(const struct group *g, int i, char *ret, size_t size)
{
	if (strcmp(g->name, "scaler") == 0)
		(void)snprintf(ret, size, "%s",
			       scaler_name((enum scaler_kind)g->value[i]));
	else if (g->value[i] == 0)
		(void)snprintf(ret, size, "as in Table 13");
	else
		(void)snprintf(ret, size, "%d", g->value[i]);
}

static int run_all(struct sweep *s, const struct grid *g, size_t split,
		   const struct paper_conf *choice, struct vrs_err *err)
{
	int status = 0;

	memcpy(s->group, groups, sizeof(s->group));
	for (int k = 0; k < GROUPS; k++)
		s->all += s->group[k].n;
	for (int k = 0; k < GROUPS && status == 0; k++)
		for (int i = 0; i < s->group[k].n && status == 0; i++, s->done++) {
			struct group *group = &s->group[k];
			struct paper_conf c = *choice;

			c.progress = show;
			c.progress_arg = s;
			char what[24];

			if (k == 1)
				c.scaler = (enum scaler_kind)group->value[i];
			else if (k == 2)
				c.window = group->value[i];
			else if (k == 3)
				c.batch = group->value[i];
			label(group, i, what, sizeof(what));
			(void)snprintf(s->now, sizeof(s->now), "%s %s", group->name,
				       what);
			status = paper_run(&group->run[i], g, split, &c, err);
		}
	return status;
}

static double last_of(const struct paper_run *r, const double *losses)
{
	return losses[r->model->conf.epochs - 1];
}

static double rmse(const struct paper_run *r, double mse)
{
	return sqrt(mse) * r->scale;
}

static void add_table(const struct sweep *s, struct vrs_text *text, bool csv)
{
	vrs_text_add(text,
		     csv ? "%s,%s,%s,%s,%s,%s,%s,%s,%s,%s,%s\n"
			 : "%-8s %-15s %9s %9s %9s %9s %9s %7s %7s %7s %7s\n",
		     "changed", "to", "train", "valid", "test", "last", "yesterday",
		     csv ? "rmse_points" : "RMSE", csv ? "mae240_points" : "MAE240",
		     csv ? "mae240_last" : "last", csv ? "mae240_yesterday" : "yest.");
	for (int k = 0; k < GROUPS; k++)
		for (int i = 0; i < s->group[k].n; i++) {
			const struct paper_run *r = &s->group[k].run[i];
			char what[24];

			label(&s->group[k], i, what, sizeof(what));
			vrs_text_add(text,
				     csv ? "%s,%s,%.7f,%.7f,%.7f,%.7f,%.7f,%.4f,%.4f,"
					   "%.4f,%.4f\n"
					 : "%-8s %-15s %9.6f %9.6f %9.6f %9.6f %9.6f "
					   "%7.3f %7.2f %7.2f %7.2f\n",
				     s->group[k].name, what, last_of(r, r->model->train),
				     last_of(r, r->model->valid), r->test, r->last,
				     r->yesterday, rmse(r, r->test), r->far[0], r->far[1],
				     r->far[2]);
		}
}

static void print_json(const struct sweep *s)
{
	bool first = true;

	printf("[");
	for (int k = 0; k < GROUPS; k++)
		for (int i = 0; i < s->group[k].n; i++, first = false) {
			const struct paper_run *r = &s->group[k].run[i];
			char what[24];

			label(&s->group[k], i, what, sizeof(what));
			printf("%s{\"changed\":\"%s\",\"to\":\"%s\",", first ? "" : ",",
			       s->group[k].name, what);
			print_json_number("train", last_of(r, r->model->train));
			print_json_number("validation", last_of(r, r->model->valid));
			print_json_number("test", r->test);
			print_json_number("last", r->last);
			print_json_number("yesterday", r->yesterday);
			print_json_number("mae240", r->far[0]);
			print_json_number("mae240_last", r->far[1]);
			print_json_number("mae240_yesterday", r->far[2]);
			printf("\"scale_points\":%.7g}", r->scale);
		}
	printf("]\n");
}

static int put(const char *folder, const char *file, const struct vrs_text *text,
	       struct vrs_err *err)
{
	char *path = vrs_asprintf("%s/%s", folder, file);
	int status = file_write(path, text->text, text->len, err);

	free(path);
	return status;
}

static int put_losses(const char *folder, const struct paper_run *r, struct vrs_err *err)
{
	const struct plot_axes axes = {"Loss of each epoch (Table 13)", "epoch",
				       "mean square error, scaled", true};
	size_t n = (size_t)r->model->conf.epochs;
	const struct plot_line line[] = {{"training", r->model->train, n},
					 {"validation", r->model->valid, n}};
	struct vrs_text out = {0};

	plot_lines(&out, &axes, line, 2);
	int status = put(folder, "losses.svg", &out, err);
	vrs_text_fini(&out);
	return status;
}

static int put_prediction(const char *folder, const struct paper_run *r,
			  struct vrs_err *err)
{
	const struct plot_axes axes = {"One step ahead, after the failure",
				       "steps after the failure", "CPU, points", false};
	double *truth = vrs_calloc(r->n + 1, sizeof(*truth));
	double *predicted = vrs_calloc(r->n + 1, sizeof(*predicted));
	const struct plot_line line[] = {{"truth", truth, r->n},
					 {"prediction", predicted, r->n}};
	struct vrs_text out = {0};

	for (size_t i = 0; i < r->n; i++) {
		truth[i] = (double)r->truth[i];
		predicted[i] = (double)r->predicted[i];
	}
	plot_lines(&out, &axes, line, 2);
	int status = put(folder, "prediction.svg", &out, err);
	vrs_text_fini(&out);
	free(truth);
	free(predicted);
	return status;
}

static int put_group(const char *folder, const struct group *g, struct vrs_err *err)
{
	char title[80];
	const struct plot_axes axes = {title, g->name, "RMSE one step ahead, points",
				       false};
	struct plot_bar bar[MOST] = {0};
	struct vrs_text out = {0};

	(void)snprintf(title, sizeof(title), "Error by %s", g->name);
	for (int i = 0; i < g->n; i++) {
		label(g, i, bar[i].name, sizeof(bar[i].name));
		bar[i].y = rmse(&g->run[i], g->run[i].test);
	}
	plot_bars(&out, &axes, bar, (size_t)g->n, rmse(&g->run[0], g->run[0].last),
		  "last value");
	int status = put(folder, g->file, &out, err);
	vrs_text_fini(&out);
	return status;
}

static int put_all(const struct sweep *s, const char *folder, struct vrs_err *err)
{
	struct vrs_text table = {0};

	if (mkdir(folder, 0777) < 0 && errno != EEXIST)
		return vrs_fail_errno(err, "cannot create %s", folder);
	add_table(s, &table, true);
	int status = put(folder, "table.csv", &table, err);
	vrs_text_fini(&table);
	if (status == 0)
		status = put_losses(folder, &s->group[0].run[0], err);
	if (status == 0)
		status = put_prediction(folder, &s->group[0].run[0], err);
	for (int k = 1; k < GROUPS && status == 0; k++)
		status = put_group(folder, &s->group[k], err);
	return status;
}

/* Five days of groupware, as in the paper, where no trace is given. */
static void generated(struct grid *ret)
{
	const struct workload w = {.kind = 2, .seed = 1, .scale = 1};
	struct grid g = {
		.first_ms = 1704067200000, .step_ms = 60000, .n = (size_t)DAYS * DAY_MIN};

	g.x = vrs_calloc(g.n, sizeof(*g.x));
	workload_fill(&w, g.first_ms, g.n, g.x);
	*ret = g;
}

int cmd_sweep(struct vrs_ctl *ctl)
{
	const struct vrs_args *a = &ctl->args;
	struct vrs_err err = {0};
	struct loaded l = {0};
	struct sweep s = {0};
	struct grid g;
	const char *folder = vrs_args_value(a, "out");
	int64_t until = vrs_args_number(a, "until", -1);
	int status = 0;
	struct paper_conf choice = load_paper_conf(a, "paper-13");

	if (vrs_args_has(a, "traces")) {
		load_series(a, "traces", 0, &l);
		const struct trace *t = load_one(&l, vrs_args_value(a, "entity"), &err);
		if (!t) {
			load_free(&l);
			return load_failed(a, &err);
		}
		grid_of(t, &g);
	} else {
		generated(&g);
	}
	size_t split = until < 0 ? paper_run_split(&g) : grid_before(&g, until);
	status = run_all(&s, &g, split, &choice, &err);
	if (status == 0)
		status = put_all(&s, folder, &err);
	if (status == 0 && vrs_args_has(a, "json")) {
		print_json(&s);
	} else if (status == 0) {
		struct vrs_text text = {0};

		add_table(&s, &text, false);
		(void)fputs(text.text, stdout);
		printf("losses.svg, prediction.svg, scalers.svg, windows.svg, "
		       "batches.svg and table.csv are in %s\n",
		       folder);
		vrs_text_fini(&text);
	}
	for (int k = 0; k < GROUPS; k++)
		for (int i = 0; i < MOST; i++)
			paper_run_free(&s.group[k].run[i]);
	grid_free(&g);
	load_free(&l);
	return status < 0 ? load_failed(a, &err) : 0;
}
