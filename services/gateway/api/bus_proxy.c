/* POST /api/v1/bus/...: forwards messages of programs that are not on the bus. vrsctl
 * sends a packed ControlRequest for the scheduler or a packed FillRequest for etl; the
 * packed reply is returned unchanged. */
#include <stdlib.h>
#include <string.h>

#include "api/routes.h"
#include "vrs/mem.h"
#include "vrsas/v1/sample.pb-c.h"

enum { ACTOR_MAX = 64 }; /* limit of the scheduler */

static const char media_type[] = "application/x-protobuf";

struct forward {
	struct vrs_httpd_request *q;
	struct vrs_msg *msg;
	char *actor;
};

static void end(struct forward *e)
{
	vrs_msg_free(e->msg);
	free(e->actor);
	free(e);
}

static void on_reply(void *arg, const ProtobufCMessage *reply, const struct vrs_err *err)
{
	struct forward *e = arg;
	size_t n;

	if (reply) {
		void *bytes = vrs_msg_pack(reply, &n);

		vrs_httpd_reply(e->q, &(struct vrs_httpd_reply){.status = 200,
								.type = media_type,
								.body = bytes,
								.n_body = n});
	} else if (err->code == VRS_ETIMEOUT) {
		api_error(e->q, 504, "the service may be busy: retry", "%s", err->text);
	} else {
		api_error(e->q, 503, "check that the service is running", "%s",
			  err->text);
	}
	end(e);
}

static void forward(struct gateway *g, struct vrs_req *to, const char *service,
		    const ProtobufCMessage *request, struct forward *e)
{
	struct vrs_err err = {0};

	if (vrs_req_peers(to) == 0)
		(void)vrs_fail(&err, VRS_ECONN, "%s is not connected", service);
	else if (vrs_req_send(to, request, g->conf.ask_ms, on_reply, e, &err) == 0)
		return;
	on_reply(e, NULL, &err);
}

static struct forward *unpack(struct vrs_httpd_request *q,
			      const ProtobufCMessageDescriptor *type)
{
	struct forward *e = vrs_calloc(1, sizeof(*e));
	struct vrs_err err = {0};
	size_t n;
	const void *body = vrs_httpd_body(q, &n);

	e->q = q;
	if (vrs_msg_unpack(&e->msg, type, body, n, &err) == 0)
		return e;
	api_error(q, 400, "check that vrsctl and the gateway have the same version", "%s",
		  err.text);
	end(e);
	return NULL;
}

static void refuse(struct forward *e)
{
	api_error(e->q, 403, "use a token with role operate", "token %s may only read",
		  api_actor(e->q));
	end(e);
}

/* Queries and dry runs. */
static bool only_reads(const Vrsas__V1__ControlRequest *r)
{
	switch (r->body_case) {
	case VRSAS__V1__CONTROL_REQUEST__BODY_STATUS:
	case VRSAS__V1__CONTROL_REQUEST__BODY_HOSTS:
	case VRSAS__V1__CONTROL_REQUEST__BODY_VMS:
	case VRSAS__V1__CONTROL_REQUEST__BODY_FORECAST:
	case VRSAS__V1__CONTROL_REQUEST__BODY_PLAN:
	case VRSAS__V1__CONTROL_REQUEST__BODY_PREFLIGHT:
	case VRSAS__V1__CONTROL_REQUEST__BODY_RELOCATIONS:
	case VRSAS__V1__CONTROL_REQUEST__BODY_EVENTS:
	case VRSAS__V1__CONTROL_REQUEST__BODY_TRANSFERS:
	case VRSAS__V1__CONTROL_REQUEST__BODY_TRANSFER_TIMES:
		return true;
	case VRSAS__V1__CONTROL_REQUEST__BODY_RELOCATE:
		return r->relocate->dry_run;
	case VRSAS__V1__CONTROL_REQUEST__BODY_FAILBACK:
		return r->failback->dry_run;
	default:
		return false;
	}
}

void api_bus_control(struct gateway *g, struct vrs_httpd_request *q)
{
	struct forward *e = unpack(q, &vrsas__v1__control_request__descriptor);

	if (!e)
		return;
	Vrsas__V1__ControlRequest r =
		*(const Vrsas__V1__ControlRequest *)vrs_msg_get(e->msg);
	if (!only_reads(&r) && api_role(q) != ROLE_OPERATE) {
		refuse(e);
		return;
	}
	if (!vrs_id_ok(r.request_id)) {
		api_error(q, 400, "1 to 128 letters, digits or ._:@+-",
			  "invalid request_id");
		end(e);
		return;
	}
	/* The token is the actor; the user that the program names is appended. */
	e->actor = vrs_asprintf("%s:%s", api_actor(q), r.actor);
	if (!vrs_id_ok(e->actor) || strlen(e->actor) > ACTOR_MAX)
		(void)strcpy(e->actor, api_actor(q));
	r.actor = e->actor;
	forward(g, g->control, "the scheduler", &r.base, e);
}

void api_bus_fill(struct gateway *g, struct vrs_httpd_request *q)
{
	struct forward *e = unpack(q, &vrsas__v1__fill_request__descriptor);

	if (!e)
		return;
	const Vrsas__V1__FillRequest *r =
		(const Vrsas__V1__FillRequest *)vrs_msg_get(e->msg);
	if (r->body_case != VRSAS__V1__FILL_REQUEST__BODY_EXPORT_PAGE &&
	    api_role(q) != ROLE_OPERATE)
		refuse(e);
	else
		forward(g, g->fill, "etl", &r->base, e);
}
