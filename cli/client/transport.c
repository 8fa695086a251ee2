/* How a request reaches its service: over the bus, or through the gateway's API. */
#include <assert.h>
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "client/ctl.h"
#include "vrs/bus.h"
#include "vrs/http.h"
#include "vrs/json.h"

static const char media_type[] = "application/x-protobuf";

const char *ctl_peer(const struct vrs_ctl *ctl)
{
	return ctl->gateway ? ctl->gateway : ctl->scheduler;
}

const char *ctl_history_peer(const struct vrs_ctl *ctl)
{
	return ctl->gateway ? ctl->gateway : ctl->etl;
}

int ctl_read_token(struct vrs_ctl *ctl)
{
	const char *path = ctl_setting(ctl, "token-file", "VRSAS_TOKEN_FILE", NULL);
	const char *given = getenv("VRSAS_TOKEN");
	FILE *f;

	if (!path || !ctl->gateway) {
		if (given && !vrs_strcpy(ctl->token, sizeof(ctl->token), given))
			return ctl_fail(EXIT_USAGE, NULL, "VRSAS_TOKEN: invalid token");
		return EXIT_OK;
	}
	f = fopen(path, "re");
	if (!f)
		return ctl_fail(EXIT_USAGE, NULL, "--token-file %s: %s", path,
				strerror(errno));
	bool any = fgets(ctl->token, sizeof(ctl->token), f) != NULL;
	(void)fclose(f);
	if (any)
		ctl->token[strcspn(ctl->token, "\r\n")] = '\0';
	if (!ctl->token[0] || strlen(ctl->token) == sizeof(ctl->token) - 1)
		return ctl_fail(EXIT_USAGE,
				"write the token, and nothing else, in its first line",
				"--token-file %s: no token in the file", path);
	return EXIT_OK;
}

/* The gateway's error: {"error": "...", "hint": "..."}. */
static int refused_by_gateway(const char *url, const struct vrs_http_reply *reply,
			      struct vrs_err *err)
{
	static const struct vrs_code_row codes[] = {
		{400, VRS_EINVAL},   {401, VRS_EDENIED}, {403, VRS_EDENIED},
		{429, VRS_ECONN},    {502, VRS_ECONN},   {503, VRS_ECONN},
		{504, VRS_ETIMEOUT}, {VRS_ELSE, VRS_EIO}};
	json_t *json = json_loadb(reply->body, reply->n_body, 0, NULL);
	const char *error = json_string_value(json_object_get(json, "error"));
	const char *hint = json_string_value(json_object_get(json, "hint"));
	int code = vrs_code_of(codes, reply->status);

	if (error)
		(void)vrs_fail(err, code, "%s: %s%s%s", url, error,
			       hint && hint[0] ? "; " : "", hint ? hint : "");
	else if (reply->status == 401 || reply->status == 403)
		(void)vrs_fail(err, code,
			       "%s requires a token with permission for this: "
			       "--token-file FILE (VRSAS_TOKEN_FILE)",
			       url);
	else
		(void)vrs_fail(
			err, code,
			"%s replied with status %d; check that it is a VR-SAS gateway",
			url, reply->status);
	json_decref(json);
	return code;
}

static int unpack(const char *url, const ProtobufCMessageDescriptor *type,
		  const struct vrs_http_reply *reply, ProtobufCMessage **ret,
		  struct vrs_err *err)
{
	struct vrs_msg *checked;

	if (strncmp(reply->content_type, media_type, strlen(media_type)) != 0)
		return vrs_fail(err, VRS_EPARSE,
				"%s replied with %s; check that it is a "
				"VR-SAS gateway",
				url, reply->content_type);
	int status = vrs_msg_unpack(&checked, type, reply->body, reply->n_body, err);
	if (status < 0)
		return vrs_context(err, "%s", url);
	vrs_msg_free(checked);
	*ret = protobuf_c_message_unpack(type, NULL, reply->n_body,
					 (const uint8_t *)reply->body);
	return *ret ? 0
		    : vrs_fail(err, VRS_EPARSE, "%s: the reply is not a %s", url,
			       type->short_name);
}

