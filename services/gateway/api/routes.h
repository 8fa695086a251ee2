/* routes.h - what is served where, and to whom: the routes of docs/API.md. */
#ifndef GATEWAY_API_ROUTES_H
#define GATEWAY_API_ROUTES_H

#include <jansson.h>

#include "api/reply.h"
#include "gateway.h"

/* The handler of the HTTP server, and what bounds a request. */
enum { API_MAX_HEAD = 16 << 10, API_MAX_BODY = 1 << 20 };
void api_early(void *arg, struct vrs_httpd_request *q);
void api_whole(void *arg, struct vrs_httpd_request *q);
void api_refuse(void *arg, struct vrs_httpd_request *q, int status);

/* --- arguments and bodies (args.c) --- */

/* A query argument that must be a name, "c1/h1" or the like; false: refused already. ""
 * when it is not given. */
bool api_place(struct vrs_httpd_request *q, const char *key, bool required,
	       const char **ret);
bool api_number(struct vrs_httpd_request *q, const char *key, long low, long high,
		long fallback, long *ret);

/* The body as an object of known keys; false: refused already. Strings are valid for as
 * long as *ret_json is, which the caller frees. */
struct api_field {
	const char *key;
	bool required;
	const char **text; /* one of the two */
	bool *flag;
};
bool api_body(struct vrs_httpd_request *q, const struct api_field *fields, size_t n,
	      json_t **ret_json);

/* --- the routes --- */

typedef void (*api_fn)(struct gateway *g, struct vrs_httpd_request *q);
void api_status(struct gateway *g, struct vrs_httpd_request *q);
void api_clusters(struct gateway *g, struct vrs_httpd_request *q);
void api_hosts(struct gateway *g, struct vrs_httpd_request *q);
void api_vms(struct gateway *g, struct vrs_httpd_request *q);
void api_forecasts(struct gateway *g, struct vrs_httpd_request *q);
/* Of one target; the scheduler asks a predictor. */
void api_forecast_of(struct gateway *g, struct vrs_httpd_request *q, const char *target);
void api_history(struct gateway *g, struct vrs_httpd_request *q);
void api_relocations(struct gateway *g, struct vrs_httpd_request *q);
void api_relocation(struct gateway *g, struct vrs_httpd_request *q);
void api_incidents(struct gateway *g, struct vrs_httpd_request *q);
void api_risk(struct gateway *g, struct vrs_httpd_request *q);
void api_plan(struct gateway *g, struct vrs_httpd_request *q);
void api_events(struct gateway *g, struct vrs_httpd_request *q);
void api_columns(struct gateway *g, struct vrs_httpd_request *q);
void api_sd_hosts(struct gateway *g, struct vrs_httpd_request *q);
void api_openapi(struct gateway *g, struct vrs_httpd_request *q);
void api_tables(struct gateway *g, struct vrs_httpd_request *q);
void api_metrics(struct gateway *g, struct vrs_httpd_request *q);
void api_healthy(struct gateway *g, struct vrs_httpd_request *q);
void api_ready(struct gateway *g, struct vrs_httpd_request *q);
void api_relocate(struct gateway *g, struct vrs_httpd_request *q);
void api_failback(struct gateway *g, struct vrs_httpd_request *q);
void api_cancel(struct gateway *g, struct vrs_httpd_request *q);
void api_confirm_off(struct gateway *g, struct vrs_httpd_request *q);
void api_alerts(struct gateway *g, struct vrs_httpd_request *q);
void api_session(struct gateway *g, struct vrs_httpd_request *q);
void api_session_open(struct gateway *g, struct vrs_httpd_request *q);
void api_session_end(struct gateway *g, struct vrs_httpd_request *q);
void api_reload(struct gateway *g, struct vrs_httpd_request *q);
void api_bus_control(struct gateway *g, struct vrs_httpd_request *q);
void api_bus_fill(struct gateway *g, struct vrs_httpd_request *q);

#endif
