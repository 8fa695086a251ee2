/* Events, risk and columns: what the gateway answers without asking the scheduler. */
#include <string.h>

#include "api/routes.h"
#include "live/risk.h"
#include "live/sse.h"
#include "vrs/columns.h"
#include "vrs/json.h"

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

/* The live stream, or a list from the scheduler. */
void api_events(struct gateway *g, struct vrs_httpd_request *q)
{
	const char *accept = vrs_httpd_header(q, "Accept");
	const char *after = vrs_httpd_query(q, "after"), *last;
	struct vrs_err err = {0};

	if (!accept || !strstr(accept, "text/event-stream")) {
		api_request(g, q);
		return;
	}
	last = vrs_httpd_header(q, "Last-Event-ID");
	if (last && last[0])
		after = last;
	if (after && !api_is_event_id(after)) {
		api_error(q, 400, "use the id of an earlier event",
			  "invalid after: expected the id of an event");
		return;
	}
	if (vrs_httpd_query(q, "vm") || vrs_httpd_query(q, "limit")) {
		api_error(q, 400, "omit vm and limit, and filter the events yourself",
			  "the live stream takes no argument except after");
		return;
	}
	int status = sse_stream(g->sse, q, after ? after : "", &err);
	if (status == VRS_ENOSPC)
		api_error(q, 429, "close a page, or raise max_streams", "%s", err.text);
	else if (status < 0)
		api_store_failure(q, &err);
}

static void answer_risk(void *arg, const Vrsas__V1__RiskViews *v)
{
	api_message(arg, &v->base);
}

void api_risk(struct gateway *g, struct vrs_httpd_request *q)
{
	risk_show(g->risk, answer_risk, q);
}
