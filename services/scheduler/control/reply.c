#include "control/parts.h"

#include "vrs/event.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { REPLY_MEM = 64 << 20 };

void control_reply_init(struct reply *a, const char *request_id)
{
	*a = (struct reply){.mem = vrs_arena_new(REPLY_MEM)};
	vrsas__v1__control_reply__init(&a->reply);
	a->reply.request_id = control_reply_text(a, "%s", request_id);
}

void control_reply_send(struct reply *a, struct vrs_req_token *token)
{
	if (token)
		vrs_bus_answer(token, &a->reply.base);
	plan_free(&a->plan);
	vrs_msg_free(a->msg);
	if (a->events)
		vrs_events_free(a->events, a->n_events);
	vrs_arena_free(a->mem);
	a->mem = NULL;
}

void *control_reply_alloc(struct reply *a, size_t n, size_t size)
{
	/* a list ends when the reply is full, long before the arena is */
	void *p = vrs_arena_alloc(a->mem, n * size + 1);

	if (!p)
		abort();
	return memset(p, 0, n * size);
}

const char *control_reply_text(struct reply *a, const char *fmt, ...)
{
	va_list ap, again;

	va_start(ap, fmt);
	va_copy(again, ap);
	int n = vsnprintf(NULL, 0, fmt, ap);
	char *s = control_reply_alloc(a, (size_t)(n < 0 ? 0 : n) + 1, 1);
	(void)vsnprintf(s, (size_t)(n < 0 ? 0 : n) + 1, fmt, again);
	va_end(again);
	va_end(ap);
	return s;
}

bool control_reply_fits(struct reply *a, const ProtobufCMessage *m)
{
	a->packed += protobuf_c_message_get_packed_size(m) + 8;
	if (a->packed <= CONTROL_MAX_REPLY)
		return true;
	a->reply.hint = "reply truncated: name one cluster, host or VM to see "
			"the rest";
	return false;
}

void control_refuse(struct reply *a, Vrsas__V1__ControlCode code, const char *hint,
		    const char *fmt, ...)
{
	char line[400];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	a->reply.code = code;
	a->reply.error = control_reply_text(a, "%s", line);
	a->reply.hint = control_reply_text(a, "%s", hint);
	a->reply.body_case = VRSAS__V1__CONTROL_REPLY__BODY__NOT_SET;
}

void control_refuse_err(struct reply *a, const struct vrs_err *err, const char *hint)
{
	Vrsas__V1__ControlCode code;

	switch (err->code) {
	case VRS_ENOENT:
		code = CODE(NOT_FOUND);
		break;
	case VRS_ECONFLICT: /* an ambiguous name */
	case VRS_EINVAL:
		code = CODE(USAGE);
		break;
	case VRS_EDENIED:
		code = CODE(REFUSED);
		break;
	case VRS_ECONN:
		code = CODE(UNREACHABLE);
		break;
	case VRS_ETIMEOUT:
		code = CODE(TIMEOUT);
		break;
	default:
		code = CODE(FAILED);
	}
	control_refuse(a, code, hint, "%s", err->text);
}

bool control_place_ok(const char *place)
{
	const char *slash = strchr(place, '/');
	char cluster[72];

	if (!slash)
		return vrs_name_ok(place);
	if ((size_t)(slash - place) >= sizeof(cluster))
		return false;
	memcpy(cluster, place, (size_t)(slash - place));
	cluster[slash - place] = '\0';
	return vrs_name_ok(cluster) && vrs_name_ok(slash + 1);
}

bool control_host_ok(const char *host, struct reply *a)
{
	if (control_place_ok(host))
		return true;
	control_refuse(a, CODE(USAGE), "vrsctl host list",
		       "host: a name like h1 or c1/h1 is required");
	return false;
}

bool control_vm_ok(const char *vm, struct reply *a)
{
	if (vrs_id_ok(vm))
		return true;
	control_refuse(a, CODE(USAGE), "vrsctl vm list",
		       "vm: a name or an id is required");
	return false;
}

bool control_cluster_ok(const struct fleet *w, const char *cluster, struct reply *a)
{
	if (!cluster[0] || fleet_cluster(w, cluster))
		return true;
	control_refuse(a, CODE(NOT_FOUND), "vrsctl status", "cluster %.64s: not found",
		       cluster);
	return false;
}

struct fleet *control_need_fleet(struct control *c, struct reply *a)
{
	struct fleet *w = engine_fleet(c->engine);

	if (!w)
		control_refuse(
			a, CODE(UNREACHABLE),
			"check that Redis is running and accepts the scheduler's login",
			"scheduler: no data read from Redis yet");
	return w;
}
