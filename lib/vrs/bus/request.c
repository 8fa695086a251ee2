#include <nng/nng.h>
#include <nng/protocol/reqrep0/req.h>
#include <stdlib.h>

#include "vrs/bus/nng.h"
#include "vrs/clock.h"
#include "vrs/mem.h"

enum {
	MAX_WAITING = 4096, /* requests that wait for a context */
	NNG_RESEND_MS =
		24 * 3600 * 1000, /* NNG resends when the silent peer's pipe is closed */
	TICK_MAX_MS = 100,
};

/* One request, from vrs_req_send to its done callback. */
struct call {
	struct call *next;
	struct vrs_req *req;
	nng_msg *msg; /* the request until it is sent, then the reply */
	struct req_ctx *ctx;
	int64_t deadline_mono_ms;
	bool sent;            /* sent to a peer; set by NNG's thread */
	int64_t sent_mono_ms; /* under the lock; 0: not sent */
	int result;           /* NNG's error code, when it has ended */
	vrs_req_done_fn done;
	void *arg;
};

struct req_ctx {
	nng_ctx ctx;
	nng_aio *aio;
	struct call *call;
};

struct vrs_req {
	struct bus_sock s;
	int64_t silence_ms;
	const ProtobufCMessageDescriptor *type;
	struct req_ctx ctx[BUS_MAX_CONTEXTS];
	int n_ctx;
	struct call *waiting, **waiting_end; /* waiting for a free context */
	int n_waiting;
	struct call *over, **over_end; /* under the lock */
	struct vrs_timer *tick;        /* runs while calls are open */
	int n_open;
	bool closing;
};

static nng_duration remaining_ms(const struct call *call)
{
	int64_t left = call->deadline_mono_ms - vrs_now_mono_ms();

	return left < 1 ? 1 : (nng_duration)left;
}

/* Runs on NNG's thread. The receive is posted only after the send has completed (nng
 * #1702). */
static void on_aio(void *arg)
{
	struct req_ctx *c = arg;
	struct call *call = c->call;
	struct vrs_req *req = call->req;
	int rv = nng_aio_result(c->aio);

	if (rv == 0 && !call->sent) {
		call->sent = true;
		(void)pthread_mutex_lock(&req->s.lock);
		call->msg = NULL; /* NNG's now */
		call->sent_mono_ms = vrs_now_mono_ms();
		req->s.counts.sent++;
		(void)pthread_mutex_unlock(&req->s.lock);
		nng_aio_set_timeout(c->aio, remaining_ms(call));
		nng_ctx_recv(c->ctx, c->aio);
		return;
	}
	(void)pthread_mutex_lock(&req->s.lock);
	if (rv == 0)
		call->msg = nng_aio_get_msg(c->aio);
	call->result = rv;
	call->next = NULL;
	*req->over_end = call;
	req->over_end = &call->next;
	if (rv == 0) {
		uint32_t from = (uint32_t)nng_pipe_id(nng_msg_get_pipe(call->msg));

		for (size_t i = 0; i < req->s.n_peers; i++)
			if ((uint32_t)nng_pipe_id(req->s.peer[i].pipe) == from)
				req->s.peer[i].seen_mono_ms = vrs_now_mono_ms();
	}
	(void)pthread_mutex_unlock(&req->s.lock);
	bus_sock_ring(&req->s);
}

static struct req_ctx *free_ctx(struct vrs_req *req)
{
	for (int i = 0; i < req->n_ctx; i++)
		if (!req->ctx[i].call)
			return &req->ctx[i];
	if (req->n_ctx == BUS_MAX_CONTEXTS)
		return NULL;

	struct req_ctx *c = &req->ctx[req->n_ctx];
	if (nng_ctx_open(&c->ctx, req->s.nng) != 0)
		return NULL;
	if (nng_aio_alloc(&c->aio, on_aio, c) != 0) {
		(void)nng_ctx_close(c->ctx);
		return NULL;
	}
	(void)nng_ctx_set_ms(c->ctx, NNG_OPT_REQ_RESENDTIME, NNG_RESEND_MS);
	req->n_ctx++;
	return c;
}

