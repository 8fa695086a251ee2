#include "vrs/json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vrs/clock.h"
#include "vrs/mem.h"

static bool ends_with(const char *s, const char *tail)
{
	size_t n = strlen(s), m = strlen(tail);

	return n >= m && strcmp(s + n - m, tail) == 0;
}

/* Points in time: at_ms -> at, made_at_ms -> made_at, origin_ms -> origin_at,
 * silent_since_ms -> silent_since. Other _ms are durations and stay numbers. */
static bool time_name(const char *name, char *ret, size_t size)
{
	if (strcmp(name, "origin_ms") == 0) {
		(void)vrs_strcpy(ret, size, "origin_at");
		return true;
	}
	if (strcmp(name, "at_ms") != 0 && !ends_with(name, "_at_ms") &&
	    !ends_with(name, "_since_ms"))
		return false;
	(void)vrs_strcpy(ret, size, name);
	ret[strlen(ret) - strlen("_ms")] = '\0';
	return true;
}

static size_t shared_prefix(const ProtobufCEnumDescriptor *type)
{
	const char *first = type->values[0].name;
	size_t n = strlen(first);

	for (unsigned i = 1; i < type->n_values; i++) {
		const char *name = type->values[i].name;
		size_t k = 0;

		while (k < n && name[k] == first[k])
			k++;
		n = k;
	}
	while (n > 0 && first[n - 1] != '_')
		n--;
	return n;
}

const char *vrs_enum_name(const ProtobufCEnumDescriptor *type, int value)
{
	const ProtobufCEnumValue *v = protobuf_c_enum_descriptor_get_value(type, value);

	if (!v || ends_with(v->name, "_UNSPECIFIED"))
		return NULL;
	return v->name + shared_prefix(type);
}

/* Formats measurements with few digits. Most doubles come from floats: 0.42, not
 * 0.41999998688. */
static json_t *json_of_number(double d)
{
	char text[32];

	if (!isfinite(d))
		return json_null();
	(void)snprintf(text, sizeof(text), "%.6g", d);
	return json_real(strtod(text, NULL));
}

static json_t *json_of_u64(uint64_t v)
{
	char text[24];

	if (v <= INT64_MAX)
		return json_integer((json_int_t)v);
	(void)snprintf(text, sizeof(text), "%llu", (unsigned long long)v);
	return json_string(text);
}

static json_t *json_of_time(int64_t at_ms)
{
	char text[40];

	return at_ms ? json_string(vrs_time_format(text, sizeof(text), at_ms))
		     : json_null();
}

/* For invalid UTF-8, keeps the valid part. */
static json_t *json_of_text(const char *s)
{
	json_t *json = json_string(s ? s : "");

	if (json)
		return json;
	char *copy = vrs_strdup(s);
	for (char *c = copy; *c; c++)
		if ((unsigned char)*c >= 0x80)
			*c = '?';
	json = json_string(copy);
	free(copy);
	return json;
}

static json_t *json_of_bytes(const ProtobufCBinaryData *data)
{
	struct vrs_text hex = {0};
	json_t *json;

	for (size_t i = 0; i < data->len; i++)
		vrs_text_add(&hex, "%02x", data->data[i]);
	json = json_string(hex.text ? hex.text : "");
	vrs_text_fini(&hex);
	return json;
}

static json_t *json_of_enum(const ProtobufCEnumDescriptor *type, int value)
{
	const char *name = vrs_enum_name(type, value);

	if (name)
		return json_string(name);
	return protobuf_c_enum_descriptor_get_value(type, value) ? json_null()
								 : json_integer(value);
}

