/* vrsctl forecast HOST|CLUSTER */
#include <math.h>

#include "client/ctl.h"
#include "render/human.h"
#include "render/table.h"
#include "vrs/json.h"

enum { PATH_WIDTH = 48 };

static void path_line(struct vrs_text *out, const struct vrs_ctl *ctl,
		      const Vrsas__V1__Forecast *f, bool p90)
{
	const float *path = p90 ? f->p90 : f->p50;
	size_t n = p90 ? f->n_p90 : f->n_p50;
	char span[HUMAN_MAX];
	float low = INFINITY, high = -INFINITY;

	if (!n)
		return;
	for (size_t i = 0; i < n; i++) {
		low = fminf(low, path[i]);
		high = fmaxf(high, path[i]);
	}
	tone_add(out, ctl->colour, DIM, "    %s ", p90 ? "P90" : "P50");
	if (ctl->utf8) {
		spark_add(out, path, n, PATH_WIDTH);
		vrs_text_add(out, " ");
	}
	vrs_text_add(out, "%.0f..%.0f %% over %s\n", (double)low * 100,
		     (double)high * 100, human_span(span, (int64_t)n * f->step_ms));
}

static void peaks(struct vrs_text *out, const Vrsas__V1__Forecast *f)
{
	char a[HUMAN_MAX], b[HUMAN_MAX], c[HUMAN_MAX];

	for (size_t i = 0; i < f->n_peak; i++)
		vrs_text_add(out, "    peak within %u min: P50 %s, P90 %s, P99 %s\n",
			     f->peak[i]->horizon_min,
			     human_ratio(a, (double)f->peak[i]->p50),
			     human_ratio(b, (double)f->peak[i]->p90),
			     human_ratio(c, (double)f->peak[i]->p99));
}

static void one(const struct vrs_ctl *ctl, const Vrsas__V1__Forecast *f,
		struct vrs_text *out)
{
	const char *confidence =
		vrs_enum_name(&vrsas__v1__confidence__descriptor, (int)f->confidence);
	bool sure = f->confidence == VRSAS__V1__CONFIDENCE__CONFIDENCE_OK;
	char a[HUMAN_MAX], b[HUMAN_MAX];

	tone_add(out, ctl->colour, BOLD, "%s%s%s", f->cluster, f->host[0] ? "/" : "",
		 f->host);
	tone_add(out, ctl->colour, PLAIN, "  now %s, by %s%s%s, ",
		 human_ratio(a, (double)f->last_ratio), f->method,
		 f->model_version[0] ? " " : "", f->model_version);
	tone_add(out, ctl->colour, sure ? GOOD : WARN, "confidence %s",
		 confidence ? confidence : "unknown");
	vrs_text_add(out, ", made %s from %s of history\n",
		     human_age(a, ctl_now_ms(), f->made_at_ms),
		     human_span(b, (int64_t)f->history_min * 60000));
	if (f->reason[0]) {
		tone_add(out, ctl->colour, sure ? DIM : WARN, "    %s", f->reason);
		vrs_text_add(out, "\n");
	}
	peaks(out, f);
	path_line(out, ctl, f, false);
	path_line(out, ctl, f, true);
}

void render_forecasts(const struct vrs_ctl *ctl, const control_reply *reply,
		      struct vrs_text *out)
{
	for (size_t i = 0; i < reply->forecasts->n_forecast; i++)
		one(ctl, reply->forecasts->forecast[i], out);
	if (!reply->forecasts->n_forecast)
		vrs_text_add(out, "no forecast\n");
}

int verb_forecast(struct vrs_ctl *ctl)
{
	Vrsas__V1__ForecastQuery query = VRSAS__V1__FORECAST_QUERY__INIT;

	query.target = ctl->args.operand[0];
	return ctl_query(ctl, &query.base, render_forecasts);
}