static void begin(struct req_ctx *c, struct call *call)
{
	c->call = call;
	call->ctx = c;
	nng_aio_set_msg(c->aio, call->msg);
	nng_aio_set_timeout(c->aio, remaining_ms(call));
	nng_ctx_send(c->ctx, c->aio);
}

static void finish(struct call *call)
{
	struct vrs_req *req = call->req;
	struct vrs_err err = {0};
	struct vrs_msg *reply = NULL;

	if (call->ctx)
		call->ctx->call = NULL;
	if (--req->n_open == 0) {
		vrs_timer_cancel(req->tick);
		req->tick = NULL;
	}
	if (call->result == NNG_ETIMEDOUT) {
		BUS_COUNT(&req->s, timeouts, 1);
		vrs_fail(&err, VRS_ETIMEOUT, "bus: no reply on %s%s", req->s.url,
			 call->sent ? "" : ", no peer is connected");
	} else if (call->result != 0) {
		bus_fail(&err, call->result, "bus: cannot send a request on %s",
			 req->s.url);
	} else if (vrs_msg_unpack(&reply, req->type, nng_msg_body(call->msg),
				  nng_msg_len(call->msg), &err) < 0) {
		BUS_COUNT(&req->s, refused, 1);
	} else {
		BUS_COUNT(&req->s, received, 1);
	}
	if (call->msg)
		nng_msg_free(call->msg);
	call->done(call->arg, reply ? vrs_msg_get(reply) : NULL, reply ? NULL : &err);
	vrs_msg_free(reply);
	free(call);
}

static struct call *take_over(struct vrs_req *req)
{
	(void)pthread_mutex_lock(&req->s.lock);
	struct call *call = req->over;
	if (call) {
		req->over = call->next;
		if (!req->over)
			req->over_end = &req->over;
	}
	(void)pthread_mutex_unlock(&req->s.lock);
	return call;
}

static struct call *take_waiting(struct vrs_req *req)
{
	struct call *call = req->waiting;

	req->waiting = call->next;
	if (!req->waiting)
		req->waiting_end = &req->waiting;
	req->n_waiting--;
	return call;
}

static void req_rung(void *arg)
{
	struct vrs_req *req = arg;
	struct call *call;

	while ((call = take_over(req)) != NULL) {
		struct req_ctx *c = call->ctx;

		/* The next request is sent first, because the callback may take long. */
		c->call = NULL;
		call->ctx = NULL;
		if (req->waiting)
			begin(c, take_waiting(req));
		finish(call);
	}
}

/* If a request has waited for silence_ms, closes the connections of all peers that have
 * not replied to anything for that long; NNG sends their requests to others. An idle
 * peer may be among them and reconnects at once. */
static void close_silent(struct vrs_req *req)
{
	int64_t now = vrs_now_mono_ms();
	nng_pipe silent[64];
	size_t n = 0;
	bool overdue = false;

	(void)pthread_mutex_lock(&req->s.lock);
	for (int i = 0; i < req->n_ctx && !overdue; i++) {
		const struct call *call = req->ctx[i].call;

		overdue = call && call->sent_mono_ms &&
			  now - call->sent_mono_ms >= req->silence_ms;
	}
	for (size_t i = 0; overdue && i < req->s.n_peers && n < 64; i++)
		if (now - req->s.peer[i].seen_mono_ms >= req->silence_ms)
			silent[n++] = req->s.peer[i].pipe;
	for (int i = 0; n > 0 && i < req->n_ctx; i++) {
		struct call *call = req->ctx[i].call;

		if (call && call->sent_mono_ms) {
			call->sent_mono_ms = now;
			req->s.counts.requeued++;
		}
	}
	(void)pthread_mutex_unlock(&req->s.lock);
	for (size_t i = 0; i < n; i++)
		(void)nng_pipe_close(silent[i]);
}

