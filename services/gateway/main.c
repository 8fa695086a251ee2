/* vrs-gateway: HTTP for people and monitoring: the page, the API, alerts in, events out.
 */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "api/alertmanager.h"
#include "api/metrics.h"
#include "api/routes.h"
#include "live/poller.h"
#include "live/risk.h"
#include "live/sse.h"
#include "sinks/sinks.h"
#include "vrs/log.h"
#include "vrs/mem.h"
#include "vrsas/v1/sample.pb-c.h"

#define AT(field) offsetof(struct gateway, conf.field)
#define TEXT(key, field, fallback, help)                                                 \
	{                                                                                \
		key, VRS_OPT_STRING, AT(field), fallback, 0, 0, help                     \
	}
#define TIME(key, field, fallback, help)                                                 \
	{                                                                                \
		key, VRS_OPT_DURATION, AT(field), fallback, 0, 0, help                   \
	}

/* clang-format off */
static const struct vrs_option options[] = {
	TEXT("listen", listen, "127.0.0.1:7780", "HOST:PORT that browsers and programs connect to"),
	TEXT("tls_cert", cert_file, "", "certificate (PEM) of the gateway; no TLS if empty"),
	TEXT("tls_key", key_file, "", "key (PEM) of tls_cert"),
	TEXT("tokens", tokens, NULL, "file with bearer tokens, one per line: ROLE NAME TOKEN; roles are read, operate, alert"),
	TEXT("www", www, "/usr/local/share/vrsas/www", "folder of the page; none if empty"),
	TEXT("openapi", openapi, "/usr/local/share/vrsas/openapi.json", "file with the API's description; none if empty"),
	TEXT("control", control, "tcp://127.0.0.1:7705", "address of the scheduler"),
	TEXT("fill", fill, "tcp://127.0.0.1:7702", "address of etl"),
	TEXT("site", site, "", "file that describes clusters and hosts; if empty, only hosts that collectors report"),
	{"max_connections", VRS_OPT_INT, AT(max_connections), "512", 16, 100000, "maximum number of connections"},
	{"max_streams", VRS_OPT_INT, AT(max_streams), "256", 1, 10000, "maximum number of open event streams"},
	TIME("request_timeout", request_ms, "10s", "time limit for the headers of a request, and again for its body"),
	TIME("answer_timeout", answer_ms, "60s", "time limit for a client to receive its reply"),
	TIME("ask_timeout", ask_ms, "10s", "time limit for a reply from the scheduler"),
	{"sd_port", VRS_OPT_INT, AT(sd_port), "9100", 1, 65535, "port of the hosts' node_exporter, for service discovery"},
	TEXT("sinks", sinks, "", "file with the sinks that receive every event; none if empty"),
	TEXT("alertmanager", alertmanager, "", "URL of Alertmanager, polled for firing alerts; if empty, only its webhook is used"),
	TEXT("alertmanager_token_file", alertmanager_token_file, "", "file with the bearer token for Alertmanager; none if empty"),
	TEXT("alertmanager_ca", alertmanager_ca, "", "CA certificates for Alertmanager; those of the system if empty"),
	{"alertmanager_interval", VRS_OPT_DURATION, AT(alertmanager_ms), "60s", 1000, 86400e3, "interval between polls of Alertmanager"},
	TIME("risk_round", risk_ms, "60s", "interval at which the risk of each host is computed; never if 0"),
	{"metrics_open", VRS_OPT_BOOL, AT(metrics_open), "no", 0, 0, "answer /metrics without a token"},
	{0},
};
/* clang-format on */

/* Of every reply; the first one with TLS only. */
static const char *const headers[] = {
	"Strict-Transport-Security: max-age=31536000",
	("Content-Security-Policy: default-src 'none'; script-src 'self'; "
	 "style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; "
	 "manifest-src 'self'; base-uri 'none'; form-action 'self'; "
	 "frame-ancestors 'none'"),
	"X-Content-Type-Options: nosniff",
	"X-Frame-Options: DENY",
	"Referrer-Policy: no-referrer",
	"Cross-Origin-Opener-Policy: same-origin",
	"Cross-Origin-Resource-Policy: same-origin",
	NULL,
};

