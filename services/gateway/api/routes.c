#include "api/routes.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "vrs/json.h"
#include "vrs/log.h"
#include "vrs/mem.h"

/* clang-format off */
#define REQUEST(message_, ...) {.message = (message_), ##__VA_ARGS__}
#define ARG(key_, kind_, ...) {.key = (key_), .kind = (kind_), ##__VA_ARGS__}
#define VM ARG("vm", API_TEXT, .required = true)
#define REASON ARG("reason", API_TEXT)
/* An order may be tried, and repeated under one id. */
#define DRY_RUN ARG("dry_run", API_FLAG), ARG("request_id", API_REQUEST_ID)

static const struct api_route routes[] = {
	{"GET", "/api/v1/status", READ, api_request, REQUEST("status"), {{0}}},
	{"GET", "/api/v1/clusters", READ, api_request, REQUEST("status", .part = "cluster"), {{0}}},
	{"GET", "/api/v1/hosts", READ, api_request, REQUEST("hosts"), {ARG("cluster", API_PLACE)}},
	{"GET", "/api/v1/columns", READ, api_columns, {0}, {{0}}},
	{"GET", "/api/v1/vms", READ, api_request, REQUEST("vms"), {ARG("cluster", API_PLACE), ARG("host", API_PLACE)}},
	{"GET", "/api/v1/forecasts", READ, api_forecasts, REQUEST("forecast"), {ARG("target", API_PLACE)}},
	{"GET", "/api/v1/history", READ, api_history, {0},
	 {ARG("target", API_PLACE, .required = true), ARG("minutes", API_COUNT, .low = 5, .high = 1440, .fallback = 240)}},
	{"GET", "/api/v1/relocations", READ, api_request, REQUEST("relocations"), {ARG("open", API_FLAG, .field = "open_only")}},
	{"GET", "/api/v1/relocations/", READ, api_request, REQUEST("relocations", .set = "with_journal"), {ARG("vm", API_ID, .required = true)}},
	{"GET", "/api/v1/incidents", READ, api_incidents, {0}, {{0}}},
	{"GET", "/api/v1/risk", READ, api_risk, {0}, {{0}}},
	{"GET", "/api/v1/plan", READ, api_request, REQUEST("plan"), {ARG("host", API_PLACE, .required = true)}},
	{"GET", "/api/v1/preflight", READ, api_request, REQUEST("preflight"),
	 {ARG("vm", API_ID), ARG("host", API_PLACE), ARG("to", API_PLACE, .field = "to_cluster")}},
	{"GET", "/api/v1/events", READ, api_events, REQUEST("events"),
	 {ARG("after", API_EVENT_ID, .field = "after_id"), ARG("limit", API_COUNT, .low = 1, .high = 1000, .fallback = 100), ARG("vm", API_ID)}},
	{"GET", "/api/v1/sd/hosts", READ, api_sd_hosts, {0}, {{0}}},
	{"GET", "/api/v1/session", READ, api_session, {0}, {{0}}},
	{"GET", "/api/v1/openapi.json", OPEN, api_openapi, {0}, {{0}}},
	{"GET", "/metrics", READ, api_metrics, {0}, {{0}}},
	{"GET", "/-/healthy", OPEN, api_healthy, {0}, {{0}}},
	{"GET", "/-/ready", OPEN, api_ready, {0}, {{0}}},
	{"POST", "/api/v1/relocate", OPERATE, api_request, REQUEST("relocate"), {VM, ARG("to_cluster", API_TEXT), REASON, DRY_RUN}},
	{"POST", "/api/v1/failback", OPERATE, api_request, REQUEST("failback"), {VM, DRY_RUN}},
	{"POST", "/api/v1/cancel", OPERATE, api_request, REQUEST("cancel", .dry_run = "relocations"), {VM, REASON, DRY_RUN}},
	{"POST", "/api/v1/confirm-off", OPERATE, api_request, REQUEST("fail", .set = "confirm_off", .dry_run = "plan"),
	 {ARG("host", API_TEXT, .required = true), ARG("reason", API_TEXT, .required = true), DRY_RUN}},
	{"POST", "/api/v1/alerts", ALERT, api_alerts, {0}, {{0}}},
	{"POST", "/api/v1/session", OPEN, api_session_open, {0}, {ARG("token", API_TEXT, .required = true)}},
	{"POST", "/api/v1/session/end", OPEN, api_session_end, {0}, {{0}}},
	{"GET", "/tables", OPEN, api_tables, {0}, {{0}}}, /* shows a sign-in form itself */
	{"POST", "/api/v1/bus/control", READ, api_bus_control, {0}, {{0}}},
	{"POST", "/api/v1/bus/fill", READ, api_bus_fill, {0}, {{0}}},
	{"POST", "/-/reload", OPERATE, api_reload, {0}, {{0}}},
};
/* clang-format on */
enum { N_ROUTES = sizeof(routes) / sizeof(*routes) };

