/* Requests to the scheduler: the route's arguments become the fields of one message of
 * ControlRequest, and the body of the reply becomes JSON. */
#include <stdlib.h>
#include <string.h>

#include "api/routes.h"
#include "vrs/json.h"
#include "vrs/log.h"
#include "vrs/mem.h"

static void on_reply(void *arg, const Vrsas__V1__ControlReply *reply,
		     const struct scheduler_failure *f)
{
	struct vrs_httpd_request *q = arg;
	const char *part = api_route(q)->request.part;

	if (f) {
		api_failure(q, f);
	} else if (!part) {
		api_message(q,
			    vrs_message_body(&reply->base, (unsigned)reply->body_case));
	} else {
		json_t *json = vrs_json_of_message(
			vrs_message_body(&reply->base, (unsigned)reply->body_case));

		api_json_take(q, 200,
			      json_pack("{s:O}", part, json_object_get(json, part)));
		json_decref(json);
	}
}

/* A field that the message does not have is left out. */
static void set_field(ProtobufCMessage *msg, const char *name, const json_t *value)
{
	const ProtobufCFieldDescriptor *f =
		protobuf_c_message_descriptor_get_field_by_name(msg->descriptor, name);
	char *at = (char *)msg + (f ? f->offset : 0);

	if (f && f->type == PROTOBUF_C_TYPE_STRING)
		*(const char **)(void *)at = json_string_value(value);
	else if (f && f->type == PROTOBUF_C_TYPE_BOOL)
		*(protobuf_c_boolean *)(void *)at = json_is_true(value);
	else if (f && f->type == PROTOBUF_C_TYPE_UINT32)
		*(uint32_t *)(void *)at = (uint32_t)json_integer_value(value);
}

static bool has_field(const ProtobufCFieldDescriptor *message, const char *name)
{
	return protobuf_c_message_descriptor_get_field_by_name(message->descriptor, name);
}

static const ProtobufCFieldDescriptor *request_field(const char *name)
{
	return protobuf_c_message_descriptor_get_field_by_name(
		&vrsas__v1__control_request__descriptor, name);
}

/* The message of the request; for a dry run of an order that has none, the query that
 * shows what it would act on. */
static const ProtobufCFieldDescriptor *message_of(const struct api_request *request,
						  bool dry_run)
{
	const ProtobufCFieldDescriptor *f = request_field(request->message);

	return dry_run && !has_field(f, "dry_run") ? request_field(request->dry_run) : f;
}

void api_request(struct gateway *g, struct vrs_httpd_request *q)
{
	const struct api_route *route = api_route(q);
	Vrsas__V1__ControlRequest r = VRSAS__V1__CONTROL_REQUEST__INIT;
	json_t *args;

	if (!api_args(q, &args))
		return;
	bool dry_run = json_is_true(json_object_get(args, "dry_run"));
	const ProtobufCFieldDescriptor *f = message_of(&route->request, dry_run);
	const ProtobufCMessageDescriptor *type = f->descriptor;
	ProtobufCMessage *msg = vrs_calloc(1, type->sizeof_message);
	type->message_init(msg);
	for (const struct api_arg *a = route->arg; a->key; a++) {
		const json_t *value = json_object_get(args, a->key);

		if (value)
			set_field(msg, a->field ? a->field : a->key, value);
	}
	if (route->request.set)
		set_field(msg, route->request.set, json_true());
	r.body_case = (Vrsas__V1__ControlRequest__BodyCase)f->id;
	memcpy((char *)&r + f->offset, &msg, sizeof(void *));
	const char *id = json_string_value(json_object_get(args, "request_id"));
	r.request_id = id ? id : "";
	r.actor = api_actor(q);
	if (strcmp(route->method, "POST") == 0 && !dry_run)
		log_notice("order path=%s by=%s", route->path, r.actor);
	scheduler_ask(g, &r, on_reply, q);
	free(msg);
	json_decref(args);
}
