#include "api/routes.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "vrs/json.h"
#include "vrs/log.h"
#include "vrs/mem.h"

struct route {
	const char *method, *path; /* a path that ends with '/' has a name after it */
	enum { OPEN, READ, OPERATE, ALERT } who;
	api_fn run;
	const char *query[5]; /* arguments that are known */
};

static const struct route routes[] = {
	{"GET", "/api/v1/status", READ, api_status, {NULL}},
	{"GET", "/api/v1/clusters", READ, api_clusters, {NULL}},
	{"GET", "/api/v1/hosts", READ, api_hosts, {"cluster"}},
	{"GET", "/api/v1/columns", READ, api_columns, {NULL}},
	{"GET", "/api/v1/vms", READ, api_vms, {"cluster", "host"}},
	{"GET", "/api/v1/forecasts", READ, api_forecasts, {"target"}},
	{"GET", "/api/v1/history", READ, api_history, {"target", "minutes"}},
	{"GET", "/api/v1/relocations", READ, api_relocations, {"open"}},
	{"GET", "/api/v1/relocations/", READ, api_relocation, {NULL}},
	{"GET", "/api/v1/incidents", READ, api_incidents, {NULL}},
	{"GET", "/api/v1/risk", READ, api_risk, {NULL}},
	{"GET", "/api/v1/plan", READ, api_plan, {"host"}},
	{"GET", "/api/v1/events", READ, api_events, {"after", "limit", "vm"}},
	{"GET", "/api/v1/sd/hosts", READ, api_sd_hosts, {NULL}},
	{"GET", "/api/v1/session", READ, api_session, {NULL}},
	{"GET", "/api/v1/openapi.json", OPEN, api_openapi, {NULL}},
	{"GET", "/metrics", READ, api_metrics, {NULL}},
	{"GET", "/-/healthy", OPEN, api_healthy, {NULL}},
	{"GET", "/-/ready", OPEN, api_ready, {NULL}},
	{"POST", "/api/v1/relocate", OPERATE, api_relocate, {NULL}},
	{"POST", "/api/v1/failback", OPERATE, api_failback, {NULL}},
	{"POST", "/api/v1/cancel", OPERATE, api_cancel, {NULL}},
	{"POST", "/api/v1/confirm-off", OPERATE, api_confirm_off, {NULL}},
	{"POST", "/api/v1/alerts", ALERT, api_alerts, {NULL}},
	{"POST", "/api/v1/session", OPEN, api_session_open, {NULL}},
	{"POST", "/api/v1/session/end", OPEN, api_session_end, {NULL}},
	{"GET", "/tables", OPEN, api_tables, {NULL}}, /* asks for a token by itself */
	{"POST", "/api/v1/bus/control", READ, api_bus_control, {NULL}},
	{"POST", "/api/v1/bus/fill", READ, api_bus_fill, {NULL}},
	{"POST", "/-/reload", OPERATE, api_reload, {NULL}},
};
enum { N_ROUTES = sizeof(routes) / sizeof(*routes) };

/* --- who asks --- */

static bool may(enum role role, const struct route *r)
{
	if (role == ROLE_OPERATE)
		return true;
	return (r->who == READ && role == ROLE_READ) ||
	       (r->who == ALERT && role == ROLE_ALERT);
}

static bool let_in(struct gateway *g, struct vrs_httpd_request *q, const struct route *r)
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
	if (r->who == OPEN || (r->run == api_metrics && g->conf.metrics_open))
		return true;
	if (!t) {
		if (secret)
			vrs_complain(&wrong, VRS_WARN, "a token that is not ours path=%s",
				     r->path);
		api_error(q, 401, "REFUSED",
			  "send Authorization: Bearer TOKEN, or sign in on the page",
			  "%s", secret ? "this token is not known" : "a token is needed");
		return false;
	}
	if (may(t->role, r))
		return true;
	api_error(q, 403, "REFUSED", "use a token with the right role",
		  "%s has role %s and may not %s %s", t->name, role_name(t->role),
		  r->method, r->path);
	return false;
}

/* --- where a change comes from --- */

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

/* No type that a form of another site could send, but for signing in. */
static bool type_fits(const struct vrs_httpd_request *q, const struct route *r)
{
	if (r->run == api_reload)
		return true;
	if (r->run == api_bus_control || r->run == api_bus_fill)
		return is_type(q, "application/x-protobuf");
	return is_type(q, "application/json") ||
	       (r->run == api_session_open &&
		is_type(q, "application/x-www-form-urlencoded"));
}

static bool may_change(struct vrs_httpd_request *q, const struct route *r)
{
	if (!same_site(q)) {
		api_error(q, 403, "REFUSED", "use the gateway's own page",
			  "a page of another site may not change anything here");
		return false;
	}
	if (type_fits(q, r))
		return true;
	api_error(q, 415, "USAGE", "docs/API.md says which one",
		  "the body of %s is of another Content-Type", r->path);
	return false;
}

/* --- routes --- */

static bool fits(const struct route *r, const char *path)
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
		     const struct route *other)
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
		api_error_with(q, 405, "USAGE", "docs/API.md lists paths and methods",
			       allow, "this path has another method");
	} else {
		api_error(q, 404, "NOT_FOUND", "docs/API.md lists paths and methods",
			  "there is no such path");
	}
}

void api_early(void *arg, struct vrs_httpd_request *q)
{
	struct gateway *g = arg;
	struct api_note *note = vrs_httpd_note(q);
	const struct route *r = NULL, *other = NULL;
	const char *path = vrs_httpd_path(q), *unknown;

	if (!path || path[0] != '/') {
		api_error(q, 400, "USAGE", "escape what is special as %%XX",
			  "the path is not well formed");
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
	if (!let_in(g, q, r))
		return;
	if (strcmp(r->method, "POST") == 0 && !may_change(q, r))
		return;
	unknown = vrs_httpd_query_unknown(q, r->query);
	if (unknown && r->who != OPEN) {
		api_error(q, 400, "USAGE", "docs/API.md lists what each path takes",
			  "%s takes no argument '%.40s'", r->path, unknown);
		return;
	}
	note->route = r;
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
		api_error(q, status, "USAGE", "send less", "the body is above 1 MiB");
	else if (status == 431)
		api_error(q, status, "USAGE", "send less",
			  "the headers are above 16 KiB");
	else
		api_error(q, status, "USAGE", "send one Host header",
			  "more than one Host header");
}
