/* gateway.h - what the rooms of the gateway share: one struct, set up by main.c.
 *
 * Everything runs on the loop, unless it says that it runs on a worker. */
#ifndef GATEWAY_GATEWAY_H
#define GATEWAY_GATEWAY_H

#include "http/assets.h"
#include "http/tokens.h"
#include "vrs/bus.h"
#include "vrs/httpd.h"
#include "vrs/site.h"
#include "vrs/svc.h"
#include "vrsas/v1/control.pb-c.h"
#include "vrsas/v1/incident.pb-c.h"

struct settings {
	char *listen, *cert_file, *key_file, *tokens, *www, *control, *fill, *site,
		*sinks;
	char *alertmanager, *alertmanager_token_file, *alertmanager_ca;
	char *openapi;
	int64_t max_connections, max_streams, request_ms, answer_ms, ask_ms;
	int64_t alertmanager_ms, risk_ms;
	int64_t sd_port;
	bool metrics_open;
};

struct sse;
struct poller;
struct sinks;
struct risk;
struct alertmanager;
struct gateway_metrics;

struct gateway {
	struct vrs_svc *svc;
	struct settings conf;
	struct vrs_httpd *http;
	struct vrs_req *control, *fill; /* to the scheduler, to etl */
	struct vrs_workers *workers;
	struct tokens tokens;
	struct assets *assets;
	struct vrs_site *site; /* NULL: none given */
	struct sse *sse;
	struct poller *poller;
	struct sinks *sinks;
	struct risk *risk;
	struct alertmanager *alertmanager;
	struct gateway_metrics *metrics;
	char *openapi;
	size_t n_openapi;
	uint64_t alerts[3], alerts_refused; /* by incident_result */
};

/* Reads tokens, sinks and assets again; on an error the old ones stay in use. */
int gateway_reload(struct gateway *g, struct vrs_err *err);

/* --- requests to the scheduler (facts/scheduler.c) --- */

/* done is called exactly once, maybe before scheduler_ask returns: with a reply whose
 * code is OK, or with NULL and a failure. */
struct scheduler_failure {
	int status; /* of HTTP */
	const char *error, *hint;
};
typedef void (*scheduler_fn)(void *arg, const Vrsas__V1__ControlReply *reply,
			     const struct scheduler_failure *failure);
void scheduler_ask(struct gateway *g, Vrsas__V1__ControlRequest *request,
		   scheduler_fn done, void *arg);
#endif
