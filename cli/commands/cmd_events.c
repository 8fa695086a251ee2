/* vrsctl events */
#include <stdlib.h>

#include "client/ctl.h"
#include "render/human.h"
#include "render/table.h"
#include "vrs/json.h"

enum { WAIT_MS = 5000, DEFAULT_LIMIT = 50 };

static enum tone severity_tone(Vrsas__V1__Severity severity)
{
	switch (severity) {
	case VRSAS__V1__SEVERITY__SEVERITY_ERROR:
		return BAD;
	case VRSAS__V1__SEVERITY__SEVERITY_WARNING:
		return WARN;
	case VRSAS__V1__SEVERITY__SEVERITY_NOTICE:
		return BOLD;
	default:
		return PLAIN;
	}
}

/* One line per event, not a table: with --follow the column widths are not known. */
void render_events(const struct vrs_ctl *ctl, const control_reply *reply,
		   struct vrs_text *out)
{
	char at[HUMAN_MAX];

	for (size_t i = 0; i < reply->events->n_event; i++) {
		const Vrsas__V1__Event *e = reply->events->event[i];
		const char *severity =
			vrs_enum_name(&vrsas__v1__severity__descriptor, (int)e->severity);

		tone_add(out, ctl->colour, DIM, "%s", human_time(at, e->at_ms));
		tone_add(out, ctl->colour, severity_tone(e->severity), "  %-7s",
			 severity ? severity : "");
		tone_add(out, ctl->colour, DIM, "  %-9s", e->service);
		tone_add(out, ctl->colour, PLAIN, "  %s", e->text);
		vrs_text_add(out, "\n");
	}
}

static void show_json_lines(const control_reply *reply)
{
	struct vrs_text out = {0};

	for (size_t i = 0; i < reply->events->n_event; i++) {
		json_t *json = vrs_json_of_message(&reply->events->event[i]->base);
		char *text = vrs_json_text(json, true);

		vrs_text_add(&out, "%s", text);
		free(text);
		json_decref(json);
	}
	ctl_put(&out);
}

/* Repeats the query from where the last reply ended, and waits for an unreachable
 * scheduler: events are in Redis, none is missed. */
static int follow(struct vrs_ctl *ctl, Vrsas__V1__EventQuery *query)
{
	char *after = NULL;
	int code;

	for (;;) {
		control_reply *reply = NULL;

		code = ctl_ask(ctl, &query->base, &reply);
		ctl->quiet = code != EXIT_OK;
		if (code == EXIT_UNREACHABLE || code == EXIT_TIMEOUT) {
			ctl_rest_ms(1000);
			continue;
		}
		if (code != EXIT_OK)
			break;
		if (reply->body_case == VRSAS__V1__CONTROL_REPLY__BODY_EVENTS) {
			if (ctl->json)
				show_json_lines(reply);
			else
				ctl_show(ctl, reply, render_events);
			if (reply->events->next_id[0]) {
				free(after);
				after = vrs_strdup(reply->events->next_id);
				query->after_id = after;
			}
		}
		query->wait_ms = WAIT_MS;
		control_reply_free(reply);
	}
	free(after);
	return code;
}

int verb_events(struct vrs_ctl *ctl)
{
	Vrsas__V1__EventQuery query = VRSAS__V1__EVENT_QUERY__INIT;

	query.vm = vrs_args_text(&ctl->args, "vm");
	query.limit = (uint32_t)vrs_args_number(&ctl->args, "limit", DEFAULT_LIMIT);
	if (!vrs_args_has(&ctl->args, "follow"))
		return ctl_query(ctl, &query.base, render_events);
	if (ctl->timeout_ms < 2 * WAIT_MS)
		ctl->timeout_ms = 2 * WAIT_MS;
	return follow(ctl, &query);
}
