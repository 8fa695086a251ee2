/* Measured load and stored forecasts, from Redis. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/routes.h"
#include "facts/inventory.h"
#include "vrs/clock.h"
#include "vrs/json.h"
#include "vrs/keys.h"
#include "vrs/mem.h"
#include "vrs/series.h"
#include "vrsas/v1/forecast.pb-c.h"

enum { STEP_MIN = 5, MAX_STEPS = 1440 / STEP_MIN, MINUTE_MS = 60000 };

/* --- forecasts --- */

static void stored_forecasts(struct gateway *g, struct vrs_httpd_request *q)
{
	json_t *json = json_object(), *list = json_array();
	struct inventory inv = {0};
	struct vrs_reply *r = NULL;
	struct vrs_err err = {0};
	int status = inventory_clusters(&inv, g, &err);

	for (size_t i = 0; status == 0 && i < inv.n_clusters; i++) {
		const struct vrs_arg argv[] = {VRS_ARG("HGET"),
					       {inv.cluster[i].forecast_key,
						strlen(inv.cluster[i].forecast_key)},
					       VRS_ARG("")};
		vrs_store_add(g->svc->store, argv, 3);
	}
	if (status == 0)
		status = vrs_store_run(g->svc->store, &r, &err);
	for (size_t i = 0; status == 0 && i < r->n_items; i++) {
		struct vrs_msg *msg;

		if (r->item[i].type != VRS_REPLY_BYTES ||
		    vrs_msg_unpack(&msg, &vrsas__v1__forecast__descriptor,
				   r->item[i].bytes, r->item[i].len, NULL) < 0)
			continue;
		(void)json_array_append_new(list, vrs_json_of_message(vrs_msg_get(msg)));
		vrs_msg_free(msg);
	}
	(void)json_object_set_new(json, "forecast", list);
	if (status == 0) {
		api_json_take(q, 200, json);
		vrs_reply_free(r);
	} else {
		api_store_failure(q, &err);
		json_decref(json);
	}
	inventory_fini(&inv);
}

void api_forecasts(struct gateway *g, struct vrs_httpd_request *q)
{
	if (vrs_httpd_query(q, "target"))
		api_request(g, q);
	else
		stored_forecasts(g, q);
}

/* --- history --- */

struct sum {
	double load, weight;
};

/* The load of a cluster, or of one host of it, from from_ms on. */
struct history {
	char cluster[132];
	const char *host; /* "": all */
	int64_t from_ms, minutes;
	struct sum sum[MAX_STEPS];
};

static void add_slots(struct history *hist, const struct inventory_host *h,
		      const struct vrs_reply *r, int64_t start_ms)
{
	size_t first = (size_t)((start_ms - hist->from_ms) / MINUTE_MS);

	for (size_t k = 0; r->bytes && (k + 1) * VRS_SLOT_BYTES <= r->len; k++) {
		size_t step = (first + k) / STEP_MIN;
		struct vrs_slot slot;

		vrs_slot_decode((const uint8_t *)r->bytes + k * VRS_SLOT_BYTES, &slot);
		if (isnan(slot.cpu_ratio) || step >= MAX_STEPS)
			continue;
		hist->sum[step].load += slot.cpu_ratio * h->vcpus;
		hist->sum[step].weight += h->vcpus;
	}
}

/* The minutes of one host: one key a day, at most three. */
static int add_host(struct history *hist, struct vrs_store *s,
		    const struct inventory_host *h, struct vrs_err *err)
{
	int64_t day_ms = (int64_t)VRS_SLOTS_PER_DAY * MINUTE_MS, at = hist->from_ms;
	int64_t to = hist->from_ms + hist->minutes * MINUTE_MS;
	struct vrs_reply *r;
	size_t parts = 0;
	int64_t start[3];

	while (at < to && parts < 3) {
		int64_t end = at - at % day_ms + day_ms;
		char key[VRS_KEY_MAX];

		end = end < to ? end : to;
		vrs_series_key(key, sizeof(key), hist->cluster, h->name, at);
		vrs_store_addf(s, "GETRANGE %s %lld %lld", key,
			       (long long)vrs_series_offset(at),
			       (long long)vrs_series_offset(end - MINUTE_MS) +
				       VRS_SLOT_BYTES - 1);
		start[parts++] = at;
		at = end;
	}
	int status = vrs_store_run(s, &r, err);
	if (status < 0)
		return status;
	for (size_t p = 0; p < parts; p++)
		add_slots(hist, h, &r->item[p], start[p]);
	vrs_reply_free(r);
	return 0;
}

static int collect(struct history *hist, struct gateway *g, struct vrs_err *err)
{
	struct inventory inv = {0};
	size_t found = 0;
	int status = inventory_read(&inv, g, err);

	for (size_t i = 0; status == 0 && i < inv.n_hosts; i++) {
		const struct inventory_host *h = &inv.host[i];

		if (strcmp(h->cluster, hist->cluster) != 0 ||
		    (hist->host[0] && strcmp(h->name, hist->host) != 0))
			continue;
		found++;
		status = add_host(hist, g->svc->store, h, err);
	}
	inventory_fini(&inv);
	if (status == 0 && !found)
		return vrs_fail(err, VRS_ENOENT, "%s%s%s is not in the inventory",
				hist->cluster, hist->host[0] ? "/" : "", hist->host);
	return status;
}

static void show(struct vrs_httpd_request *q, const struct history *hist)
{
	Vrsas__V1__HistoryView v = VRSAS__V1__HISTORY_VIEW__INIT;
	float ratio[MAX_STEPS];

	v.cluster = hist->cluster;
	v.host = hist->host;
	v.step_ms = STEP_MIN * MINUTE_MS;
	v.origin_ms = hist->from_ms;
	v.ratio = ratio;
	v.n_ratio = (size_t)(hist->minutes / STEP_MIN);
	for (size_t i = 0; i < v.n_ratio; i++)
		ratio[i] = hist->sum[i].weight > 0
				   ? (float)(hist->sum[i].load / hist->sum[i].weight)
				   : NAN;
	api_message(q, &v.base);
}

void api_history(struct gateway *g, struct vrs_httpd_request *q)
{
	int64_t step_ms = STEP_MIN * MINUTE_MS, now = vrs_now_wall_ms();
	struct history hist = {.host = ""};
	struct vrs_err err = {0};
	json_t *args;

	if (!api_args(q, &args))
		return;
	(void)vrs_strcpy(hist.cluster, sizeof(hist.cluster),
			 json_string_value(json_object_get(args, "target")));
	int64_t steps = json_integer_value(json_object_get(args, "minutes")) / STEP_MIN;
	json_decref(args);
	char *slash = strchr(hist.cluster, '/');
	if (slash) {
		*slash = '\0';
		hist.host = slash + 1;
	}
	hist.from_ms = now - now % step_ms - (steps - 1) * step_ms;
	hist.minutes = steps * STEP_MIN;
	int status = collect(&hist, g, &err);
	if (status == VRS_ENOENT)
		api_error(q, 404, "/api/v1/hosts lists the hosts", "%s", err.text);
	else if (status < 0)
		api_store_failure(q, &err);
	else
		show(q, &hist);
}
