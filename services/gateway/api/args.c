/* The arguments of a request, of the path, the query or the JSON body, validated as the
 * route declares them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/routes.h"
#include "vrs/mem.h"

static const char hint_args[] = "docs/API.md lists the arguments of each path";

/* --- kinds --- */

/* "c1", "c1/h1", "web1": one or two ids. */
static bool is_place(const char *s)
{
	const char *slash = strchr(s, '/');
	char first[132];

	if (!slash)
		return vrs_id_ok(s);
	if ((size_t)(slash - s) >= sizeof(first))
		return false;
	memcpy(first, s, (size_t)(slash - s));
	first[slash - s] = '\0';
	return vrs_name_ok(first) && vrs_name_ok(slash + 1);
}

static bool is_request_id(const char *s)
{
	return !s[0] || (vrs_id_ok(s) && strlen(s) <= 64);
}

/* "1764491734123" or "1764491734123-4" */
bool api_is_event_id(const char *s)
{
	size_t n = strspn(s, "0123456789"),
	       m = s[n] ? strspn(s + n + 1, "0123456789") : 0;

	return n && n <= 19 && (!s[n] || (s[n] == '-' && m && m <= 19 && !s[n + 1 + m]));
}

static const struct {
	bool (*is)(const char *s); /* NULL: not text, or any text */
	const char *wanted;
} kinds[] = {
	[API_TEXT] = {NULL, "a string"},
	[API_ID] = {vrs_id_ok, "the name or id of a VM"},
	[API_PLACE] = {is_place, "a name or CLUSTER/HOST"},
	[API_EVENT_ID] = {api_is_event_id, "the id of an event"},
	[API_REQUEST_ID] = {is_request_id, "1 to 64 letters, digits or ._:@+-"},
	[API_FLAG] = {NULL, "true or false"},
	[API_COUNT] = {NULL, "a whole number"},
};

static bool invalid(struct vrs_httpd_request *q, const struct api_arg *a)
{
	if (a->kind == API_COUNT)
		api_error(q, 400, hint_args,
			  "invalid %s: expected a number from %ld to %ld", a->key, a->low,
			  a->high);
	else
		api_error(q, 400, hint_args, "invalid %s: expected %s", a->key,
			  kinds[a->kind].wanted);
	return false;
}

static bool missing(struct vrs_httpd_request *q, const struct api_arg *a)
{
	api_error(q, 400, hint_args, "%s is required", a->key);
	return false;
}

static bool is_text(const struct api_arg *a)
{
	return a->kind != API_FLAG && a->kind != API_COUNT;
}

/* --- path and query --- */

/* NULL: not of its kind. */
static json_t *value_of_text(const struct api_arg *a, const char *text)
{
	char *end = NULL;

	if (is_text(a))
		return !kinds[a->kind].is || kinds[a->kind].is(text) ? json_string(text)
								     : NULL;
	errno = 0;
	long n = strtol(text, &end, 10);
	if (end == text || *end || errno)
		return NULL;
	if (a->kind == API_FLAG)
		return n == 0 || n == 1 ? json_boolean(n) : NULL;
	return n >= a->low && n <= a->high ? json_integer(n) : NULL;
}

static bool take_query(struct vrs_httpd_request *q, const struct api_route *r,
		       json_t *args)
{
	size_t n = strlen(r->path);
	bool in_path = r->path[n - 1] == '/';

	for (const struct api_arg *a = r->arg; a->key; a++) {
		const char *text =
			in_path ? vrs_httpd_path(q) + n : vrs_httpd_query(q, a->key);
		json_t *value = text ? value_of_text(a, text) : NULL;

		if (text && !value)
			return invalid(q, a);
		if (!value && a->required)
			return missing(q, a);
		if (!value && a->kind == API_COUNT)
			value = json_integer(a->fallback);
		if (value)
			(void)json_object_set_new(args, a->key, value);
	}
	return true;
}

/* --- body --- */

static const struct api_arg *arg_of(const struct api_route *r, const char *key)
{
	for (const struct api_arg *a = r->arg; a->key; a++)
		if (strcmp(a->key, key) == 0)
			return a;
	return NULL;
}

static bool fits(const struct api_arg *a, const json_t *value)
{
	const char *text = json_string_value(value);

	if (!is_text(a))
		return json_is_boolean(value);
	return text && (!kinds[a->kind].is || kinds[a->kind].is(text));
}

static bool check_body(struct vrs_httpd_request *q, const struct api_route *r,
		       json_t *args)
{
	const char *key;
	json_t *value;

	json_object_foreach(args, key, value)
	{
		const struct api_arg *a = arg_of(r, key);

		if (!a) {
			api_error(q, 400, hint_args, "unknown key '%.40s'", key);
			return false;
		}
		if (!fits(a, value))
			return invalid(q, a);
	}
	for (const struct api_arg *a = r->arg; a->key; a++)
		if (a->required && !json_object_get(args, a->key))
			return missing(q, a);
	return true;
}

static json_t *parse_body(struct vrs_httpd_request *q)
{
	json_error_t why;
	size_t size;
	const char *body = vrs_httpd_body(q, &size);
	json_t *json = json_loadb(body, size, JSON_REJECT_DUPLICATES, &why);

	if (json_is_object(json))
		return json;
	api_error(q, 400, "send one JSON object", "the body is not a JSON object: %.160s",
		  json ? "it has another JSON type" : why.text);
	json_decref(json);
	return NULL;
}

bool api_args(struct vrs_httpd_request *q, json_t **ret)
{
	const struct api_route *r = api_route(q);
	bool post = strcmp(r->method, "POST") == 0;
	json_t *args = post ? parse_body(q) : json_object();

	if (!args)
		return false;
	if (post ? check_body(q, r, args) : take_query(q, r, args)) {
		*ret = args;
		return true;
	}
	json_decref(args);
	return false;
}
