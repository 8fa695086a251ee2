/* Sign-in: browsers keep the token in a cookie that scripts cannot read. The API's
 * description, health and reload. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "api/routes.h"
#include "live/sse.h"
#include "vrs/json.h"
#include "vrs/log.h"
#include "vrs/mem.h"

static json_t *session_json(const char *name, enum role role)
{
	json_t *json = json_object();

	(void)json_object_set_new(json, "name", json_string(name));
	(void)json_object_set_new(json, "role", json_string(role_name(role)));
	return json;
}

void api_session(struct gateway *g, struct vrs_httpd_request *q)
{
	(void)g;
	api_json_take(q, 200, session_json(api_actor(q), api_role(q)));
}

/* token=... of a form, with its escapes decoded. */
static bool form_token(const char *body, char *buf, size_t size)
{
	const char *at = strncmp(body, "token=", 6) == 0 ? body : strstr(body, "&token=");

	if (!at)
		return false;
	at += at == body ? 6 : 7;
	size_t n = strcspn(at, "&");
	if (n >= size)
		return false;
	memcpy(buf, at, n);
	buf[n] = '\0';
	for (char *p = buf, *out = buf;; p++, out++) { /* in place */
		unsigned byte;

		if (*p == '%' && sscanf(p + 1, "%2x", &byte) == 1 && p[1] && p[2]) {
			*out = (char)byte;
			p += 2;
		} else {
			*out = *p;
		}
		if (!*p)
			return true;
	}
}

static bool is_form(const struct vrs_httpd_request *q)
{
	const char *type = vrs_httpd_header(q, "Content-Type");

	return type && strncasecmp(type, "application/x-www-form", 22) == 0;
}

static void set_cookie(struct vrs_httpd_request *q, const char *secret,
		       const struct token *t)
{
	char cookie[TOKEN_MAX + 128];
	json_t *json = t ? session_json(t->name, t->role) : json_object();
	char *text = vrs_json_text(json, true);
	bool form = is_form(q);

	json_decref(json);
	(void)snprintf(cookie, sizeof(cookie),
		       "Set-Cookie: vrsas_token=%s; Path=/; HttpOnly; SameSite=Strict; "
		       "Max-Age=%d%s",
		       secret, t ? 12 * 3600 : 0, vrs_httpd_is_tls(q) ? "; Secure" : "");
	vrs_httpd_reply(q, &(struct vrs_httpd_reply){
				   .status = form ? 303 : 200,
				   .type = "application/json",
				   .body = text,
				   .n_body = strlen(text),
				   .extra = {cookie, form ? "Location: /" : NULL}});
	explicit_bzero(cookie, sizeof(cookie));
}

void api_session_open(struct gateway *g, struct vrs_httpd_request *q)
{
	char buf[TOKEN_MAX + 1] = "";
	const char *secret = buf;
	json_t *args = NULL;
	size_t n;

	if (!is_form(q)) {
		if (!api_args(q, &args))
			return;
		secret = json_string_value(json_object_get(args, "token"));
	} else if (!form_token(vrs_httpd_body(q, &n), buf, sizeof(buf))) {
		api_error(q, 400, "fill in the field token", "the form has no token");
		return;
	}
	const struct token *t = tokens_find(&g->tokens, secret);
	if (t)
		set_cookie(q, secret, t);
	else
		api_error(q, 401, "tokens are in the gateway's tokens file",
			  "unknown token");
	json_decref(args);
	explicit_bzero(buf, sizeof(buf));
}

void api_session_end(struct gateway *g, struct vrs_httpd_request *q)
{
	(void)g;
	set_cookie(q, "", NULL);
}

void api_openapi(struct gateway *g, struct vrs_httpd_request *q)
{
	if (!g->openapi) {
		api_error(q, 404, "set `openapi` to the installed openapi.json",
			  "the API description is not installed");
		return;
	}
	vrs_httpd_reply(q, &(struct vrs_httpd_reply){.status = 200,
						     .type = "application/json",
						     .fixed = g->openapi,
						     .n_body = g->n_openapi});
}

void api_healthy(struct gateway *g, struct vrs_httpd_request *q)
{
	(void)g;
	api_text(q, 200, "text/plain; charset=utf-8", "healthy\n");
}

void api_ready(struct gateway *g, struct vrs_httpd_request *q)
{
	struct vrs_text why = {0};
	struct vrs_err err = {0};

	if (vrs_store_cmd(g->svc->store, NULL, &err, "PING") < 0)
		vrs_text_add(&why, "Redis: %s\n", err.text);
	if (vrs_req_peers(g->control) == 0)
		vrs_text_add(&why, "scheduler: not connected to %s\n", g->conf.control);
	api_text(q, why.len ? 503 : 200, "text/plain; charset=utf-8",
		 why.len ? why.text : "ready\n");
	vrs_text_fini(&why);
}

void api_reload(struct gateway *g, struct vrs_httpd_request *q)
{
	struct vrs_err err = {0};

	if (gateway_reload(g, &err) < 0)
		api_error(q, 500, "the old settings stay in use", "%s", err.text);
	else
		api_text(q, 200, "text/plain; charset=utf-8", "reloaded\n");
}
