/* vrsctl relocate VM and vrsctl failback VM */
#include <stdlib.h>

#include "client/ctl.h"
#include "render/decision_view.h"

/* The reply to a dry run is a plan, or the relocation as it would continue. */
static void render_order(const struct vrs_ctl *ctl, const control_reply *reply,
			 struct vrs_text *out)
{
	if (reply->body_case == VRSAS__V1__CONTROL_REPLY__BODY_PLAN)
		render_plan(ctl, reply, out);
	else if (reply->body_case == VRSAS__V1__CONTROL_REPLY__BODY_RELOCATIONS)
		render_relocations(ctl, reply, out);
	if (reply->done[0] || !out->len)
		render_done(ctl, reply, out);
}

struct order {
	const ProtobufCMessage *body;
	protobuf_c_boolean *dry_run; /* inside body */
	const char *vm, *question;
	bool home;
};

static int give_order(struct vrs_ctl *ctl, struct order *o)
{
	int code = EXIT_OK;

	*o->dry_run = true;
	if (!vrs_args_has(&ctl->args, "dry-run")) {
		code = ctl_preview(ctl, o->body, render_order, o->question);
		*o->dry_run = false;
	}
	if (code != EXIT_OK)
		return code;

	code = ctl_order(ctl, o->body, render_order);
	if (code == EXIT_OK && !*o->dry_run && vrs_args_has(&ctl->args, "wait"))
		code = ctl_follow(ctl, o->vm, o->home,
				  vrs_args_number(&ctl->args, "wait", 0));
	return code;
}

int verb_relocate(struct vrs_ctl *ctl)
{
	Vrsas__V1__RelocateOrder order = VRSAS__V1__RELOCATE_ORDER__INIT;

	order.vm = ctl->args.operand[0];
	order.to_cluster = vrs_args_text(&ctl->args, "to");
	order.reason = vrs_args_text(&ctl->args, "reason");
	return give_order(ctl, &(struct order){&order.base, &order.dry_run, order.vm,
					       "Relocate this VM?", false});
}

int verb_failback(struct vrs_ctl *ctl)
{
	Vrsas__V1__FailbackOrder order = VRSAS__V1__FAILBACK_ORDER__INIT;

	order.vm = ctl->args.operand[0];
	return give_order(ctl, &(struct order){&order.base, &order.dry_run, order.vm,
					       "Fail this VM back?", true});
}
