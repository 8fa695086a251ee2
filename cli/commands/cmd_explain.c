/* vrsctl explain NAME: the decision for a VM or a host, or the forecast of a cluster. */

#include "client/ctl.h"

/* One request to try; without an answer the next one is tried. */
struct attempt {
	const ProtobufCMessage *body;
	render_fn *render;
};

static bool has_answer(const control_reply *reply)
{
	if (reply->code != VRSAS__V1__CONTROL_CODE__CONTROL_OK)
		return false;
	switch (reply->body_case) {
	case VRSAS__V1__CONTROL_REPLY__BODY_RELOCATIONS:
		return reply->relocations->n_relocation &&
		       reply->relocations->relocation[0]->record &&
		       reply->relocations->relocation[0]->record->decision;
	case VRSAS__V1__CONTROL_REPLY__BODY_PLAN:
		return true;
	case VRSAS__V1__CONTROL_REPLY__BODY_FORECASTS:
		return reply->forecasts->n_forecast > 0;
	default:
		return false;
	}
}

/* The last refusal for another reason than "not found". */
static void keep_refusal(struct vrs_err *why, const control_reply *reply)
{
	if (reply->code != VRSAS__V1__CONTROL_CODE__CONTROL_OK &&
	    reply->code != VRSAS__V1__CONTROL_CODE__CONTROL_NOT_FOUND)
		(void)vrs_fail(why,
			       reply->code == VRSAS__V1__CONTROL_CODE__CONTROL_REFUSED
				       ? VRS_EDENIED
				       : VRS_EIO,
			       "%s", reply->error);
}

int verb_explain(struct vrs_ctl *ctl)
{
	const char *name = ctl->args.operand[0];
	Vrsas__V1__RelocationQuery relocation = VRSAS__V1__RELOCATION_QUERY__INIT;
	Vrsas__V1__RelocateOrder move = VRSAS__V1__RELOCATE_ORDER__INIT;
	Vrsas__V1__PlanQuery plan = VRSAS__V1__PLAN_QUERY__INIT;
	Vrsas__V1__ForecastQuery forecast = VRSAS__V1__FORECAST_QUERY__INIT;
	const struct attempt attempt[] = {
		{&relocation.base, render_explain},
		{&plan.base, render_plan},
		{&move.base, render_plan},
		{&forecast.base, render_forecasts},
	};
	struct vrs_err err = {0}, why = {0};

	relocation.vm = move.vm = plan.host = forecast.target = name;
	move.dry_run = true;
	for (size_t i = 0; i < sizeof(attempt) / sizeof(attempt[0]); i++) {
		control_reply *reply = NULL;

		if (ctl_try(ctl, attempt[i].body, &reply, &err) < 0)
			return ctl_fail_err(ctl_peer(ctl), &err);
		bool answered = has_answer(reply);
		if (answered)
			ctl_show(ctl, reply, attempt[i].render);
		else
			keep_refusal(&why, reply);
		control_reply_free(reply);
		if (answered)
			return EXIT_OK;
	}
	if (why.code)
		return ctl_fail_err(ctl_peer(ctl), &why);
	return ctl_fail(EXIT_NOT_FOUND, "see vrsctl vm list and vrsctl host list",
			"explain: no VM, host or cluster '%s'", name);
}
