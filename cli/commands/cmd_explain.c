/* vrsctl explain NAME: whatever it is the name of, why things stand as they do. */
#include <string.h>

#include "client/ctl.h"

/* One way to ask; not found (or nothing to tell) goes on to the next one. */
struct way {
	control_request req;
	render_fn render;
};

static bool tells_something(const control_reply *reply)
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

/* The words of the last refusal that was more than "there is no such thing". */
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
	Vrsas__V1__RelocationQuery story = VRSAS__V1__RELOCATION_QUERY__INIT;
	Vrsas__V1__RelocateOrder move = VRSAS__V1__RELOCATE_ORDER__INIT;
	Vrsas__V1__PlanQuery plan = VRSAS__V1__PLAN_QUERY__INIT;
	Vrsas__V1__ForecastQuery forecast = VRSAS__V1__FORECAST_QUERY__INIT;
	struct way way[] = {
		{VRSAS__V1__CONTROL_REQUEST__INIT, render_explain},
		{VRSAS__V1__CONTROL_REQUEST__INIT, render_plan},
		{VRSAS__V1__CONTROL_REQUEST__INIT, render_plan},
		{VRSAS__V1__CONTROL_REQUEST__INIT, render_forecasts},
	};
	struct vrs_err err = {0}, why = {0};

	story.vm = move.vm = plan.host = forecast.target = name;
	move.dry_run = true;
	way[0].req.body_case = VRSAS__V1__CONTROL_REQUEST__BODY_RELOCATIONS;
	way[0].req.relocations = &story;
	way[1].req.body_case = VRSAS__V1__CONTROL_REQUEST__BODY_PLAN;
	way[1].req.plan = &plan;
	way[2].req.body_case = VRSAS__V1__CONTROL_REQUEST__BODY_RELOCATE;
	way[2].req.relocate = &move;
	way[3].req.body_case = VRSAS__V1__CONTROL_REQUEST__BODY_FORECAST;
	way[3].req.forecast = &forecast;
	for (size_t i = 0; i < sizeof(way) / sizeof(way[0]); i++) {
		control_reply *reply = NULL;

		if (ctl_try(ctl, &way[i].req, &reply, &err) < 0)
			return ctl_fail_err(ctl_peer(ctl), &err);
		bool told = tells_something(reply);
		if (told)
			ctl_show(ctl, reply, way[i].render);
		else
			keep_refusal(&why, reply);
		control_reply_free(reply);
		if (told)
			return EXIT_OK;
	}
	if (why.code)
		return ctl_fail_err(ctl_peer(ctl), &why);
	return ctl_fail(EXIT_NOT_FOUND, "see vrsctl vm list and vrsctl host list",
			"explain: no VM, host or cluster '%s'", name);
}
