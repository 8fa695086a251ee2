/* What vrsctl makes of a scheduler's reply: JSON, plans and stories of any bytes. */
#include <stdint.h>
#include <stdlib.h>

#include "client/ctl.h"
#include "vrs/bus.h"
#include "vrs/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void show(const struct vrs_ctl *ctl, const control_reply *reply,
		 struct vrs_text *out)
{
	switch (reply->body_case) {
	case VRSAS__V1__CONTROL_REPLY__BODY_STATUS:
		render_status(ctl, reply, out);
		return;
	case VRSAS__V1__CONTROL_REPLY__BODY_HOSTS:
		render_hosts(ctl, reply, out);
		return;
	case VRSAS__V1__CONTROL_REPLY__BODY_VMS:
		render_vms(ctl, reply, out);
		return;
	case VRSAS__V1__CONTROL_REPLY__BODY_FORECASTS:
		render_forecasts(ctl, reply, out);
		return;
	case VRSAS__V1__CONTROL_REPLY__BODY_PLAN:
		render_plan(ctl, reply, out);
		return;
	case VRSAS__V1__CONTROL_REPLY__BODY_RELOCATIONS:
		render_list(ctl, reply, out);
		render_relocations(ctl, reply, out);
		render_explain(ctl, reply, out);
		return;
	case VRSAS__V1__CONTROL_REPLY__BODY_EVENTS:
		render_events(ctl, reply, out);
		return;
	default:
		render_done(ctl, reply, out);
		return;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct vrs_ctl ctl = {.headers = true, .colour = size & 1, .utf8 = true};
	struct vrs_msg *msg = NULL;
	struct vrs_text out = {0};

	if (vrs_msg_unpack(&msg, &vrsas__v1__control_reply__descriptor, data, size,
			   NULL) < 0)
		return 0;
	const control_reply *reply = (const control_reply *)vrs_msg_get(msg);
	json_t *json = vrs_json_of_message(&reply->base);
	free(vrs_json_text(json, true));
	json_decref(json);
	show(&ctl, reply, &out);
	vrs_text_fini(&out);
	vrs_msg_free(msg);
	return 0;
}
