/* POST /api/v1/alerts and GET /api/v1/incidents. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/alertmanager.h"
#include "api/routes.h"
#include "facts/inventory.h"
#include "incidents/incident_view.h"
#include "live/poller.h"
#include "vrs/clock.h"
#include "vrs/event.h"
#include "vrs/log.h"
#include "vrs/mem.h"

/* --- accepting alerts --- */

static void put_event(struct gateway *g, const struct alert *a, enum incident_result r)
{
	Vrsas__V1__Event ev = VRSAS__V1__EVENT__INIT;
	char text[400];

	(void)snprintf(text, sizeof(text),
		       "%s/%s: monitoring reports the host %s: %.64s%s%.200s", a->cluster,
		       a->host, r == INCIDENT_RESOLVED ? "recovered" : "down", a->name,
		       a->summary[0] ? ": " : "", a->summary);
	ev.at_ms = vrs_now_wall_ms();
	ev.service = "gateway";
	ev.severity = r == INCIDENT_RESOLVED ? VRSAS__V1__SEVERITY__SEVERITY_NOTICE
					     : VRSAS__V1__SEVERITY__SEVERITY_WARNING;
	ev.kind = r == INCIDENT_RESOLVED ? "incident.resolved" : "incident.opened";
	ev.cluster = a->cluster;
	ev.host = a->host;
	ev.incident = a->id;
	ev.text = text;
	(void)vrs_event_put(g->svc->store, &ev, NULL);
	poller_hurry(g->poller);
}

/* A new incident of the same alert: the resolved message of the older one was lost. */
static int end_older(struct gateway *g, const struct alert *a, struct vrs_err *err)
{
	struct incidents open = {0};
	enum incident_result result;
	int status = incident_read(g->svc->store, INT64_MAX, &open, err);

	for (size_t i = 0; status == 0 && i < open.n; i++) {
		struct alert older = *a;

		if (strcmp(open.one[i]->fingerprint, a->fingerprint) != 0 ||
		    open.one[i]->starts_at_ms >= a->starts_at_ms ||
		    strcmp(open.one[i]->id, a->id) == 0)
			continue;
		(void)vrs_strcpy(older.id, sizeof(older.id), open.one[i]->id);
		older.starts_at_ms = open.one[i]->starts_at_ms;
		older.ends_at_ms = a->starts_at_ms;
		status = incident_report(g->svc->store, &older, open.one[i]->source,
					 &result, err);
	}
	incident_fini(&open);
	return status;
}

int alerts_take(struct gateway *g, const struct alert *a, const char *source,
		enum incident_result *ret, struct vrs_err *err)
{
	int status = incident_report(g->svc->store, a, source, ret, err);

	if (status == 0 && *ret == INCIDENT_NEW)
		status = end_older(g, a, err);
	if (status < 0)
		return status;
	if (*ret != INCIDENT_REPEATED) {
		log_notice("incident %s host=%s/%s alert=%s id=%s by=%s",
			   incident_result_name(*ret), a->cluster, a->host, a->name,
			   a->id, source);
		put_event(g, a, *ret);
	}
	g->alerts[*ret]++;
	return 0;
}

static void refused(struct gateway *g, const struct alert *a, json_t *list)
{
	static struct vrs_complaint complaint;

	g->alerts_refused++;
	vrs_complain(&complaint, VRS_WARN, "alert rejected: %s alert=%s host=%s/%s",
		     a->refused, a->name, a->cluster, a->host);
	(void)json_array_append_new(list,
				    json_pack("{s:s,s:s}", "fingerprint", a->fingerprint,
					      "reason", a->refused));
}

static void answer(struct vrs_httpd_request *q, json_t *taken, json_t *not_taken)
{
	bool none = json_array_size(taken) == 0 && json_array_size(not_taken) > 0;

	api_json_take(q, none ? 422 : 200,
		      json_pack("{s:o,s:o}", "taken", taken, "refused", not_taken));
}

void api_alerts(struct gateway *g, struct vrs_httpd_request *q)
{
	struct inventory inv = {0};
	struct vrs_err err = {0};
	struct alert *alert = NULL;
	size_t n = 0, size;
	const void *body = vrs_httpd_body(q, &size);

	if (alert_webhook(body, size, &alert, &n, &err) < 0) {
		api_error(q, 400, "send Alertmanager webhook messages of version 4", "%s",
			  err.text);
		return;
	}
	int status = inventory_read(&inv, g, &err);
	json_t *taken = json_array(), *not_taken = json_array();
	for (size_t i = 0; status == 0 && i < n; i++) {
		struct alert *a = &alert[i];
		enum incident_result result;

		if (!a->refused[0] && !inventory_host(&inv, a->cluster, a->host))
			(void)snprintf(a->refused, sizeof(a->refused),
				       "%.60s/%.60s is not in the inventory", a->cluster,
				       a->host);
		if (a->refused[0]) {
			refused(g, a, not_taken);
			continue;
		}
		status = alerts_take(g, a, api_actor(q), &result, &err);
		if (status == 0)
			(void)json_array_append_new(
				taken, json_pack("{s:s,s:s}", "id", a->id, "result",
						 incident_result_name(result)));
	}
	if (status < 0) { /* Alertmanager retries */
		json_decref(taken);
		json_decref(not_taken);
		api_store_failure(q, &err);
	} else {
		answer(q, taken, not_taken);
	}
	inventory_fini(&inv);
	free(alert);
}

/* --- showing incidents --- */

struct showing {
	struct gateway *g;
	struct vrs_httpd_request *q;
};

static void show(void *arg, const Vrsas__V1__StatusView *status,
		 const Vrsas__V1__HostViews *down)
{
	struct showing *s = arg;
	struct incidents told = {0};
	struct vrs_err err = {0};
	enum { ARENA = 16 << 20 };

	if (incident_read(s->g->svc->store, vrs_now_wall_ms() - POLLER_INCIDENTS_MS,
			  &told, &err) < 0) {
		api_store_failure(s->q, &err);
	} else {
		struct vrs_arena *mem = vrs_arena_new(ARENA);

		api_message(s->q, &incident_views(mem, &told, status, down)->base);
		vrs_arena_free(mem);
	}
	incident_fini(&told);
	free(s);
}

void api_incidents(struct gateway *g, struct vrs_httpd_request *q)
{
	struct showing *s = vrs_calloc(1, sizeof(*s));

	*s = (struct showing){g, q};
	poller_ask(g->poller, show, s);
}
