#include "client/ctl.h"

#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "render/human.h"
#include "render/table.h"
#include "vrs/json.h"

int ctl_init(struct vrs_ctl *ctl)
{
	const char *no_colour = getenv("NO_COLOR"), *term = getenv("TERM");

	(void)setlocale(LC_CTYPE, "");
	ctl->scheduler =
		ctl_setting(ctl, "scheduler", "VRSAS_CONTROL", "tcp://127.0.0.1:7705");
	ctl->etl = ctl_setting(ctl, "etl", "VRSAS_FILL", "tcp://127.0.0.1:7702");
	ctl->gateway = ctl_setting(ctl, "gateway", "VRSAS_GATEWAY", NULL);
	ctl->ca = ctl_setting(ctl, "ca", "VRSAS_CA", NULL);
	ctl->json = vrs_args_number(&ctl->args, "output", 0) == 1;
	ctl->timeout_ms = vrs_args_number(&ctl->args, "timeout", 10000);
	if (vrs_args_has(&ctl->args, "watch"))
		ctl->watch_ms = vrs_args_number(&ctl->args, "watch", 2000);
	ctl->headers = !vrs_args_has(&ctl->args, "no-headers");
	ctl->yes = vrs_args_has(&ctl->args, "yes");
	ctl->colour = isatty(STDOUT_FILENO) && !(no_colour && no_colour[0]) && term &&
		      strcmp(term, "dumb") != 0;
	ctl->utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
	ctl->ask_tty = isatty(STDIN_FILENO) && isatty(STDERR_FILENO);
	ctl->err_tty = isatty(STDERR_FILENO);
	return ctl_read_token(ctl);
}

void control_reply_free(control_reply *reply)
{
	if (reply)
		protobuf_c_message_free_unpacked(&reply->base, NULL);
}

/* A query is answered with the view of its name: "hosts" with hosts, "forecast" with
 * forecasts. An order is answered in words; a dry run, with a plan or a relocation. */
static bool answers(const ProtobufCMessage *body, const control_reply *reply)
{
	const ProtobufCFieldDescriptor *asked = ctl_field_of(body);
	const ProtobufCFieldDescriptor *got = protobuf_c_message_descriptor_get_field(
		reply->base.descriptor, (unsigned)reply->body_case);

	if (strstr(body->descriptor->short_name, "Query"))
		return got && strncmp(got->name, asked->name, strlen(asked->name)) == 0;
	return !got || reply->body_case == VRSAS__V1__CONTROL_REPLY__BODY_PLAN ||
	       reply->body_case == VRSAS__V1__CONTROL_REPLY__BODY_RELOCATIONS;
}

int ctl_ask(const struct vrs_ctl *ctl, const ProtobufCMessage *body, control_reply **ret)
{
	struct vrs_err err = {0};
	control_reply *reply = NULL;
	int code;

	int status = ctl_try(ctl, body, &reply, &err);
	if (status < 0 && ctl->quiet && (status == VRS_ETIMEOUT || status == VRS_ECONN))
		return status == VRS_ETIMEOUT ? EXIT_TIMEOUT : EXIT_UNREACHABLE;
	if (status < 0)
		return ctl_fail_err(ctl_peer(ctl), &err);
	if (reply->code == VRSAS__V1__CONTROL_CODE__CONTROL_OK && answers(body, reply)) {
		if (reply->hint[0])
			(void)fprintf(stderr, "hint: %s\n", reply->hint);
		*ret = reply;
		return EXIT_OK;
	}
	if (reply->code == VRSAS__V1__CONTROL_CODE__CONTROL_OK) {
		control_reply_free(reply);
		return ctl_fail(
			EXIT_FAILED,
			"check that vrsctl and the scheduler have the same version",
			"%s: the reply does not match the request", ctl_peer(ctl));
	}
	code = reply->code <= VRSAS__V1__CONTROL_CODE__CONTROL_TIMEOUT ? (int)reply->code
								       : EXIT_FAILED;
	(void)ctl_fail(code, reply->hint, "%s", reply->error);
	control_reply_free(reply);
	return code;
}

