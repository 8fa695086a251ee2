/* What comes with a request: arguments and bodies, checked. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/routes.h"
#include "vrs/mem.h"

/* "c1", "c1/h1", "web1": one or two ids. */
static bool place_ok(const char *s)
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

bool api_place(struct vrs_httpd_request *q, const char *key, bool required,
	       const char **ret)
{
	const char *value = vrs_httpd_query(q, key);

	if (!value && !required) {
		*ret = "";
		return true;
	}
	if (value && place_ok(value)) {
		*ret = value;
		return true;
	}
	api_error(q, 400, "USAGE", "a name, or cluster/host", "%s: %s", key,
		  value ? "not well formed" : "is needed");
	return false;
}

bool api_number(struct vrs_httpd_request *q, const char *key, long low, long high,
		long fallback, long *ret)
{
	const char *value = vrs_httpd_query(q, key);
	char *end = NULL;

	*ret = fallback;
	if (!value)
		return true;
	errno = 0;
	long n = strtol(value, &end, 10);
	if (end != value && !*end && errno == 0 && n >= low && n <= high) {
		*ret = n;
		return true;
	}
	api_error(q, 400, "USAGE", "leave it out for the usual value",
		  "%s: a number from %ld to %ld is needed", key, low, high);
	return false;
}

static bool take(struct vrs_httpd_request *q, const struct api_field *f,
		 const json_t *value)
{
	if (f->text && json_is_string(value)) {
		*f->text = json_string_value(value);
		return true;
	}
	if (f->flag && json_is_boolean(value)) {
		*f->flag = json_is_true(value);
		return true;
	}
	api_error(q, 400, "USAGE", "docs/API.md lists what each path takes",
		  "%s: %s is needed", f->key, f->text ? "text" : "true or false");
	return false;
}

static const struct api_field *field_of(const struct api_field *fields, size_t n,
					const char *key)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(fields[i].key, key) == 0)
			return &fields[i];
	return NULL;
}

static bool take_all(struct vrs_httpd_request *q, const struct api_field *fields,
		     size_t n, json_t *json)
{
	const char *key;
	json_t *value;

	json_object_foreach(json, key, value)
	{
		const struct api_field *f = field_of(fields, n, key);

		if (!f) {
			api_error(q, 400, "USAGE",
				  "docs/API.md lists what each path takes",
				  "the key '%.40s' is not known here", key);
			return false;
		}
		if (!take(q, f, value))
			return false;
	}
	for (size_t i = 0; i < n; i++)
		if (fields[i].required && !json_object_get(json, fields[i].key)) {
			api_error(q, 400, "USAGE",
				  "docs/API.md lists what each path takes",
				  "%s is needed", fields[i].key);
			return false;
		}
	return true;
}

bool api_body(struct vrs_httpd_request *q, const struct api_field *fields, size_t n,
	      json_t **ret_json)
{
	json_error_t why;
	size_t size;
	const char *body = vrs_httpd_body(q, &size);
	json_t *json = json_loadb(body, size, JSON_REJECT_DUPLICATES, &why);

	if (!json_is_object(json)) {
		api_error(q, 400, "USAGE", "send one JSON object",
			  "the body is not a JSON object: %.160s",
			  json ? "it is something else" : why.text);
		json_decref(json);
		return false;
	}
	if (!take_all(q, fields, n, json)) {
		json_decref(json);
		return false;
	}
	*ret_json = json;
	return true;
}
