#include <nng/nng.h>
#include <nng/protocol/reqrep0/rep.h>
#include <stdlib.h>

#include "vrs/bus/nng.h"
#include "vrs/mem.h"

/* A context handles one request at a time: it receives it, passes it to the loop, sends
 * the reply and starts again. */
struct rep_ctx {
	struct vrs_rep *rep;
	nng_ctx ctx;
	nng_aio *aio;
	bool ctx_open;
	bool sending;               /* used by NNG's thread: the operation of the aio */
	nng_msg *request;           /* under the lock: not yet taken by the loop */
	struct rep_ctx *next_ready; /* under the lock */
	struct vrs_req_token *token;
};

/* Outlives its socket, so that a late reply is harmless. */
struct vrs_req_token {
	struct rep_ctx *ctx; /* NULL: the socket is closed */
};

struct vrs_rep {
	struct bus_sock s;
	const ProtobufCMessageDescriptor *type;
	vrs_rep_fn fn;
	void *arg;
	struct rep_ctx *ctx;
	int n_ctx;
	struct rep_ctx *ready, **ready_end; /* under the lock */
};

static void receive(struct rep_ctx *c)
{
	c->sending = false;
	nng_aio_set_timeout(c->aio, NNG_DURATION_INFINITE);
	nng_ctx_recv(c->ctx, c->aio);
}

/* NNG's thread. */
static void on_aio(void *arg)
{
	struct rep_ctx *c = arg;
	struct vrs_rep *rep = c->rep;
	int rv = nng_aio_result(c->aio);

	if (c->sending) {
		if (rv != 0)
			nng_msg_free(nng_aio_get_msg(c->aio));
		if (rv == 0)
			BUS_COUNT(&rep->s, sent, 1);
	}
	if (rv == NNG_ECLOSED || rv == NNG_ECANCELED)
		return;
	if (c->sending || rv != 0) {
		receive(c);
		return;
	}
	(void)pthread_mutex_lock(&rep->s.lock);
	c->request = nng_aio_get_msg(c->aio);
	c->next_ready = NULL;
	*rep->ready_end = c;
	rep->ready_end = &c->next_ready;
	(void)pthread_mutex_unlock(&rep->s.lock);
	bus_sock_ring(&rep->s);
}

static struct rep_ctx *take_ready(struct vrs_rep *rep, nng_msg **ret)
{
	(void)pthread_mutex_lock(&rep->s.lock);
	struct rep_ctx *c = rep->ready;
	if (c) {
		rep->ready = c->next_ready;
		if (!rep->ready)
			rep->ready_end = &rep->ready;
		*ret = c->request;
		c->request = NULL;
	}
	(void)pthread_mutex_unlock(&rep->s.lock);
	return c;
}

static void rep_rung(void *arg)
{
	struct vrs_rep *rep = arg;
	nng_msg *m = NULL;
	struct rep_ctx *c;

	while ((c = take_ready(rep, &m)) != NULL) {
		struct vrs_msg *msg;

		if (vrs_msg_unpack(&msg, rep->type, nng_msg_body(m), nng_msg_len(m),
				   NULL) < 0) {
			BUS_COUNT(&rep->s, refused, 1);
			receive(c); /* the requester times out */
		} else {
			BUS_COUNT(&rep->s, received, 1);
			c->token = vrs_calloc(1, sizeof(*c->token));
			c->token->ctx = c;
			rep->fn(rep->arg, vrs_msg_get(msg), c->token);
			vrs_msg_free(msg);
		}
		nng_msg_free(m);
	}
}

void vrs_bus_answer(struct vrs_req_token *token, const ProtobufCMessage *reply)
{
	struct rep_ctx *c = token->ctx;
	nng_msg *m;

	free(token);
	if (!c)
		return;
	c->token = NULL;
	if (!reply || bus_pack(&m, reply, NULL) < 0) {
		BUS_COUNT(&c->rep->s, dropped, 1);
		receive(c);
		return;
	}
	c->sending = true;
	nng_aio_set_msg(c->aio, m);
	nng_aio_set_timeout(c->aio, BUS_SEND_LIMIT_MS);
	nng_ctx_send(c->ctx, c->aio);
}

int vrs_rep_open(struct vrs_rep **ret, struct vrs_loop *loop,
		 const struct vrs_rep_conf *conf, struct vrs_err *err)
{
	struct vrs_rep *rep = vrs_calloc(1, sizeof(*rep));
	int status = bus_sock_init(&rep->s, nng_rep0_open,
				   (struct bus_ring){loop, rep_rung, rep}, err);
	int rv = 0, max_open = conf->max_open;

	if (status < 0) {
		free(rep);
		return status;
	}
	rep->type = conf->type;
	rep->fn = conf->fn;
	rep->arg = conf->arg;
	rep->ready_end = &rep->ready;
	if (max_open < 1)
		max_open = 1;
	if (max_open > BUS_MAX_CONTEXTS)
		max_open = BUS_MAX_CONTEXTS;
	rep->ctx = vrs_calloc((size_t)max_open, sizeof(*rep->ctx));
	for (; rep->n_ctx < max_open && rv == 0; rep->n_ctx++) {
		struct rep_ctx *c = &rep->ctx[rep->n_ctx];

		c->rep = rep;
		rv = nng_aio_alloc(&c->aio, on_aio, c);
		if (rv == 0 && (rv = nng_ctx_open(&c->ctx, rep->s.nng)) == 0)
			c->ctx_open = true;
	}
	if (rv != 0)
		status = bus_fail(err, rv, "bus: cannot create the contexts of %s",
				  conf->url);
	else
		status = bus_sock_connect(&rep->s, conf->url, conf->listen, err);
	if (status < 0) {
		vrs_rep_close(rep);
		return status;
	}
	for (int i = 0; i < rep->n_ctx; i++)
		receive(&rep->ctx[i]);
	*ret = rep;
	return 0;
}

void vrs_rep_counts(const struct vrs_rep *rep, struct vrs_bus_counts *ret)
{
	bus_sock_counts(&rep->s, ret);
}

const char *vrs_rep_url(const struct vrs_rep *rep)
{
	return rep->s.url;
}

void vrs_rep_close(struct vrs_rep *rep)
{
	if (!rep)
		return;
	for (int i = 0; i < rep->n_ctx; i++)
		if (rep->ctx[i].aio)
			nng_aio_stop(rep->ctx[i].aio);
	for (int i = 0; i < rep->n_ctx; i++) {
		struct rep_ctx *c = &rep->ctx[i];

		if (c->ctx_open)
			(void)nng_ctx_close(c->ctx);
		if (c->aio)
			nng_aio_free(c->aio);
		if (c->request)
			nng_msg_free(c->request);
		if (c->token)
			c->token->ctx = NULL;
	}
	bus_sock_fini(&rep->s);
	free(rep->ctx);
	free(rep);
}