const struct api_route *api_routes(size_t *ret_n)
{
	*ret_n = N_ROUTES;
	return routes;
}

/* --- tokens and roles --- */

static bool role_allows(enum role role, const struct api_route *r)
{
	if (role == ROLE_OPERATE)
		return true;
	return (r->access == READ && role == ROLE_READ) ||
	       (r->access == ALERT && role == ROLE_ALERT);
}

static bool authorize(struct gateway *g, struct vrs_httpd_request *q,
		      const struct api_route *r)
{
	static struct vrs_complaint wrong;
	struct api_note *note = vrs_httpd_note(q);
	char buf[TOKEN_MAX + 1];
	const char *secret = api_secret(q, buf, sizeof(buf));
	const struct token *t = tokens_find(&g->tokens, secret);

	if (t) {
		note->role = t->role;
		(void)vrs_strcpy(note->name, sizeof(note->name), t->name);
	}
	explicit_bzero(buf, sizeof(buf));
	if (r->access == OPEN || (r->run == api_metrics && g->conf.metrics_open))
		return true;
	if (!t) {
		if (secret)
			vrs_complain(&wrong, VRS_WARN, "unknown token path=%s", r->path);
		api_error(q, 401,
			  "send Authorization: Bearer TOKEN, or sign in on the page",
			  "%s", secret ? "unknown token" : "a token is required");
		return false;
	}
	if (role_allows(t->role, r))
		return true;
	api_error(q, 403, "use a token with the right role",
		  "token %s has role %s, which does not permit %s %s", t->name,
		  role_name(t->role), r->method, r->path);
	return false;
}

/* --- origin and type of a change --- */

static bool same_site(struct vrs_httpd_request *q)
{
	const char *site = vrs_httpd_header(q, "Sec-Fetch-Site");
	const char *origin = vrs_httpd_header(q, "Origin"),
		   *host = vrs_httpd_header(q, "Host");

	if (site && strcmp(site, "same-origin") != 0 && strcmp(site, "none") != 0)
		return false;
	if (!origin)
		return true;
	const char *at = strstr(origin, "://");
	return at && host && strcasecmp(at + 3, host) == 0;
}

static bool is_type(const struct vrs_httpd_request *q, const char *wanted)
{
	const char *type = vrs_httpd_header(q, "Content-Type");
	size_t n = type ? strcspn(type, "; ") : 0;

	return n == strlen(wanted) && strncasecmp(type, wanted, n) == 0;
}

/* Never a type that a form of another site could send, except to sign in. */
static bool type_fits(const struct vrs_httpd_request *q, const struct api_route *r)
{
	if (r->run == api_reload)
		return true;
	if (r->run == api_bus_control || r->run == api_bus_fill)
		return is_type(q, "application/x-protobuf");
	return is_type(q, "application/json") ||
	       (r->run == api_session_open &&
		is_type(q, "application/x-www-form-urlencoded"));
}

static bool check_change(struct vrs_httpd_request *q, const struct api_route *r)
{
	if (!same_site(q)) {
		api_error(q, 403, "use the gateway's own page",
			  "requests from pages of other sites are refused");
		return false;
	}
	if (type_fits(q, r))
		return true;
	api_error(q, 415, "docs/API.md lists the accepted types",
		  "unsupported Content-Type for %s", r->path);
	return false;
}

/* --- routes --- */

static bool fits(const struct api_route *r, const char *path)
{
	size_t n = strlen(r->path);

	if (r->path[n - 1] != '/')
		return strcmp(r->path, path) == 0;
	return strncmp(r->path, path, n) == 0 && path[n];
}

