/* cmd_forecast.c - vrs-predictor forecast: how will these series run from a time on? */
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/load.h"
#include "net/forecast.h"
#include "paper/net_set.h"

static const char *sure(enum confidence c)
{
	return c == CONFIDENCE_OK ? "ok" : c == CONFIDENCE_LOW ? "low" : "none";
}

static void print_text(const char *name, const struct forecast *f)
{
	printf("%s: by %s, confidence %s%s%s, %.1f h of history, last %.1f %%\n", name,
	       forecast_method_name(f->method), sure(f->confidence),
	       f->reason[0] ? ": " : "", f->reason, f->history_min / 60.0,
	       (double)f->last);
	if (f->method == METHOD_NONE)
		return;
	printf("  %-16s %6s %6s %6s\n", "", "P50", "P90", "P99");
	for (int p = 0; p < NET_PEAKS; p++)
		printf("  peak of %3d min  %6.1f %6.1f %6.1f\n", (p + 1) * 120,
		       (double)f->peak[p][0], (double)f->peak[p][1],
		       (double)f->peak[p][2]);
	for (int h = 5; h < BINS_AHEAD; h += 6)
		printf("  in %3d min       %6.1f %6.1f %6.1f\n", (h + 1) * 5,
		       (double)f->path[0][h], (double)f->path[1][h],
		       (double)f->path[2][h]);
}

static void print_json(const char *name, const struct forecast *f)
{
	static const char *const quantile[] = {"p50", "p90", "p99"};

	printf("{\"entity\":\"%s\",\"method\":\"%s\",\"confidence\":\"%s\",\"reason\":\"%"
	       "s\","
	       "\"history_min\":%u",
	       name, forecast_method_name(f->method), sure(f->confidence), f->reason,
	       f->history_min);
	for (int q = 0; q < NET_QUANTILES && f->method != METHOD_NONE; q++) {
		printf(",\"%s\":{\"peak120\":%.2f,\"peak240\":%.2f,\"path\":[",
		       quantile[q], (double)f->peak[0][q], (double)f->peak[1][q]);
		for (int h = 0; h < BINS_AHEAD; h++)
			printf("%s%.2f", h ? "," : "", (double)f->path[q][h]);
		printf("]}");
	}
	printf("}\n");
}

int cmd_forecast(struct vrs_ctl *ctl)
{
	const struct vrs_args *a = &ctl->args;
	const char *model = vrs_args_value(a, "model");
	const char *entity = vrs_args_value(a, "entity");
	int64_t at = vrs_args_number(a, "at", 0);
	int32_t utc_min = (int32_t)vrs_args_number(a, "utc-offset", 0);
	bool json = vrs_args_has(a, "json");
	struct vrs_err err = {0};
	struct model *m = NULL;
	struct paper_set *set = NULL;
	struct loaded l;
	int found = 0;

	if (model && (paper_set_is(model) ? paper_set_load(&set, model, &err)
					  : model_load(&m, model, &err)) < 0)
		return load_failed(a, &err);
	load_series(a, "traces", at, &l);
	struct forecaster *f = forecaster_new(m);
	for (size_t i = 0; i < l.n; i++) {
		struct bins *b = &l.series[i].bins;
		struct forecast got;

		if (entity && strcmp(entity, l.series[i].name) != 0)
			continue;
		found++;
		int64_t origin = bin_of(at);
		bins_reach(b, origin);
		struct window w = window_of(b, origin, BINS_HISTORY, utc_min);
		if (set)
			paper_set_forecast(set, &l.traces.trace[i], &origin, 1, &got);
		else
			forecast_make(f, &w, true, &got);
		(json ? print_json : print_text)(l.series[i].name, &got);
	}
	if (found == 0)
		(void)vrs_fail(&err, VRS_ENOENT,
			       entity ? "no entity '%s' in the traces"
				      : "no readings in the traces%s",
			       entity ? entity : "");
	forecaster_free(f);
	model_free(m);
	paper_set_free(set);
	load_free(&l);
	return found ? 0 : load_failed(a, &err);
}
