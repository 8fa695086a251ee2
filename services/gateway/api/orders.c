/* Orders of people. A dry run is a question: what stands now, or what would be done. */
#include <string.h>

#include "api/routes.h"
#include "vrs/json.h"
#include "vrs/log.h"
#include "vrs/mem.h"

typedef Vrsas__V1__ControlRequest control_request;

static void on_done(void *arg, const Vrsas__V1__ControlReply *reply,
		    const struct ask_failure *f)
{
	struct vrs_httpd_request *q = arg;

	if (f)
		api_failure(q, f);
	else
		api_message(q,
			    vrs_message_body(&reply->base, (unsigned)reply->body_case));
}

static bool id_ok(struct vrs_httpd_request *q, const char *id)
{
	if (!id[0] || (vrs_id_ok(id) && strlen(id) <= 64))
		return true;
	api_error(q, 400, "USAGE", "leave it out, or draw one at random",
		  "request_id: 1 to 64 letters, digits or ._:@+-");
	return false;
}

static void send_order(struct gateway *g, struct vrs_httpd_request *q, control_request *r,
		       const char *id, bool dry_run)
{
	if (!id_ok(q, id))
		return;
	r->request_id = id;
	r->actor = api_who(q);
	if (!dry_run)
		log_notice("order path=%s by=%s", vrs_httpd_path(q), r->actor);
	ask(g, r, on_done, q);
}

#define TEXT(key_, required_, to)                                                        \
	{                                                                                \
		.key = (key_), .required = (required_), .text = (to)                     \
	}
#define FLAG(key_, to)                                                                   \
	{                                                                                \
		.key = (key_), .flag = (to)                                              \
	}
#define COUNT(list) (sizeof(list) / sizeof(*(list)))

void api_relocate(struct gateway *g, struct vrs_httpd_request *q)
{
	control_request r = VRSAS__V1__CONTROL_REQUEST__INIT;
	Vrsas__V1__RelocateOrder o = VRSAS__V1__RELOCATE_ORDER__INIT;
	const char *id = "";
	bool dry = false;
	json_t *json;
	const struct api_field fields[] = {
		TEXT("vm", true, &o.vm), TEXT("to_cluster", false, &o.to_cluster),
		TEXT("reason", false, &o.reason), FLAG("dry_run", &dry),
		TEXT("request_id", false, &id)};

	if (!api_body(q, fields, COUNT(fields), &json))
		return;
	o.dry_run = dry;
	r.body_case = VRSAS__V1__CONTROL_REQUEST__BODY_RELOCATE;
	r.relocate = &o;
	send_order(g, q, &r, id, dry);
	json_decref(json);
}

void api_failback(struct gateway *g, struct vrs_httpd_request *q)
{
	control_request r = VRSAS__V1__CONTROL_REQUEST__INIT;
	Vrsas__V1__FailbackOrder o = VRSAS__V1__FAILBACK_ORDER__INIT;
	const char *id = "";
	bool dry = false;
	json_t *json;
	const struct api_field fields[] = {TEXT("vm", true, &o.vm), FLAG("dry_run", &dry),
					   TEXT("request_id", false, &id)};

	if (!api_body(q, fields, COUNT(fields), &json))
		return;
	o.dry_run = dry;
	r.body_case = VRSAS__V1__CONTROL_REQUEST__BODY_FAILBACK;
	r.failback = &o;
	send_order(g, q, &r, id, dry);
	json_decref(json);
}

void api_cancel(struct gateway *g, struct vrs_httpd_request *q)
{
	control_request r = VRSAS__V1__CONTROL_REQUEST__INIT;
	Vrsas__V1__CancelOrder o = VRSAS__V1__CANCEL_ORDER__INIT;
	Vrsas__V1__RelocationQuery look = VRSAS__V1__RELOCATION_QUERY__INIT;
	const char *id = "";
	bool dry = false;
	json_t *json;
	const struct api_field fields[] = {
		TEXT("vm", true, &o.vm), TEXT("reason", false, &o.reason),
		FLAG("dry_run", &dry), TEXT("request_id", false, &id)};

	if (!api_body(q, fields, COUNT(fields), &json))
		return;
	if (dry) {
		look.vm = o.vm;
		r.body_case = VRSAS__V1__CONTROL_REQUEST__BODY_RELOCATIONS;
		r.relocations = &look;
	} else {
		r.body_case = VRSAS__V1__CONTROL_REQUEST__BODY_CANCEL;
		r.cancel = &o;
	}
	send_order(g, q, &r, id, dry);
	json_decref(json);
}

void api_confirm_off(struct gateway *g, struct vrs_httpd_request *q)
{
	control_request r = VRSAS__V1__CONTROL_REQUEST__INIT;
	Vrsas__V1__FailOrder o = VRSAS__V1__FAIL_ORDER__INIT;
	Vrsas__V1__PlanQuery plan = VRSAS__V1__PLAN_QUERY__INIT;
	const char *id = "";
	bool dry = false;
	json_t *json;
	const struct api_field fields[] = {
		TEXT("host", true, &o.host), TEXT("reason", true, &o.reason),
		FLAG("dry_run", &dry), TEXT("request_id", false, &id)};

	if (!api_body(q, fields, COUNT(fields), &json))
		return;
	o.confirm_off = true;
	if (dry) {
		plan.host = o.host;
		r.body_case = VRSAS__V1__CONTROL_REQUEST__BODY_PLAN;
		r.plan = &plan;
	} else {
		r.body_case = VRSAS__V1__CONTROL_REQUEST__BODY_FAIL;
		r.fail = &o;
	}
	send_order(g, q, &r, id, dry);
	json_decref(json);
}