void ctl_put(struct vrs_text *out)
{
	if (out->text)
		(void)fwrite(out->text, 1, out->len, stdout);
	(void)fflush(stdout);
	vrs_text_fini(out);
	*out = (struct vrs_text){0};
}

void ctl_show(const struct vrs_ctl *ctl, const control_reply *reply, render_fn *render)
{
	struct vrs_text out = {0};

	if (ctl->json) {
		json_t *json = vrs_json_of_message(
			vrs_message_body(&reply->base, (unsigned)reply->body_case));
		char *text = vrs_json_text(json, ctl->watch_ms > 0);

		vrs_text_add(&out, "%s", text);
		free(text);
		json_decref(json);
	} else {
		render(ctl, reply, &out);
	}
	ctl_put(&out);
}

void ctl_rest_ms(int64_t ms)
{
	struct timespec t = {ms / 1000, ms % 1000 * 1000000};

	(void)nanosleep(&t, NULL);
}

int ctl_query(struct vrs_ctl *ctl, const ProtobufCMessage *body, render_fn *render)
{
	for (;;) {
		control_reply *reply = NULL;
		int code = ctl_ask(ctl, body, &reply);
		bool again = ctl->watch_ms > 0 &&
			     (code == EXIT_OK || code == EXIT_UNREACHABLE ||
			      code == EXIT_TIMEOUT);

		if (reply) {
			char now[HUMAN_MAX];

			if (ctl->watch_ms && !ctl->json && isatty(STDOUT_FILENO))
				(void)printf("\033[H\033[J%s\n\n",
					     human_time(now, ctl_now_ms()));
			ctl_show(ctl, reply, render);
			control_reply_free(reply);
		}
		if (!again)
			return code;
		ctl->quiet = code != EXIT_OK;
		ctl_rest_ms(ctl->watch_ms);
	}
}

int ctl_order(const struct vrs_ctl *ctl, const ProtobufCMessage *body, render_fn *render)
{
	control_reply *reply = NULL;
	int code = ctl_ask(ctl, body, &reply);

	if (code == EXIT_OK && reply)
		ctl_show(ctl, reply, render);
	control_reply_free(reply);
	return code;
}

int ctl_confirm(const struct vrs_ctl *ctl, const char *question)
{
	char answer[16] = "";

	if (ctl->yes)
		return EXIT_OK;
	if (!ctl->ask_tty)
		return ctl_fail(EXIT_USAGE,
				"confirm with --yes, or use --dry-run to see the plan",
				"refusing without confirmation: not a terminal");
	(void)fprintf(stderr, "%s [y/N] ", question);
	if (!fgets(answer, sizeof(answer), stdin) ||
	    (answer[0] != 'y' && answer[0] != 'Y'))
		return ctl_fail(EXIT_FAILED, NULL, "cancelled, nothing was changed");
	return EXIT_OK;
}

int ctl_preview(const struct vrs_ctl *ctl, const ProtobufCMessage *body,
		render_fn *render, const char *question)
{
	control_reply *reply = NULL;
	struct vrs_text out = {0};

	if (ctl->yes || !ctl->ask_tty)
		return ctl_confirm(ctl, question);
	int code = ctl_ask(ctl, body, &reply);
	if (code != EXIT_OK)
		return code;
	render(ctl, reply, &out);
	(void)fputs(out.text, stderr);
	vrs_text_fini(&out);
	control_reply_free(reply);
	return ctl_confirm(ctl, question);
}

const char *state_name(Vrsas__V1__RelocationState state)
{
	const char *name =
		vrs_enum_name(&vrsas__v1__relocation_state__descriptor, (int)state);

	return name ? name : "-";
}