/* Where a request goes: below the gateway's API, and what comes back. */
struct service {
	const char *path;
	const ProtobufCMessageDescriptor *reply;
};

static const struct service control = {"bus/control",
				       &vrsas__v1__control_reply__descriptor};
static const struct service history = {"bus/fill", &vrsas__v1__fill_reply__descriptor};

static int by_gateway(const struct vrs_ctl *ctl, const struct service *to,
		      const ProtobufCMessage *request, ProtobufCMessage **ret,
		      struct vrs_err *err)
{
	size_t n_bytes, end = strlen(ctl->gateway);
	void *bytes = vrs_msg_pack(request, &n_bytes);
	struct vrs_http_reply reply = {0};
	int status;

	while (end > 0 && ctl->gateway[end - 1] == '/')
		end--;
	char *url = vrs_asprintf("%.*s/api/v1/%s", (int)end, ctl->gateway, to->path);
	status = vrs_http(
		&(struct vrs_http_request){.url = url,
					   .bearer = ctl->token[0] ? ctl->token : NULL,
					   .content_type = media_type,
					   .body = bytes,
					   .n_body = n_bytes,
					   .ca_file = ctl->ca,
					   .timeout_ms = ctl->timeout_ms,
					   .max_bytes = VRS_BUS_MAX_BYTES},
		&reply, err);
	if (status == 0 && reply.status == 200)
		status = unpack(url, to->reply, &reply, ret, err);
	else if (status == 0)
		status = refused_by_gateway(url, &reply, err);
	vrs_http_reply_fini(&reply);
	free(bytes);
	free(url);
	return status;
}

void ctl_request_id(char buf[33])
{
	unsigned char random[16] = {0};

	(void)!getrandom(random, sizeof(random), 0);
	for (size_t i = 0; i < sizeof(random); i++)
		(void)snprintf(buf + 2 * i, 3, "%02x", random[i]);
}

/* The user who called sudo, else the user of this process. */
static const char *actor(void)
{
	const char *sudo = getenv("SUDO_USER");
	const struct passwd *user = getpwuid(getuid());

	if (sudo && sudo[0])
		return sudo;
	return user ? user->pw_name : "unknown";
}

static int send_to(const struct vrs_ctl *ctl, const struct service *to,
		   const ProtobufCMessage *request, ProtobufCMessage **ret,
		   struct vrs_err *err)
{
	if (ctl->gateway)
		return by_gateway(ctl, to, request, ret, err);
	int status = vrs_bus_tls_set_env(err);
	if (status < 0)
		return status;
	return vrs_bus_call(
		&(struct vrs_bus_call){to == &control ? ctl->scheduler : ctl->etl,
				       request, ctl->timeout_ms, to->reply},
		ret, err);
}

const ProtobufCFieldDescriptor *ctl_field_of(const ProtobufCMessage *body)
{
	const ProtobufCMessageDescriptor *type = &vrsas__v1__control_request__descriptor;
	unsigned i = 0;

	while (i < type->n_fields && type->fields[i].descriptor != body->descriptor)
		i++;
	assert(i < type->n_fields);
	return &type->fields[i];
}

int ctl_try(const struct vrs_ctl *ctl, const ProtobufCMessage *body, control_reply **ret,
	    struct vrs_err *err)
{
	Vrsas__V1__ControlRequest req = VRSAS__V1__CONTROL_REQUEST__INIT;
	const ProtobufCFieldDescriptor *f = ctl_field_of(body);
	ProtobufCMessage *msg = NULL;
	char id[33];

	ctl_request_id(id);
	req.request_id = id;
	req.actor = actor();
	req.body_case = (Vrsas__V1__ControlRequest__BodyCase)f->id;
	memcpy((char *)&req + f->offset, &body, sizeof(void *));
	int status = send_to(ctl, &control, &req.base, &msg, err);
	if (status == 0)
		*ret = (control_reply *)msg;
	return status;
}

int ctl_try_history(const struct vrs_ctl *ctl, const ProtobufCMessage *req,
		    ProtobufCMessage **ret, struct vrs_err *err)
{
	return send_to(ctl, &history, req, ret, err);
}