static json_t *json_of_value(const ProtobufCFieldDescriptor *field, const void *at,
			     bool is_time)
{
	switch (field->type) {
	case PROTOBUF_C_TYPE_INT32:
	case PROTOBUF_C_TYPE_SINT32:
	case PROTOBUF_C_TYPE_SFIXED32:
		return json_integer(*(const int32_t *)at);
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_SINT64:
	case PROTOBUF_C_TYPE_SFIXED64:
		return is_time ? json_of_time(*(const int64_t *)at)
			       : json_integer(*(const int64_t *)at);
	case PROTOBUF_C_TYPE_UINT32:
	case PROTOBUF_C_TYPE_FIXED32:
		return json_integer(*(const uint32_t *)at);
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_FIXED64:
		return json_of_u64(*(const uint64_t *)at);
	case PROTOBUF_C_TYPE_FLOAT:
		return json_of_number((double)*(const float *)at);
	case PROTOBUF_C_TYPE_DOUBLE:
		return json_of_number(*(const double *)at);
	case PROTOBUF_C_TYPE_BOOL:
		return json_boolean(*(const protobuf_c_boolean *)at);
	case PROTOBUF_C_TYPE_ENUM:
		return json_of_enum(field->descriptor, *(const int *)at);
	case PROTOBUF_C_TYPE_STRING:
		return json_of_text(*(const char *const *)at);
	case PROTOBUF_C_TYPE_BYTES:
		return json_of_bytes(at);
	case PROTOBUF_C_TYPE_MESSAGE:
		return *(ProtobufCMessage *const *)at
			       ? vrs_json_of_message(*(ProtobufCMessage *const *)at)
			       : json_null();
	}
	return json_null();
}

static size_t value_size(ProtobufCType type)
{
	switch (type) {
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_SINT64:
	case PROTOBUF_C_TYPE_SFIXED64:
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_FIXED64:
	case PROTOBUF_C_TYPE_DOUBLE:
		return 8;
	case PROTOBUF_C_TYPE_BOOL:
		return sizeof(protobuf_c_boolean);
	case PROTOBUF_C_TYPE_STRING:
	case PROTOBUF_C_TYPE_MESSAGE:
		return sizeof(void *);
	case PROTOBUF_C_TYPE_BYTES:
		return sizeof(ProtobufCBinaryData);
	default:
		return 4;
	}
}

static json_t *json_of_field(const ProtobufCMessage *msg,
			     const ProtobufCFieldDescriptor *field, bool is_time)
{
	const char *at = (const char *)msg + field->offset;

	if (field->label != PROTOBUF_C_LABEL_REPEATED)
		return json_of_value(field, at, is_time);

	size_t n = *(const size_t *)(const void *)((const char *)msg +
						   field->quantifier_offset);
	const char *item = *(const char *const *)(const void *)at;
	json_t *array = json_array();
	for (size_t i = 0; i < n; i++)
		(void)json_array_append_new(
			array, json_of_value(field, item + i * value_size(field->type),
					     is_time));
	return array;
}

/* Only the set member of a oneof appears. */
static bool is_set(const ProtobufCMessage *msg, const ProtobufCFieldDescriptor *field)
{
	if (!(field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF))
		return true;
	return *(const uint32_t *)(const void *)((const char *)msg +
						 field->quantifier_offset) == field->id;
}

json_t *vrs_json_of_message(const ProtobufCMessage *msg)
{
	const ProtobufCMessageDescriptor *type = msg->descriptor;
	json_t *json = json_object();
	char name[80];

	for (unsigned i = 0; i < type->n_fields; i++) {
		const ProtobufCFieldDescriptor *field = &type->fields[i];
		bool is_time = time_name(field->name, name, sizeof(name));

		if (is_set(msg, field))
			(void)json_object_set_new(json, is_time ? name : field->name,
						  json_of_field(msg, field, is_time));
	}
	return json;
}

const ProtobufCMessage *vrs_message_body(const ProtobufCMessage *msg, unsigned body_case)
{
	const ProtobufCFieldDescriptor *field =
		protobuf_c_message_descriptor_get_field(msg->descriptor, body_case);
	const ProtobufCMessage *body = NULL;

	if (field)
		memcpy(&body, (const char *)msg + field->offset, sizeof(void *));
	return body ? body : msg;
}

char *vrs_json_text(const json_t *json, bool one_line)
{
	size_t flags =
		JSON_REAL_PRECISION(9) | (one_line ? JSON_COMPACT : JSON_INDENT(2));
	char *dump = json_dumps(json, flags);
	char *text = vrs_asprintf("%s\n", dump ? dump : "null");

	free(dump);
	return text;
}
