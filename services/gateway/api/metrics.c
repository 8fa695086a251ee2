/* Metrics of the gateway, and the metrics pages of all services in one. */
#include <stdlib.h>

#include "api/metrics.h"
#include "api/routes.h"
#include "live/sse.h"
#include "sinks/sinks.h"
#include "vrs/clock.h"
#include "vrs/keys.h"
#include "vrs/log.h"
#include "vrs/telemetry.h"

struct gateway_metrics {
	struct vrs_histogram seconds;
};

struct gateway_metrics *metrics_new(void)
{
	struct gateway_metrics *m = vrs_calloc(1, sizeof(*m));

	vrs_histogram_init(&m->seconds, vrs_bounds_seconds,
			   sizeof(vrs_bounds_seconds) / sizeof(*vrs_bounds_seconds));
	return m;
}

void metrics_request(void *arg, double seconds)
{
	const struct gateway *g = arg;

	vrs_histogram_add(&g->metrics->seconds, seconds);
}

static void add_http(const struct gateway *g, struct vrs_page *page)
{
	static const char *const code[] = {NULL, "1xx", "2xx", "3xx", "4xx", "5xx"};
	struct vrs_httpd_counts c;

	vrs_httpd_counts(g->http, &c);
	for (size_t i = 1; i < sizeof(code) / sizeof(*code); i++)
		vrs_page_add(page, VRS_COUNTER, "vrsas_http_requests_total",
			     "HTTP requests served.",
			     (double)vrs_httpd_replies(g->http, 100 * (int)i,
						       100 * (int)i + 99),
			     "code", code[i], NULL);
	vrs_page_histogram(page, "vrsas_http_request_seconds",
			   "Time from the end of the headers to the end of the reply, "
			   "without streams.",
			   &g->metrics->seconds, NULL);
	vrs_page_add(page, VRS_GAUGE, "vrsas_http_connections", "Open connections.",
		     (double)c.connections, NULL);
	vrs_page_add(page, VRS_COUNTER, "vrsas_http_connections_closed_total",
		     "Connections that the gateway closed.", (double)c.evicted, "reason",
		     "room", NULL);
	vrs_page_add(page, VRS_COUNTER, "vrsas_http_connections_closed_total",
		     "Connections that the gateway closed.", (double)c.late, "reason",
		     "slow", NULL);
	vrs_page_add(page, VRS_GAUGE, "vrsas_sse_clients", "Open event streams.",
		     (double)sse_listeners(g->sse), NULL);
}

static void add_alerts(const struct gateway *g, struct vrs_page *page)
{
	static const char *const result[] = {"new", "repeated", "resolved"};
	struct vrs_reply *r;

	for (size_t i = 0; i < 3; i++)
		vrs_page_add(page, VRS_COUNTER, "vrsas_alerts_total", "Alerts received.",
			     (double)g->alerts[i], "result", result[i], NULL);
	vrs_page_add(page, VRS_COUNTER, "vrsas_alerts_total", "Alerts received.",
		     (double)g->alerts_refused, "result", "refused", NULL);
	if (vrs_store_cmd(g->svc->store, &r, NULL, "SCARD " VRS_KEY_INCIDENTS_OPEN) < 0)
		return;
	vrs_page_add(page, VRS_GAUGE, "vrsas_incidents_open",
		     "Open incidents reported by monitoring.", (double)r->integer, NULL);
	vrs_reply_free(r);
}

void metrics_collect(void *arg, struct vrs_page *page)
{
	const struct gateway *g = arg;
	struct vrs_bus_counts counts;

	add_http(g, page);
	add_alerts(g, page);
	sinks_collect_metrics(g->sinks, page);
	vrs_req_counts(g->control, &counts);
	vrs_page_bus(page, "control", &counts);
	vrs_req_counts(g->fill, &counts);
	vrs_page_bus(page, "fill", &counts);
}

/* Stores the gateway's page beside those of the other services, then reads all. */
static int all_pages(struct gateway *g, struct vrs_page *all, const char *own,
		     struct vrs_err *err)
{
	static struct vrs_complaint refused;
	struct vrs_pages_read read = {0};
	int status = vrs_page_store(g->svc->store, "gateway", g->svc->instance, own, err);

	if (status == 0)
		status =
			vrs_pages_read(g->svc->store, all, vrs_now_wall_ms(), &read, err);
	if (status == 0 && read.refused)
		vrs_complain(&refused, VRS_WARN, "%u metrics pages omitted: %s",
			     read.refused, read.why.text);
	return status;
}

void api_metrics(struct gateway *g, struct vrs_httpd_request *q)
{
	char *own = vrs_svc_page(g->svc, g->svc->instance);
	struct vrs_page *all = vrs_page_new("gateway", g->svc->instance);
	struct vrs_text out = {0};
	struct vrs_err err = {0};

	if (all_pages(g, all, own, &err) == 0) {
		vrs_page_write(all, &out);
	} else {
		static struct vrs_complaint store;

		vrs_complain(&store, VRS_WARN,
			     "serving only the gateway's own metrics: %s", err.text);
	}
	api_text(q, 200, "text/plain; version=0.0.4; charset=utf-8",
		 out.text ? out.text : own);
	vrs_text_fini(&out);
	vrs_page_free(all);
	free(own);
}
