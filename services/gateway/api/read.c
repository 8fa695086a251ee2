/* What can be asked, answered by the scheduler. */
#include <string.h>

#include "api/routes.h"
#include "live/risk.h"
#include "live/sse.h"
#include "vrs/columns.h"
#include "vrs/json.h"
#include "vrs/mem.h"

typedef Vrsas__V1__ControlRequest control_request;

static void on_view(void *arg, const Vrsas__V1__ControlReply *reply,
		    const struct ask_failure *f)
{
	struct vrs_httpd_request *q = arg;

	if (f)
		api_failure(q, f);
	else
		api_message(q,
			    vrs_message_body(&reply->base, (unsigned)reply->body_case));
}

static control_request request_of(struct vrs_httpd_request *q)
{
	control_request r = VRSAS__V1__CONTROL_REQUEST__INIT;

	r.actor = api_who(q);
	return r;
}

void api_status(struct gateway *g, struct vrs_httpd_request *q)
{
	control_request r = request_of(q);
	Vrsas__V1__StatusQuery body = VRSAS__V1__STATUS_QUERY__INIT;

	r.body_case = VRSAS__V1__CONTROL_REQUEST__BODY_STATUS;
	r.status = &body;
	ask(g, &r, on_view, q);
}

static void on_clusters(void *arg, const Vrsas__V1__ControlReply *reply,
			const struct ask_failure *f)
{
	struct vrs_httpd_request *q = arg;

	if (f) {
		api_failure(q, f);
		return;
	}
	json_t *list = json_array(), *json = json_object();
	for (size_t i = 0; reply->status && i < reply->status->n_cluster; i++)
		(void)json_array_append_new(
			list, vrs_json_of_message(&reply->status->cluster[i]->base));
	(void)json_object_set_new(json, "cluster", list);
	api_json_take(q, 200, json);
}

/* What the page shows of clusters, hosts and VMs. */
void api_columns(struct gateway *g, struct vrs_httpd_request *q)
{
	(void)g;
	api_json_take(q, 200,
		      json_pack("{s:o, s:o, s:o}", "cluster",
				vrs_columns_json(&vrs_columns_cluster), "host",
				vrs_columns_json(&vrs_columns_host), "vm",
				vrs_columns_json(&vrs_columns_vm)));
}

void api_clusters(struct gateway *g, struct vrs_httpd_request *q)
{
	control_request r = request_of(q);
	Vrsas__V1__StatusQuery body = VRSAS__V1__STATUS_QUERY__INIT;

	r.body_case = VRSAS__V1__CONTROL_REQUEST__BODY_STATUS;
	r.status = &body;
	ask(g, &r, on_clusters, q);
}

void api_hosts(struct gateway *g, struct vrs_httpd_request *q)
{
	control_request r = request_of(q);
	Vrsas__V1__HostQuery body = VRSAS__V1__HOST_QUERY__INIT;

	if (!api_place(q, "cluster", false, &body.cluster))
		return;
	r.body_case = VRSAS__V1__CONTROL_REQUEST__BODY_HOSTS;
	r.hosts = &body;
	ask(g, &r, on_view, q);
}

void api_vms(struct gateway *g, struct vrs_httpd_request *q)
{
	control_request r = request_of(q);
	Vrsas__V1__VmQuery body = VRSAS__V1__VM_QUERY__INIT;

	if (!api_place(q, "cluster", false, &body.cluster) ||
	    !api_place(q, "host", false, &body.host))
		return;
	r.body_case = VRSAS__V1__CONTROL_REQUEST__BODY_VMS;
	r.vms = &body;
	ask(g, &r, on_view, q);
}

void api_relocations(struct gateway *g, struct vrs_httpd_request *q)
{
	control_request r = request_of(q);
	Vrsas__V1__RelocationQuery body = VRSAS__V1__RELOCATION_QUERY__INIT;
	long open;

	if (!api_number(q, "open", 0, 1, 0, &open))
		return;
	body.open_only = open;
	r.body_case = VRSAS__V1__CONTROL_REQUEST__BODY_RELOCATIONS;
	r.relocations = &body;
	ask(g, &r, on_view, q);
}

