#include "control/control.h"

#include "control/parts.h"

#include <stdlib.h>
#include <string.h>

/* --- answers to repeated orders --- */

static uint64_t request_hash(const Vrsas__V1__ControlRequest *r)
{
	size_t n;
	void *bytes = vrs_msg_pack(&r->base, &n);
	uint64_t h = vrs_hash(VRS_HASH_BEGIN, bytes, n);

	free(bytes);
	return h;
}

static const struct remembered *recall(const struct control *c, const char *id)
{
	for (size_t i = 0; i < CONTROL_REMEMBERED; i++)
		if (c->remembered[i].bytes && strcmp(c->remembered[i].id, id) == 0)
			return &c->remembered[i];
	return NULL;
}

static void remember(struct control *c, const char *id, uint64_t hash,
		     const struct reply *a)
{
	struct remembered *r = &c->remembered[c->next_remembered];

	c->next_remembered = (c->next_remembered + 1) % CONTROL_REMEMBERED;
	free(r->bytes);
	(void)vrs_strcpy(r->id, sizeof(r->id), id);
	r->request_hash = hash;
	r->bytes = vrs_msg_pack(&a->reply.base, &r->n_bytes);
}

static void answer_again(const struct remembered *r, struct vrs_req_token *token)
{
	Vrsas__V1__ControlReply *reply =
		vrsas__v1__control_reply__unpack(NULL, r->n_bytes, r->bytes);

	vrs_bus_answer(token, reply ? &reply->base : NULL);
	vrsas__v1__control_reply__free_unpacked(reply, NULL);
}

/* --- requests --- */

static bool request_ok(const Vrsas__V1__ControlRequest *r, struct reply *a)
{
	const char *wrong = NULL;

	if (r->request_id[0] && (!vrs_id_ok(r->request_id) || strlen(r->request_id) > 64))
		wrong = "request_id: 1 to 64 letters, digits or ._:@+-";
	else if (r->actor[0] && (!vrs_id_ok(r->actor) || strlen(r->actor) > 64))
		wrong = "actor: 1 to 64 letters, digits or ._:@+-";
	else if (r->body_case == VRSAS__V1__CONTROL_REQUEST__BODY__NOT_SET)
		wrong = "this version does not know the request";
	else if (control_is_order(r) && !r->request_id[0])
		wrong = "an order needs a request_id";
	if (wrong)
		control_refuse(a, CODE(USAGE), "", "control: %s", wrong);
	return !wrong;
}

/* Queries that are answered at once, by the field of the request that holds them. */
static control_query *const queries[] = {
	[VRSAS__V1__CONTROL_REQUEST__BODY_STATUS] = control_status,
	[VRSAS__V1__CONTROL_REQUEST__BODY_HOSTS] = control_hosts,
	[VRSAS__V1__CONTROL_REQUEST__BODY_VMS] = control_vms,
	[VRSAS__V1__CONTROL_REQUEST__BODY_PLAN] = control_plan,
	[VRSAS__V1__CONTROL_REQUEST__BODY_PREFLIGHT] = control_preflight,
	[VRSAS__V1__CONTROL_REQUEST__BODY_RELOCATIONS] = control_relocations,
	[VRSAS__V1__CONTROL_REQUEST__BODY_TRANSFERS] = control_transfers,
	[VRSAS__V1__CONTROL_REQUEST__BODY_TRANSFER_TIMES] = control_transfer_times,
};
enum { N_QUERIES = sizeof(queries) / sizeof(*queries) };

/* True: answered later. */
static bool dispatch(struct control *c, const Vrsas__V1__ControlRequest *r,
		     struct reply *a, struct vrs_req_token *token)
{
	if (r->body_case == VRSAS__V1__CONTROL_REQUEST__BODY_FORECAST)
		return control_forecast(c, r->forecast, a, token);
	if (r->body_case == VRSAS__V1__CONTROL_REQUEST__BODY_EVENTS)
		return control_events(c, r->events, a, token);
	if ((size_t)r->body_case < N_QUERIES && queries[r->body_case])
		queries[r->body_case](c, r, a);
	else
		control_order(c, r, a);
	return false;
}

/* A scheduler on standby shows the active one's records, read again for each request. */
static bool may_show(struct control *c, const Vrsas__V1__ControlRequest *r,
		     struct reply *a)
{
	struct vrs_err err = {0};

	if (r->body_case == VRSAS__V1__CONTROL_REQUEST__BODY_EVENTS ||
	    r->body_case == VRSAS__V1__CONTROL_REQUEST__BODY_FORECAST ||
	    engine_refresh(c->engine, &err) == 0)
		return true;
	if (r->body_case == VRSAS__V1__CONTROL_REQUEST__BODY_STATUS) {
		a->unread = control_reply_text(a, "%s", err.text);
		return true;
	}
	control_refuse_err(a, &err, "check that Redis is running");
	return false;
}

static void on_request(void *arg, const ProtobufCMessage *msg,
		       struct vrs_req_token *token)
{
	struct control *c = arg;
	const Vrsas__V1__ControlRequest *r = (const void *)msg;
	struct reply a;

	control_reply_init(&a, vrs_id_ok(r->request_id) ? r->request_id : "");
	if (!request_ok(r, &a)) {
		control_reply_send(&a, token);
		return;
	}
	if (!control_is_order(r)) {
		if (!may_show(c, r, &a) || !dispatch(c, r, &a, token))
			control_reply_send(&a, token);
		return;
	}

	uint64_t hash = request_hash(r);
	const struct remembered *before = recall(c, r->request_id);
	if (before && before->request_hash == hash) {
		control_reply_send(&a, NULL);
		answer_again(before, token);
		return;
	}
	if (before) {
		control_refuse(&a, CODE(USAGE), "use a new request_id for each order",
			       "control: request_id %s was used for another order",
			       r->request_id);
	} else {
		(void)dispatch(c, r, &a, token);
		remember(c, r->request_id, hash, &a);
	}
	control_reply_send(&a, token);
}

int control_open(struct control **ret, struct vrs_svc *svc,
		 const struct control_conf *conf, struct engine *engine,
		 struct forecasts *forecasts, struct vrs_err *err)
{
	struct control *c = vrs_calloc(1, sizeof(*c));

	c->svc = svc;
	c->conf = *conf;
	c->engine = engine;
	c->forecasts = forecasts;
	int status = vrs_rep_open(
		&c->rep, svc->loop,
		&(struct vrs_rep_conf){.url = conf->url,
				       .listen = true,
				       .max_open = CONTROL_MAX_OPEN,
				       .type = &vrsas__v1__control_request__descriptor,
				       .fn = on_request,
				       .arg = c},
		err);
	if (status < 0) {
		free(c);
		return status;
	}
	*ret = c;
	return 0;
}

/* To be called before forecasts_close: its pending jobs refer to waits in here. */
void control_close(struct control *c)
{
	if (!c)
		return;
	c->closing = true;
	control_wait_close(c);
	vrs_rep_close(c->rep);
	for (size_t i = 0; i < CONTROL_REMEMBERED; i++)
		free(c->remembered[i].bytes);
	free(c);
}

const char *control_url(const struct control *c)
{
	return vrs_rep_url(c->rep);
}

void control_bus_counts(const struct control *c, struct vrs_bus_counts *ret)
{
	vrs_rep_counts(c->rep, ret);
}
