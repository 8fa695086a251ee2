/* Questions and orders to the scheduler. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "gateway.h"
#include "vrs/mem.h"

struct question {
	ask_fn done;
	void *arg;
};

static const char unreachable_hint[] =
	"see that vrs-scheduler runs and that `control` names its address";

static struct ask_failure failure_of(const Vrsas__V1__ControlReply *reply)
{
	static const struct {
		int status;
		const char *code;
	} table[] = {
		[VRSAS__V1__CONTROL_CODE__CONTROL_FAILED] = {500, "FAILED"},
		[VRSAS__V1__CONTROL_CODE__CONTROL_USAGE] = {400, "USAGE"},
		[VRSAS__V1__CONTROL_CODE__CONTROL_NOT_FOUND] = {404, "NOT_FOUND"},
		[VRSAS__V1__CONTROL_CODE__CONTROL_REFUSED] = {409, "REFUSED"},
		[VRSAS__V1__CONTROL_CODE__CONTROL_UNREACHABLE] = {503, "UNREACHABLE"},
		[VRSAS__V1__CONTROL_CODE__CONTROL_TIMEOUT] = {504, "TIMEOUT"},
	};
	size_t i = (size_t)reply->code;

	if (i >= sizeof(table) / sizeof(*table) || !table[i].code)
		i = VRSAS__V1__CONTROL_CODE__CONTROL_FAILED;
	return (struct ask_failure){table[i].status, table[i].code, reply->error,
				    reply->hint};
}

static void on_reply(void *arg, const ProtobufCMessage *msg, const struct vrs_err *err)
{
	struct question *q = arg;
	const Vrsas__V1__ControlReply *reply = (const void *)msg;
	struct ask_failure f;

	if (reply && reply->code == VRSAS__V1__CONTROL_CODE__CONTROL_OK) {
		q->done(q->arg, reply, NULL);
	} else {
		if (reply)
			f = failure_of(reply);
		else if (err->code == VRS_ETIMEOUT)
			f = (struct ask_failure){504, "TIMEOUT", err->text,
						 unreachable_hint};
		else
			f = (struct ask_failure){503, "UNREACHABLE", err->text,
						 unreachable_hint};
		q->done(q->arg, NULL, &f);
	}
	free(q);
}

static void random_id(char buf[33])
{
	unsigned char random[16] = {0};

	(void)!getrandom(random, sizeof(random), 0);
	for (size_t i = 0; i < sizeof(random); i++)
		(void)snprintf(buf + 2 * i, 3, "%02x", random[i]);
}

void ask(struct gateway *g, Vrsas__V1__ControlRequest *request, ask_fn done, void *arg)
{
	struct vrs_err err = {0};
	char id[33];

	if (!request->request_id[0]) {
		random_id(id);
		request->request_id = id;
	}
	if (!request->actor[0])
		request->actor = "gateway";
	struct question *q = vrs_calloc(1, sizeof(*q));
	*q = (struct question){done, arg};
	if (vrs_req_peers(g->control) == 0)
		(void)vrs_fail(&err, VRS_ECONN, "no scheduler is connected to %s",
			       g->conf.control);
	else if (vrs_req_send(g->control, &request->base, g->conf.ask_ms, on_reply, q,
			      &err) == 0)
		return;
	on_reply(q, NULL, &err);
}