static const char *method_of(const struct vrs_httpd_request *q)
{
	const char *method = vrs_httpd_method(q);

	return strcmp(method, "HEAD") == 0 ? "GET" : method;
}

static bool takes_gzip(const struct vrs_httpd_request *q)
{
	const char *takes = vrs_httpd_header(q, "Accept-Encoding");

	return takes && strstr(takes, "gzip");
}

static void send_asset(struct vrs_httpd_request *q, const struct asset *a)
{
	const char *known = vrs_httpd_header(q, "If-None-Match");
	char tag[40];
	bool same = known && strstr(known, a->tag);

	(void)snprintf(tag, sizeof(tag), "ETag: %s", a->tag);
	char *copy = vrs_calloc(a->n + 1, 1); /* a reload may free the asset */
	memcpy(copy, a->bytes, a->n);
	vrs_httpd_reply(
		q,
		&(struct vrs_httpd_reply){
			.status = same ? 304 : 200,
			.type = a->type,
			.body = copy,
			.n_body = same ? 0 : a->n,
			.cache = a->for_ever ? "public, max-age=31536000, immutable"
					     : "no-cache",
			.extra = {tag, "Vary: Accept-Encoding",
				  a->gzip && !same ? "Content-Encoding: gzip" : NULL}});
}

static void no_route(struct gateway *g, struct vrs_httpd_request *q,
		     const struct api_route *other)
{
	const char *path = vrs_httpd_path(q);
	const struct asset *a = NULL;

	if (strcmp(method_of(q), "GET") == 0)
		a = assets_find(g->assets, path, takes_gzip(q));
	if (a) {
		send_asset(q, a);
	} else if (other) {
		char allow[24];

		(void)snprintf(allow, sizeof(allow), "Allow: %s", other->method);
		api_error_with(q, 405, "docs/API.md lists paths and methods", allow,
			       "method not allowed");
	} else {
		api_error(q, 404, "docs/API.md lists paths and methods", "no such path");
	}
}

/* Only a GET has arguments in its query, unless they are in the path. */
static const char *unknown_argument(struct vrs_httpd_request *q,
				    const struct api_route *r)
{
	const char *known[API_ARGS_MAX + 1] = {0};

	if (strcmp(r->method, "GET") == 0 && r->path[strlen(r->path) - 1] != '/')
		for (size_t i = 0; i < API_ARGS_MAX; i++)
			known[i] = r->arg[i].key;
	return vrs_httpd_query_unknown(q, known);
}

void api_early(void *arg, struct vrs_httpd_request *q)
{
	struct gateway *g = arg;
	struct api_note *note = vrs_httpd_note(q);
	const struct api_route *r = NULL, *other = NULL;
	const char *path = vrs_httpd_path(q), *unknown;

	if (!path || path[0] != '/') {
		api_error(q, 400, "escape special characters as %%XX", "invalid path");
		return;
	}
	for (size_t i = 0; i < N_ROUTES && !r; i++) {
		if (!fits(&routes[i], path))
			continue;
		if (strcmp(routes[i].method, method_of(q)) == 0)
			r = &routes[i];
		else
			other = &routes[i];
	}
	if (!r) {
		no_route(g, q, other);
		return;
	}
	if (!authorize(g, q, r))
		return;
	if (strcmp(r->method, "POST") == 0 && !check_change(q, r))
		return;
	note->route = r;
	unknown = unknown_argument(q, r);
	if (unknown && r->access != OPEN)
		api_error(q, 400, "docs/API.md lists the arguments of each path",
			  "%s takes no argument '%.40s'", r->path, unknown);
}

void api_whole(void *arg, struct vrs_httpd_request *q)
{
	const struct api_note *note = vrs_httpd_note(q);

	note->route->run(arg, q);
}

void api_refuse(void *arg, struct vrs_httpd_request *q, int status)
{
	(void)arg;
	if (status == 413)
		api_error(q, status, "send a smaller request", "the body exceeds 1 MiB");
	else if (status == 431)
		api_error(q, status, "send a smaller request",
			  "the headers exceed 16 KiB");
	else
		api_error(q, status, "send one Host header", "more than one Host header");
}