/* SIGHUP is POST /-/reload. */
static int on_reload(void *g, struct vrs_err *err)
{
	return gateway_reload(g, err);
}

static int read_openapi(struct gateway *g, struct vrs_err *err)
{
	enum { MAX = 1 << 20 };

	if (!g->conf.openapi[0])
		return 0;
	FILE *f = fopen(g->conf.openapi, "rbe");
	if (!f)
		return vrs_fail_errno(err, "openapi: cannot open %s", g->conf.openapi);
	g->openapi = vrs_calloc(1, MAX);
	g->n_openapi = fread(g->openapi, 1, MAX - 1, f);
	(void)fclose(f);
	return 0;
}

static int open_all(struct gateway *g, struct vrs_err *err)
{
	const struct vrs_httpd_handler handler = {.arg = g,
						  .early = api_early,
						  .whole = api_whole,
						  .refuse = api_refuse,
						  .done = metrics_request};
	const struct vrs_httpd_conf conf = {
		.listen = g->conf.listen,
		.cert_file = g->conf.cert_file,
		.key_file = g->conf.key_file,
		.max_connections = g->conf.max_connections,
		.request_ms = g->conf.request_ms,
		.reply_ms = g->conf.answer_ms,
		.max_head = API_MAX_HEAD,
		.max_body = API_MAX_BODY,
		.headers = headers + (g->conf.cert_file[0] ? 0 : 1),
	};
	int status = gateway_reload(g, err);

	if (status == 0 && g->conf.site[0])
		status = vrs_site_load(&g->site, g->conf.site, err);
	if (status == 0)
		status = read_openapi(g, err);
	if (status == 0)
		status = vrs_req_open(
			&g->control, g->svc->loop,
			&(struct vrs_req_conf){
				.url = g->conf.control,
				.silence_ms = g->conf.ask_ms,
				.reply_type = &vrsas__v1__control_reply__descriptor},
			err);
	if (status == 0)
		status = vrs_req_open(
			&g->fill, g->svc->loop,
			&(struct vrs_req_conf){
				.url = g->conf.fill,
				.silence_ms = g->conf.ask_ms,
				.reply_type = &vrsas__v1__fill_reply__descriptor},
			err);
	if (status == 0)
		status = vrs_workers_open(&g->workers, g->svc->loop, 16, err);
	if (status < 0)
		return status;
	g->metrics = metrics_new();
	g->sse = sse_new(g);
	g->risk = risk_new(g);
	g->poller = poller_new(g);
	g->alertmanager = alertmanager_new(g);
	status = vrs_httpd_open(&g->http, g->svc->loop, &conf, &handler, err);
	return status < 0 ? vrs_context(err, "listen") : 0;
}

static void close_all(struct gateway *g)
{
	vrs_req_close(g->fill);
	vrs_workers_close(g->workers);
	vrs_req_close(g->control); /* pending requests get their error reply */
	vrs_httpd_close(g->http);
	alertmanager_free(g->alertmanager);
	sinks_free(g->sinks);
	risk_free(g->risk);
	poller_free(g->poller);
	sse_free(g->sse);
	vrs_site_free(g->site);
	assets_free(g->assets);
	free(g->metrics);
	free(g->openapi);
}

int main(int argc, char **argv)
{
	static struct gateway g;
	struct vrs_err err = {0};
	struct vrs_svc svc = {
		.name = "gateway",
		.summary =
			"serves the page and the API, receives alerts and sends events",
		.options = options,
		.conf = &g,
		.needs_redis = true,
		.reload = on_reload,
	};

	g.svc = &svc;
	vrs_svc_start(&svc, argc, argv);
	if (open_all(&g, &err) < 0)
		vrs_svc_die(&svc, &err);
	vrs_svc_metrics(&svc, metrics_collect, &g);
	log_notice("listening url=%s", vrs_httpd_url(g.http));

	int status = vrs_svc_run(&svc); /* until SIGTERM or SIGINT */

	close_all(&g);
	vrs_svc_stop(&svc);
	return status;
}
