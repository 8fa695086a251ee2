/* routes.h - what is served where, and to which role: the routes of docs/API.md. */
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

/* --- the table --- */

/* One argument: the name at the end of the path, a query argument of a GET, or a key of
 * the JSON object that a POST sends. */
struct api_arg {
	const char *key; /* NULL: after the last one */
	enum {
		API_TEXT,
		API_ID,    /* of a VM */
		API_PLACE, /* "c1", "c1/h1", "web1" */
		API_EVENT_ID,
		API_REQUEST_ID,
		API_FLAG, /* 0 or 1 in a query, true or false in a body */
		API_COUNT,
	} kind;
	bool required;
	const char *field;        /* of the request's message; NULL: as key */
	long low, high, fallback; /* of API_COUNT */
};

/* For api_request: fields of ControlRequest, by name. */
struct api_request {
	const char *message;
	const char *set;     /* a flag of the message that is always on */
	const char *dry_run; /* the query sent instead, if the message has no dry_run */
	const char *part;    /* the one field of the reply that is served; NULL: all */
};

typedef void (*api_fn)(struct gateway *g, struct vrs_httpd_request *q);

enum { API_ARGS_MAX = 6 };
struct api_route {
	const char *method, *path; /* a path that ends with '/' has a name after it */
	enum { OPEN, READ, OPERATE, ALERT } access;
	api_fn run;
	struct api_request request;
	struct api_arg arg[API_ARGS_MAX];
};
const struct api_route *api_routes(size_t *ret_n);

/* --- arguments (args.c) --- */

/* The arguments of the request as an object that the caller frees: strings, booleans and
 * numbers; only those that were given, and API_COUNT always. false: already answered. */
bool api_args(struct vrs_httpd_request *q, json_t **ret);
bool api_is_event_id(const char *s);

/* --- handlers --- */

/* Sends the route's request to the scheduler and answers with its reply. */
void api_request(struct gateway *g, struct vrs_httpd_request *q);
void api_forecasts(struct gateway *g, struct vrs_httpd_request *q);
void api_history(struct gateway *g, struct vrs_httpd_request *q);
void api_incidents(struct gateway *g, struct vrs_httpd_request *q);
void api_risk(struct gateway *g, struct vrs_httpd_request *q);
void api_events(struct gateway *g, struct vrs_httpd_request *q);
void api_columns(struct gateway *g, struct vrs_httpd_request *q);
void api_sd_hosts(struct gateway *g, struct vrs_httpd_request *q);
void api_openapi(struct gateway *g, struct vrs_httpd_request *q);
void api_tables(struct gateway *g, struct vrs_httpd_request *q);
void api_metrics(struct gateway *g, struct vrs_httpd_request *q);
void api_healthy(struct gateway *g, struct vrs_httpd_request *q);
void api_ready(struct gateway *g, struct vrs_httpd_request *q);
void api_alerts(struct gateway *g, struct vrs_httpd_request *q);
void api_session(struct gateway *g, struct vrs_httpd_request *q);
void api_session_open(struct gateway *g, struct vrs_httpd_request *q);
void api_session_end(struct gateway *g, struct vrs_httpd_request *q);
void api_reload(struct gateway *g, struct vrs_httpd_request *q);
void api_bus_control(struct gateway *g, struct vrs_httpd_request *q);
void api_bus_fill(struct gateway *g, struct vrs_httpd_request *q);

#endif
