/* Orders of people: checked here, carried out by the engine. */
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

/* Words that a person gives: one line, no control characters. */
static bool words_ok(const char *s, struct reply *a)
{
	size_t n = strlen(s);

	for (size_t i = 0; i < n; i++)
		if ((unsigned char)s[i] < ' ' || s[i] == 0x7f)
			n = CONTROL_TEXT_MAX + 1;
	if (n <= CONTROL_TEXT_MAX)
		return true;
	control_refuse(a, VRSAS__V1__CONTROL_CODE__CONTROL_USAGE, "",
		       "reason: one line of at most %d bytes", CONTROL_TEXT_MAX);
	return false;
}

static bool vm_ok(const char *vm, struct reply *a)
{
	if (vrs_id_ok(vm))
		return true;
	control_refuse(a, VRSAS__V1__CONTROL_CODE__CONTROL_USAGE, "vrsctl vm list",
		       "vm: a name or an id is needed");
	return false;
}

static void pass_on(const struct engine_answer *e, struct reply *a)
{
	if (e->code == VRSAS__V1__CONTROL_CODE__CONTROL_OK)
		a->reply.done = control_reply_text(a, "%s", e->done);
	else
		control_refuse(a, e->code, e->hint, "%s", e->error);
}

static void fail_host(struct control *c, const Vrsas__V1__FailOrder *o, const char *actor,
		      struct reply *a)
{
	struct engine_answer e = {0};

	if (!control_place_ok(o->host)) {
		control_refuse(a, VRSAS__V1__CONTROL_CODE__CONTROL_USAGE,
			       "vrsctl host list",
			       "host: a name like h1 or c1/h1 is needed");
		return;
	}
	if (!words_ok(o->reason, a))
		return;
	if (o->confirm_off && o->withdraw) {
		control_refuse(a, VRSAS__V1__CONTROL_CODE__CONTROL_USAGE, "",
			       "a word is either confirmed or withdrawn, not both");
		return;
	}
	if (o->confirm_off && (!o->reason[0] || !actor[0])) {
		control_refuse(
			a, VRSAS__V1__CONTROL_CODE__CONTROL_USAGE,
			"say how you know that it is off, for example "
			"--reason 'power cord pulled'",
			"confirm-off is proof of death: it needs a name and a reason");
		return;
	}
	engine_fail_host(c->engine, o, actor, &e);
	pass_on(&e, a);
}

static void relocate(struct control *c, const Vrsas__V1__RelocateOrder *o,
		     const char *actor, struct reply *a)
{
	struct engine_answer e = {0};

	if (!vm_ok(o->vm, a) || !words_ok(o->reason, a))
		return;
	if (o->to_cluster[0] && !vrs_name_ok(o->to_cluster)) {
		control_refuse(a, VRSAS__V1__CONTROL_CODE__CONTROL_USAGE, "vrsctl status",
			       "to: the name of a cluster is needed");
		return;
	}
	if (o->dry_run) {
		control_plan_vm(c, o->vm, o->to_cluster, a);
		return;
	}
	engine_relocate(c->engine, o, actor, &e);
	pass_on(&e, a);
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
		if (!vm_ok(r->failback->vm, a))
			break;
		engine_failback(c->engine, r->failback->vm, r->actor,
				r->failback->dry_run, &e);
		pass_on(&e, a);
		break;
	case VRSAS__V1__CONTROL_REQUEST__BODY_CANCEL:
		if (!vm_ok(r->cancel->vm, a) || !words_ok(r->cancel->reason, a))
			break;
		engine_cancel(c->engine, r->cancel->vm, r->actor, r->cancel->reason, &e);
		pass_on(&e, a);
		break;
	case VRSAS__V1__CONTROL_REQUEST__BODY_TRANSFER_ORDER:
		control_transfer_order(c, r->transfer_order, r->actor, a);
		break;
	default:
		control_refuse(a, VRSAS__V1__CONTROL_CODE__CONTROL_USAGE, "",
			       "control: not known to this version");
	}
}
