/* Orders of operators: checked here, executed by the engine. */
#include "control/parts.h"

#include <string.h>

bool control_is_order(const Vrsas__V1__ControlRequest *r)
{
	switch (r->body_case) {
	case VRSAS__V1__CONTROL_REQUEST__BODY_FAIL:
	case VRSAS__V1__CONTROL_REQUEST__BODY_CANCEL:
	case VRSAS__V1__CONTROL_REQUEST__BODY_TRANSFER_ORDER:
		return true;
	case VRSAS__V1__CONTROL_REQUEST__BODY_RELOCATE:
		return !r->relocate->dry_run;
	case VRSAS__V1__CONTROL_REQUEST__BODY_FAILBACK:
		return !r->failback->dry_run;
	default:
		return false;
	}
}

/* An operator's reason: one line, no control characters. */
static bool reason_ok(const char *s, struct reply *a)
{
	size_t n = strlen(s);

	for (size_t i = 0; i < n; i++)
		if ((unsigned char)s[i] < ' ' || s[i] == 0x7f)
			n = CONTROL_TEXT_MAX + 1;
	if (n <= CONTROL_TEXT_MAX)
		return true;
	control_refuse(a, CODE(USAGE), "",
		       "reason: one line of at most %d bytes is required",
		       CONTROL_TEXT_MAX);
	return false;
}

static void reply_with(const struct engine_answer *e, struct reply *a)
{
	if (e->code == CODE(OK))
		a->reply.done = control_reply_text(a, "%s", e->done);
	else
		control_refuse(a, e->code, e->hint, "%s", e->error);
}

static void fail_host(struct control *c, const Vrsas__V1__FailOrder *o, const char *actor,
		      struct reply *a)
{
	struct engine_answer e = {0};

	if (!control_host_ok(o->host, a) || !reason_ok(o->reason, a))
		return;
	if (o->confirm_off && o->withdraw) {
		control_refuse(a, CODE(USAGE), "",
			       "a claim is either confirmed or withdrawn, not both");
		return;
	}
	if (o->confirm_off && (!o->reason[0] || !actor[0])) {
		control_refuse(a, CODE(USAGE),
			       "state how you know that it is off, for example "
			       "--reason 'power cord pulled'",
			       "--confirm-off counts as proof of death and requires a "
			       "name and a reason");
		return;
	}
	engine_fail_host(c->engine, o, actor, &e);
	reply_with(&e, a);
}

static void relocate(struct control *c, const Vrsas__V1__RelocateOrder *o,
		     const char *actor, struct reply *a)
{
	struct engine_answer e = {0};

	if (!control_vm_ok(o->vm, a) || !reason_ok(o->reason, a))
		return;
	if (o->to_cluster[0] && !vrs_name_ok(o->to_cluster)) {
		control_refuse(a, CODE(USAGE), "vrsctl status",
			       "to: the name of a cluster is required");
		return;
	}
	if (o->dry_run) {
		control_plan_vm(c, o->vm, o->to_cluster, a);
		return;
	}
	engine_relocate(c->engine, o, actor, &e);
	reply_with(&e, a);
}

void control_order(struct control *c, const Vrsas__V1__ControlRequest *r, struct reply *a)
{
	struct engine_answer e = {0};

	switch (r->body_case) {
	case VRSAS__V1__CONTROL_REQUEST__BODY_FAIL:
		fail_host(c, r->fail, r->actor, a);
		break;
	case VRSAS__V1__CONTROL_REQUEST__BODY_RELOCATE:
		relocate(c, r->relocate, r->actor, a);
		break;
	case VRSAS__V1__CONTROL_REQUEST__BODY_FAILBACK:
		if (!control_vm_ok(r->failback->vm, a))
			break;
		engine_failback(c->engine, r->failback->vm, r->actor,
				r->failback->dry_run, &e);
		reply_with(&e, a);
		break;
	case VRSAS__V1__CONTROL_REQUEST__BODY_CANCEL:
		if (!control_vm_ok(r->cancel->vm, a) || !reason_ok(r->cancel->reason, a))
			break;
		engine_cancel(c->engine, r->cancel->vm, r->actor, r->cancel->reason, &e);
		reply_with(&e, a);
		break;
	case VRSAS__V1__CONTROL_REQUEST__BODY_TRANSFER_ORDER:
		control_transfer_order(c, r->transfer_order, r->actor, a);
		break;
	default:
		control_refuse(a, CODE(USAGE), "",
			       "control: this version does not know the order");
	}
}
