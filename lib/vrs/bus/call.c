/* One request from a program without a loop. */
#include <nng/nng.h>
#include <nng/protocol/reqrep0/req.h>

#include <pthread.h>
#include <time.h>

#include "vrs/bus/nng.h"
#include "vrs/clock.h"

/* NNG dials without a timeout. It therefore dials on a thread of its own, and closing the
 * socket interrupts it. */
struct dialling {
	nng_dialer dialer;
	pthread_mutex_t lock;
	pthread_cond_t ended;
	bool over;
	int result;
};

static void *dial_thread(void *arg)
{
	struct dialling *d = arg;
	int rv = nng_dialer_start(d->dialer, 0);

	(void)pthread_mutex_lock(&d->lock);
	d->over = true;
	d->result = rv;
	(void)pthread_cond_signal(&d->ended);
	(void)pthread_mutex_unlock(&d->lock);
	return NULL;
}

/* Connects, or returns the reason; a refused connection fails at once. */
static int dial_until(struct bus_sock *s, nng_dialer dialer, int64_t deadline_mono_ms)
{
	struct dialling d = {.dialer = dialer};
	struct timespec until = {
		.tv_sec = deadline_mono_ms / 1000,
		.tv_nsec = deadline_mono_ms % 1000 * 1000000,
	};
	pthread_condattr_t attr;
	pthread_t thread;
	bool late = false;

	(void)pthread_condattr_init(&attr);
	(void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&d.ended, &attr);
	(void)pthread_condattr_destroy(&attr);
	(void)pthread_mutex_init(&d.lock, NULL);
	if (pthread_create(&thread, NULL, dial_thread, &d) != 0)
		return NNG_ENOMEM;

	(void)pthread_mutex_lock(&d.lock);
	while (!d.over && !late)
		late = pthread_cond_timedwait(&d.ended, &d.lock, &until) != 0;
	(void)pthread_mutex_unlock(&d.lock);
	if (late) {
		bus_close(s->nng);
		s->open = false;
	}
	(void)pthread_join(thread, NULL);
	(void)pthread_cond_destroy(&d.ended);
	(void)pthread_mutex_destroy(&d.lock);
	return late ? NNG_ETIMEDOUT : d.result;
}

/* Unpacks the reply into plain memory, once the bounded arena has accepted it. */
static int unpack_plain(nng_msg *m, const ProtobufCMessageDescriptor *type,
			ProtobufCMessage **ret, struct vrs_err *err)
{
	struct vrs_msg *checked;
	int status = vrs_msg_unpack(&checked, type, nng_msg_body(m), nng_msg_len(m), err);

	if (status < 0)
		return status;
	vrs_msg_free(checked);
	ProtobufCMessage *msg =
		protobuf_c_message_unpack(type, NULL, nng_msg_len(m), nng_msg_body(m));
	if (!msg)
		return vrs_fail(err, VRS_EPARSE, "message: not a %s", type->short_name);
	*ret = msg;
	return 0;
}

/* The receive is posted only after the send has completed (nng #1702). */
static int exchange(nng_ctx ctx, nng_aio *aio, nng_msg *request, int64_t deadline_mono_ms,
		    nng_msg **ret)
{
	nng_aio_set_msg(aio, request);
	nng_aio_set_timeout(aio, (nng_duration)(deadline_mono_ms - vrs_now_mono_ms()));
	nng_ctx_send(ctx, aio);
	nng_aio_wait(aio);
	int rv = nng_aio_result(aio);
	if (rv != 0) {
		nng_msg_free(nng_aio_get_msg(aio));
		return rv;
	}
	int64_t left = deadline_mono_ms - vrs_now_mono_ms();
	nng_aio_set_timeout(aio, left < 1 ? 1 : (nng_duration)left);
	nng_ctx_recv(ctx, aio);
	nng_aio_wait(aio);
	rv = nng_aio_result(aio);
	if (rv == 0)
		*ret = nng_aio_get_msg(aio);
	return rv;
}

int vrs_bus_call(const struct vrs_bus_call *call, ProtobufCMessage **ret,
		 struct vrs_err *err)
{
	const char *url = call->url;
	struct bus_sock s;
	nng_msg *request, *reply = NULL;
	nng_aio *aio = NULL;
	nng_ctx ctx;
	int64_t deadline = vrs_now_mono_ms() + call->timeout_ms;
	int status = bus_pack(&request, call->request, err);
	int rv;

	if (status < 0)
		return status;
	status = bus_sock_init(&s, nng_req0_open, (struct bus_ring){0}, err);
	if (status < 0) {
		nng_msg_free(request);
		return status;
	}
	nng_dialer dialer;
	rv = nng_dialer_create(&dialer, s.nng, url);
	if (rv == 0 && (status = bus_tls_dialer(dialer, url, err)) == 0)
		rv = dial_until(&s, dialer, deadline);
	if (rv != 0)
		status = bus_fail(err, rv, "bus: %s", url);
	if (status < 0) {
		nng_msg_free(request);
		goto out;
	}
	rv = nng_aio_alloc(&aio, NULL, NULL);
	if (rv == 0)
		rv = nng_ctx_open(&ctx, s.nng);
	if (rv != 0) {
		status = bus_fail(err, rv, "bus: %s", url);
		nng_msg_free(request);
		goto out;
	}
	rv = exchange(ctx, aio, request, deadline, &reply);
	if (rv != 0)
		status = bus_fail(err, rv, "bus: no reply from %s", url);
	else
		status = unpack_plain(reply, call->reply_type, ret, err);
	if (reply)
		nng_msg_free(reply);
	(void)nng_ctx_close(ctx);
out:
	if (aio)
		nng_aio_free(aio);
	bus_sock_fini(&s);
	return status;
}
