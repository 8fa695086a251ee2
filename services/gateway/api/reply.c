/* What every handler of the API uses: replies, errors, and the identity of the client. */
#include "api/reply.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "vrs/json.h"
#include "vrs/mem.h"

_Static_assert(sizeof(struct api_note) <= VRS_HTTPD_NOTE_BYTES, "a note fits");

void api_json_take(struct vrs_httpd_request *q, int status, json_t *json)
{
	char *text = vrs_json_text(json, true);

	json_decref(json);
	vrs_httpd_reply(q, &(struct vrs_httpd_reply){.status = status,
						     .type = "application/json",
						     .body = text,
						     .n_body = strlen(text)});
}

void api_message(struct vrs_httpd_request *q, const ProtobufCMessage *msg)
{
	api_json_take(q, 200, vrs_json_of_message(msg));
}

void api_text(struct vrs_httpd_request *q, int status, const char *type, const char *text)
{
	char *body = vrs_strdup(text);

	vrs_httpd_reply(q, &(struct vrs_httpd_reply){.status = status,
						     .type = type,
						     .body = body,
						     .n_body = strlen(body)});
}

static json_t *text_json(const char *s)
{
	json_t *json = json_string(s);

	return json ? json : json_string("(not text)");
}

/* As vrsctl's exit codes are called: docs/API.md. */
static const char *code_of(int status)
{
	switch (status) {
	case 401:
	case 403:
	case 409:
	case 429:
		return "REFUSED";
	case 404:
		return "NOT_FOUND";
	case 500:
		return "FAILED";
	case 503:
		return "UNREACHABLE";
	case 504:
		return "TIMEOUT";
	default:
		return "USAGE";
	}
}

void api_error_with(struct vrs_httpd_request *q, int status, const char *hint,
		    const char *extra, const char *line)
{
	json_t *json = json_object();

	(void)json_object_set_new(json, "error", text_json(line));
	(void)json_object_set_new(json, "hint", text_json(hint));
	(void)json_object_set_new(json, "code", json_string(code_of(status)));
	char *text = vrs_json_text(json, true);
	json_decref(json);
	vrs_httpd_reply(q, &(struct vrs_httpd_reply){.status = status,
						     .type = "application/json",
						     .body = text,
						     .n_body = strlen(text),
						     .extra = {extra}});
}

void api_error(struct vrs_httpd_request *q, int status, const char *hint, const char *fmt,
	       ...)
{
	char line[480];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	api_error_with(q, status, hint,
		       status == 401 ? "WWW-Authenticate: Bearer realm=\"vrsas\"" : NULL,
		       line);
}

void api_failure(struct vrs_httpd_request *q, const struct scheduler_failure *f)
{
	api_error(q, f->status, f->hint, "%s", f->error);
}

void api_store_failure(struct vrs_httpd_request *q, const struct vrs_err *err)
{
	api_error(q, err->code == VRS_ETIMEOUT ? 504 : 503,
		  "check that Redis is running and accepts the gateway's login", "%s",
		  err->text);
}

const char *api_actor(struct vrs_httpd_request *q)
{
	return ((struct api_note *)vrs_httpd_note(q))->name;
}

const struct api_route *api_route(struct vrs_httpd_request *q)
{
	return ((struct api_note *)vrs_httpd_note(q))->route;
}

enum role api_role(struct vrs_httpd_request *q)
{
	return ((struct api_note *)vrs_httpd_note(q))->role;
}

const char *api_secret(const struct vrs_httpd_request *q, char *buf, size_t size)
{
	const char *line = vrs_httpd_header(q, "Authorization");

	if (line) {
		if (strncasecmp(line, "Bearer ", 7) != 0 ||
		    !vrs_strcpy(buf, size, line + 7 + strspn(line + 7, " ")))
			return NULL;
		return buf;
	}
	return vrs_httpd_cookie(q, "vrsas_token");
}