static void expire_waiting(struct vrs_req *req)
{
	int64_t now = vrs_now_mono_ms();
	struct call *expired = NULL;

	for (struct call **p = &req->waiting; *p;) {
		struct call *call = *p;

		if (call->deadline_mono_ms > now) {
			p = &call->next;
			continue;
		}
		*p = call->next;
		req->n_waiting--;
		call->next = expired;
		expired = call;
	}
	req->waiting_end = &req->waiting;
	while (*req->waiting_end)
		req->waiting_end = &(*req->waiting_end)->next;
	while (expired) {
		struct call *call = expired;

		expired = call->next;
		call->result = NNG_ETIMEDOUT;
		finish(call);
	}
}

static void on_tick(void *arg)
{
	struct vrs_req *req = arg;

	if (req->silence_ms > 0)
		close_silent(req);
	expire_waiting(req);
}

int vrs_req_open(struct vrs_req **ret, struct vrs_loop *loop,
		 const struct vrs_req_conf *conf, struct vrs_err *err)
{
	struct vrs_req *req = vrs_calloc(1, sizeof(*req));
	int status = bus_sock_init(&req->s, nng_req0_open,
				   (struct bus_ring){loop, req_rung, req}, err);

	if (status < 0) {
		free(req);
		return status;
	}
	req->silence_ms = conf->silence_ms;
	req->type = conf->reply_type;
	req->waiting_end = &req->waiting;
	req->over_end = &req->over;
	status = bus_sock_connect(&req->s, conf->url, conf->listen, err);
	if (status < 0) {
		vrs_req_close(req);
		return status;
	}
	*ret = req;
	return 0;
}

int vrs_req_send(struct vrs_req *req, const ProtobufCMessage *request, int64_t timeout_ms,
		 vrs_req_done_fn done, void *arg, struct vrs_err *err)
{
	struct req_ctx *c = req->closing ? NULL : free_ctx(req);
	nng_msg *m;

	if (req->closing)
		return vrs_fail(err, VRS_ECANCELLED, "bus: %s is closing", req->s.url);
	if (!c && req->n_waiting == MAX_WAITING)
		return vrs_fail(err, VRS_ENOSPC,
				"bus: %d requests are already waiting on %s", MAX_WAITING,
				req->s.url);
	int status = bus_pack(&m, request, err);
	if (status < 0)
		return status;

	struct call *call = vrs_calloc(1, sizeof(*call));
	*call = (struct call){
		.req = req,
		.msg = m,
		.deadline_mono_ms = vrs_now_mono_ms() + timeout_ms,
		.done = done,
		.arg = arg,
	};
	if (req->n_open++ == 0) {
		int64_t every = req->silence_ms > 0 ? req->silence_ms / 8 : TICK_MAX_MS;

		req->tick = vrs_loop_every(req->s.ring.loop,
					   every < 5             ? 5
					   : every > TICK_MAX_MS ? TICK_MAX_MS
								 : every,
					   on_tick, req);
	}
	if (c) {
		begin(c, call);
	} else {
		*req->waiting_end = call;
		req->waiting_end = &call->next;
		req->n_waiting++;
	}
	return 0;
}

int vrs_req_peers(const struct vrs_req *req)
{
	struct vrs_bus_counts counts;

	bus_sock_counts(&req->s, &counts);
	return (int)counts.peers;
}

void vrs_req_counts(const struct vrs_req *req, struct vrs_bus_counts *ret)
{
	bus_sock_counts(&req->s, ret);
}

const char *vrs_req_url(const struct vrs_req *req)
{
	return req->s.url;
}

void vrs_req_close(struct vrs_req *req)
{
	if (!req)
		return;
	req->closing = true;
	for (int i = 0; i < req->n_ctx; i++)
		nng_aio_stop(req->ctx[i].aio);

	/* NNG runs no further callbacks; open requests are cancelled here. */
	for (int i = 0; i < req->n_ctx; i++) {
		struct call *call = req->ctx[i].call;

		if (call) {
			call->result = NNG_ECANCELED;
			finish(call);
		}
		nng_aio_free(req->ctx[i].aio);
		(void)nng_ctx_close(req->ctx[i].ctx);
	}
	while (req->waiting) {
		struct call *call = take_waiting(req);

		call->result = NNG_ECANCELED;
		finish(call);
	}
	vrs_timer_cancel(req->tick);
	bus_sock_fini(&req->s);
	free(req);
}
