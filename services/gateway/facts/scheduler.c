/* Queries and orders to the scheduler. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "gateway.h"
#include "vrs/mem.h"

struct question {
	scheduler_fn done;
	void *arg;
};

static const char unreachable_hint[] =
	"check that vrs-scheduler is running and that `control` is its address";

static int status_of(Vrsas__V1__ControlCode code)
{
	switch (code) {
	case VRSAS__V1__CONTROL_CODE__CONTROL_USAGE:
		return 400;
	case VRSAS__V1__CONTROL_CODE__CONTROL_NOT_FOUND:
		return 404;
	case VRSAS__V1__CONTROL_CODE__CONTROL_REFUSED:
		return 409;
	case VRSAS__V1__CONTROL_CODE__CONTROL_UNREACHABLE:
		return 503;
	case VRSAS__V1__CONTROL_CODE__CONTROL_TIMEOUT:
		return 504;
	default:
		return 500;
	}
}

static void on_reply(void *arg, const ProtobufCMessage *msg, const struct vrs_err *err)
{
	struct question *q = arg;
	const Vrsas__V1__ControlReply *reply = (const void *)msg;
	struct scheduler_failure f = {503, err ? err->text : "", unreachable_hint};

	if (reply)
		f = (struct scheduler_failure){status_of(reply->code), reply->error,
					       reply->hint};
	else if (err->code == VRS_ETIMEOUT)
		f.status = 504;
	if (reply && reply->code == VRSAS__V1__CONTROL_CODE__CONTROL_OK)
		q->done(q->arg, reply, NULL);
	else
		q->done(q->arg, NULL, &f);
	free(q);
}

static void random_id(char buf[33])
{
	unsigned char random[16] = {0};

	(void)!getrandom(random, sizeof(random), 0);
	for (size_t i = 0; i < sizeof(random); i++)
		(void)snprintf(buf + 2 * i, 3, "%02x", random[i]);
}

void scheduler_ask(struct gateway *g, Vrsas__V1__ControlRequest *request,
		   scheduler_fn done, void *arg)
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
		(void)vrs_fail(&err, VRS_ECONN, "no scheduler connected to %s",
			       g->conf.control);
	else if (vrs_req_send(g->control, &request->base, g->conf.ask_ms, on_reply, q,
			      &err) == 0)
		return;
	on_reply(q, NULL, &err);
}