void api_relocation(struct gateway *g, struct vrs_httpd_request *q)
{
	control_request r = request_of(q);
	Vrsas__V1__RelocationQuery body = VRSAS__V1__RELOCATION_QUERY__INIT;

	body.vm = vrs_httpd_path(q) + strlen("/api/v1/relocations/");
	body.with_journal = true;
	if (!vrs_id_ok(body.vm)) {
		api_error(q, 400, "USAGE", "/api/v1/vms lists them",
			  "the VM's name or id is not well formed");
		return;
	}
	r.body_case = VRSAS__V1__CONTROL_REQUEST__BODY_RELOCATIONS;
	r.relocations = &body;
	ask(g, &r, on_view, q);
}

void api_plan(struct gateway *g, struct vrs_httpd_request *q)
{
	control_request r = request_of(q);
	Vrsas__V1__PlanQuery body = VRSAS__V1__PLAN_QUERY__INIT;

	if (!api_place(q, "host", true, &body.host))
		return;
	r.body_case = VRSAS__V1__CONTROL_REQUEST__BODY_PLAN;
	r.plan = &body;
	ask(g, &r, on_view, q);
}

void api_forecast_of(struct gateway *g, struct vrs_httpd_request *q, const char *target)
{
	control_request r = request_of(q);
	Vrsas__V1__ForecastQuery body = VRSAS__V1__FORECAST_QUERY__INIT;

	body.target = target;
	r.body_case = VRSAS__V1__CONTROL_REQUEST__BODY_FORECAST;
	r.forecast = &body;
	ask(g, &r, on_view, q);
}

static bool event_id_ok(const char *s)
{
	size_t n = strspn(s, "0123456789");

	return n && n <= 19 &&
	       (!s[n] || (s[n] == '-' && s[n + 1] &&
			  strlen(s + n + 1) == strspn(s + n + 1, "0123456789") &&
			  strlen(s + n + 1) <= 19));
}

void api_events(struct gateway *g, struct vrs_httpd_request *q)
{
	const char *accept = vrs_httpd_header(q, "Accept"),
		   *vm = vrs_httpd_query(q, "vm");
	const char *after = vrs_httpd_query(q, "after"), *last = NULL;
	control_request r = request_of(q);
	Vrsas__V1__EventQuery body = VRSAS__V1__EVENT_QUERY__INIT;
	bool stream = accept && strstr(accept, "text/event-stream");
	long limit;

	if (stream)
		last = vrs_httpd_header(q, "Last-Event-ID");
	if (last && last[0])
		after = last;
	if (after && !event_id_ok(after)) {
		api_error(q, 400, "USAGE", "use an id that was given before",
			  "after: not the id of an event");
		return;
	}
	if (vm && !vrs_id_ok(vm)) {
		api_error(q, 400, "USAGE", "/api/v1/vms lists them",
			  "vm: a name or an id is needed");
		return;
	}
	if (!api_number(q, "limit", 1, 1000, 100, &limit))
		return;
	if (stream && (vm || vrs_httpd_query(q, "limit"))) {
		api_error(q, 400, "USAGE",
			  "leave vm and limit out, and pick what you need",
			  "the live stream takes no argument but after");
		return;
	}
	if (stream) {
		struct vrs_err err = {0};
		int status = hub_stream(g->hub, q, after ? after : "", &err);

		if (status == VRS_ENOSPC)
			api_error(q, 429, "REFUSED", "close a page, or raise max_streams",
				  "%s", err.text);
		else if (status < 0)
			api_store_failure(q, &err);
		return;
	}
	body.after_id = after ? after : "";
	body.limit = (uint32_t)limit;
	body.vm = vm ? vm : "";
	r.body_case = VRSAS__V1__CONTROL_REQUEST__BODY_EVENTS;
	r.events = &body;
	ask(g, &r, on_view, q);
}

static void answer_risk(void *arg, const Vrsas__V1__RiskViews *v)
{
	api_message(arg, &v->base);
}

void api_risk(struct gateway *g, struct vrs_httpd_request *q)
{
	risk_show(g->risk, answer_risk, q);
}
