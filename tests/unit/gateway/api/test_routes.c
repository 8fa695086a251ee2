/* The table of routes is what openapi.json describes, argument by argument. */
#include "check.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "api/routes.h"

static json_t *load(void)
{
	char name[512];
	json_error_t why;

	(void)snprintf(name, sizeof(name), "%s/../services/gateway/openapi.json",
		       TEST_DIR);
	json_t *doc = json_load_file(name, 0, &why);
	if (!doc)
		fail_msg("%s: %s", name, why.text);
	return doc;
}

/* The route's entry: {"parameters": ..., "requestBody": ...}; NULL: none. */
static const json_t *described(const json_t *doc, const struct api_route *r)
{
	bool post = strcmp(r->method, "POST") == 0;
	char path[128];

	(void)snprintf(path, sizeof(path), "%s%s", r->path,
		       r->path[strlen(r->path) - 1] == '/' ? "{vm}" : "");
	return json_object_get(json_object_get(json_object_get(doc, "paths"), path),
			       post ? "post" : "get");
}

static const json_t *body_schema(const json_t *entry)
{
	return json_object_get(
		json_object_get(
			json_object_get(json_object_get(entry, "requestBody"), "content"),
			"application/json"),
		"schema");
}

static bool has(const json_t *list, const char *text)
{
	for (size_t i = 0; i < json_array_size(list); i++)
		if (strcmp(json_string_value(json_array_get(list, i)), text) == 0)
			return true;
	return false;
}

static const json_t *parameter(const json_t *entry, const char *name)
{
	const json_t *list = json_object_get(entry, "parameters");

	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *p = json_array_get(list, i);

		if (strcmp(json_string_value(json_object_get(p, "name")), name) == 0)
			return p;
	}
	return NULL;
}

static size_t n_described(const json_t *entry)
{
	return json_array_size(json_object_get(entry, "parameters")) +
	       json_object_size(json_object_get(body_schema(entry), "properties"));
}

static void check_argument(const json_t *entry, const struct api_route *r,
			   const struct api_arg *a)
{
	const json_t *p = parameter(entry, a->key), *body = body_schema(entry);
	const json_t *schema =
		p ? json_object_get(p, "schema")
		  : json_object_get(json_object_get(body, "properties"), a->key);
	bool required = p ? json_is_true(json_object_get(p, "required"))
			  : has(json_object_get(body, "required"), a->key);

	if (!schema)
		fail_msg("openapi.json: %s lacks %s", r->path, a->key);
	if (required != a->required)
		fail_msg("openapi.json: %s: %s is %srequired", r->path, a->key,
			 a->required ? "" : "not ");
	if (a->kind != API_COUNT)
		return;
	assert_int_equal(json_integer_value(json_object_get(schema, "minimum")), a->low);
	assert_int_equal(json_integer_value(json_object_get(schema, "maximum")), a->high);
	assert_int_equal(json_integer_value(json_object_get(schema, "default")),
			 a->fallback);
}

static void every_route_is_described_with_its_arguments(void **state)
{
	json_t *doc = load();
	size_t n, methods = 0;
	const struct api_route *routes = api_routes(&n);
	const char *path;
	json_t *entries;

	(void)state;
	for (size_t i = 0; i < n; i++) {
		const struct api_route *r = &routes[i];
		const json_t *entry = described(doc, r);
		size_t n_args = 0;

		if (strncmp(r->path, "/api/v1/bus/", 12) == 0)
			continue; /* for vrsctl only */
		if (!entry)
			fail_msg("openapi.json lacks %s %s", r->method, r->path);
		methods++;
		for (const struct api_arg *a = r->arg; a->key; a++, n_args++)
			check_argument(entry, r, a);
		if (r->run != api_alerts) /* its body is Alertmanager's */
			assert_int_equal(n_described(entry), n_args);
	}
	json_object_foreach(json_object_get(doc, "paths"), path, entries) methods -=
		json_object_size(entries);
	assert_int_equal(methods, 0); /* it describes nothing else */
	json_decref(doc);
}

/* A misspelt name would send an empty field. */
static void what_a_route_names_is_in_the_scheduler_s_messages(void **state)
{
	size_t n;
	const struct api_route *routes = api_routes(&n);

	(void)state;
	for (size_t i = 0; i < n; i++) {
		const struct api_request *q = &routes[i].request;

		if (!q->message)
			continue;
		const ProtobufCFieldDescriptor *f =
			protobuf_c_message_descriptor_get_field_by_name(
				&vrsas__v1__control_request__descriptor, q->message);
		assert_non_null(f);
		for (const struct api_arg *a = routes[i].arg; a->key; a++)
			if (strcmp(a->key, "request_id") != 0 &&
			    (strcmp(a->key, "dry_run") != 0 || !q->dry_run))
				assert_non_null(
					protobuf_c_message_descriptor_get_field_by_name(
						f->descriptor,
						a->field ? a->field : a->key));
		if (q->set)
			assert_non_null(protobuf_c_message_descriptor_get_field_by_name(
				f->descriptor, q->set));
		if (q->dry_run)
			assert_non_null(protobuf_c_message_descriptor_get_field_by_name(
				&vrsas__v1__control_request__descriptor, q->dry_run));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_route_is_described_with_its_arguments),
		cmocka_unit_test(what_a_route_names_is_in_the_scheduler_s_messages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
