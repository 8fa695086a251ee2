/* What was measured and what is forecast, as Redis has it. */
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
	const char *target;

	if (!api_place(q, "target", false, &target))
		return;
	if (target[0])
		api_forecast_of(g, q, target);
	else
		stored_forecasts(g, q);
}

/* --- history --- */

struct sum {
	double load, weight;
};

/* Minutes of one host from from_ms on; in at most three days. */
static int add_host(struct vrs_store *s, const char *cluster,
		    const struct inventory_host *h, int64_t from_ms, int64_t minutes,
		    struct sum *sum, struct vrs_err *err)
{
	int64_t day_ms = (int64_t)VRS_SLOTS_PER_DAY * MINUTE_MS, at = from_ms;
	int64_t to = from_ms + minutes * MINUTE_MS;
	struct vrs_reply *r;
	size_t parts = 0;
	int64_t start[3];

	while (at < to && parts < 3) {
		int64_t end = at - at % day_ms + day_ms;
		char key[VRS_KEY_MAX];

		end = end < to ? end : to;
		vrs_series_key(key, sizeof(key), cluster, h->name, at);
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
		for (size_t k = 0;
		     (k + 1) * VRS_SLOT_BYTES <= r->item[p].len && r->item[p].bytes;
		     k++) {
			struct vrs_slot slot;
			size_t step =
				(size_t)((start[p] - from_ms) / MINUTE_MS + (int64_t)k) /
				STEP_MIN;

			vrs_slot_decode((const uint8_t *)r->item[p].bytes +
						k * VRS_SLOT_BYTES,
					&slot);
			if (isnan(slot.cpu_ratio) || step >= MAX_STEPS)
				continue;
			sum[step].load += slot.cpu_ratio * h->vcpus;
			sum[step].weight += h->vcpus;
		}
	vrs_reply_free(r);
	return 0;
}

static int collect(struct gateway *g, const char *cluster, const char *host,
		   int64_t from_ms, int64_t minutes, struct sum *sum, struct vrs_err *err)
{
	struct inventory inv = {0};
	size_t found = 0;
	int status = inventory_read(&inv, g, err);

	for (size_t i = 0; status == 0 && i < inv.n_hosts; i++) {
		const struct inventory_host *h = &inv.host[i];

		if (strcmp(h->cluster, cluster) != 0 ||
		    (host[0] && strcmp(h->name, host) != 0))
			continue;
		found++;
		status = add_host(g->svc->store, cluster, h, from_ms, minutes, sum, err);
	}
	inventory_fini(&inv);
	if (status == 0 && !found)
		return vrs_fail(err, VRS_ENOENT, "%s%s%s is not in the inventory",
				cluster, host[0] ? "/" : "", host);
	return status;
}

void api_history(struct gateway *g, struct vrs_httpd_request *q)
{
	Vrsas__V1__HistoryView v = VRSAS__V1__HISTORY_VIEW__INIT;
	struct sum sum[MAX_STEPS] = {0};
	float ratio[MAX_STEPS];
	struct vrs_err err = {0};
	const char *target, *host = "";
	char cluster[132];
	long minutes;

	if (!api_place(q, "target", true, &target) ||
	    !api_number(q, "minutes", STEP_MIN, 1440, 240, &minutes))
		return;
	(void)vrs_strcpy(cluster, sizeof(cluster), target);
	char *slash = strchr(cluster, '/');
	if (slash) {
		*slash = '\0';
		host = slash + 1;
	}
	int64_t now = vrs_now_wall_ms();
	int64_t steps = minutes / STEP_MIN;
	v.cluster = cluster;
	v.host = host;
	v.step_ms = STEP_MIN * MINUTE_MS;
	v.origin_ms = now - now % v.step_ms - (steps - 1) * v.step_ms;
	int status = collect(g, cluster, host, v.origin_ms, steps * STEP_MIN, sum, &err);
	if (status == VRS_ENOENT) {
		api_error(q, 404, "NOT_FOUND", "/api/v1/hosts lists them", "%s",
			  err.text);
		return;
	}
	if (status < 0) {
		api_store_failure(q, &err);
		return;
	}
	for (int64_t i = 0; i < steps; i++)
		ratio[i] = sum[i].weight > 0 ? (float)(sum[i].load / sum[i].weight) : NAN;
	v.ratio = ratio;
	v.n_ratio = (size_t)steps;
	api_message(q, &v.base);
}
