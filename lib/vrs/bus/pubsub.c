#include <nng/nng.h>
#include <nng/protocol/pubsub0/pub.h>
#include <nng/protocol/pubsub0/sub.h>
#include <stdlib.h>

#include "vrs/bus/nng.h"
#include "vrs/mem.h"

enum {
	PUB_QUEUE = 8192,
	SUB_NNG_QUEUE = 8192, /* of NNG; its thread moves messages to our queue */
	SUB_QUEUE = 8192,     /* our queue, which is also bounded in bytes */
	SUB_QUEUE_BYTES = 64 * 1024 * 1024,
	SUB_BURST = 256, /* messages delivered before other callbacks run */
};

struct vrs_pub {
	struct bus_sock s;
};

int vrs_pub_open(struct vrs_pub **ret, const char *url, struct vrs_err *err)
{
	struct vrs_pub *pub = vrs_calloc(1, sizeof(*pub));
	int status = bus_sock_init(&pub->s, nng_pub0_open, (struct bus_ring){0}, err);
	int rv;

	if (status < 0) {
		free(pub);
		return status;
	}
	if ((rv = nng_socket_set_int(pub->s.nng, NNG_OPT_SENDBUF, PUB_QUEUE)) != 0)
		status = bus_fail(err, rv, "bus: cannot set up the queue of %s", url);
	else
		status = bus_sock_connect(&pub->s, url, false, err);
	if (status < 0) {
		vrs_pub_close(pub);
		return status;
	}
	*ret = pub;
	return 0;
}

int vrs_pub_send(struct vrs_pub *pub, const ProtobufCMessage *msg, struct vrs_err *err)
{
	nng_msg *m;
	int status = bus_pack(&m, msg, err);

	if (status < 0)
		return status;
	int rv = nng_sendmsg(pub->s.nng, m, NNG_FLAG_NONBLOCK);
	if (rv != 0) {
		nng_msg_free(m);
		return bus_fail(err, rv, "bus: cannot publish to %s", pub->s.url);
	}
	BUS_COUNT(&pub->s, sent, 1);
	return 0;
}

void vrs_pub_counts(const struct vrs_pub *pub, struct vrs_bus_counts *ret)
{
	bus_sock_counts(&pub->s, ret);
}

void vrs_pub_close(struct vrs_pub *pub)
{
	if (!pub)
		return;
	bus_sock_fini(&pub->s);
	free(pub);
}

struct vrs_sub {
	struct bus_sock s;
	nng_aio *aio;
	const ProtobufCMessageDescriptor *type;
	vrs_bus_msg_fn fn;
	void *arg;

	/* under s.lock: ring buffer of messages not yet taken by the loop */
	nng_msg *queue[SUB_QUEUE];
	size_t first, n;
	size_t bytes;
};

/* Call with the lock held; the caller frees the message. */
static nng_msg *queue_take(struct vrs_sub *sub)
{
	nng_msg *m = sub->queue[sub->first];

	sub->first = (sub->first + 1) % SUB_QUEUE;
	sub->n--;
	sub->bytes -= nng_msg_len(m);
	return m;
}

/* NNG's thread. */
static void on_received(void *arg)
{
	struct vrs_sub *sub = arg;
	int rv = nng_aio_result(sub->aio);

	if (rv == NNG_ECLOSED || rv == NNG_ECANCELED)
		return;
	if (rv == 0) {
		nng_msg *m = nng_aio_get_msg(sub->aio);
		size_t len = nng_msg_len(m);

		for (;;) {
			nng_msg *oldest = NULL;

			(void)pthread_mutex_lock(&sub->s.lock);
			if (sub->n == SUB_QUEUE ||
			    (sub->n > 0 && sub->bytes + len > SUB_QUEUE_BYTES)) {
				oldest = queue_take(sub);
				sub->s.counts.dropped++;
			} else {
				sub->queue[(sub->first + sub->n) % SUB_QUEUE] = m;
				sub->n++;
				sub->bytes += len;
			}
			(void)pthread_mutex_unlock(&sub->s.lock);
			if (!oldest)
				break;
			nng_msg_free(oldest);
		}
		bus_sock_ring(&sub->s);
	}
	nng_recv_aio(sub->s.nng, sub->aio);
}

static void deliver(struct vrs_sub *sub, nng_msg *m)
{
	struct vrs_msg *msg;

	if (vrs_msg_unpack(&msg, sub->type, nng_msg_body(m), nng_msg_len(m), NULL) < 0) {
		BUS_COUNT(&sub->s, refused, 1);
	} else {
		BUS_COUNT(&sub->s, received, 1);
		sub->fn(sub->arg, msg);
		vrs_msg_free(msg);
	}
	nng_msg_free(m);
}

static void sub_rung(void *arg)
{
	struct vrs_sub *sub = arg;

	for (int i = 0; i < SUB_BURST; i++) {
		(void)pthread_mutex_lock(&sub->s.lock);
		nng_msg *m = sub->n > 0 ? queue_take(sub) : NULL;
		(void)pthread_mutex_unlock(&sub->s.lock);
		if (!m)
			return;
		deliver(sub, m);
	}
	bus_sock_ring(&sub->s);
}

int vrs_sub_open(struct vrs_sub **ret, struct vrs_loop *loop,
		 const struct vrs_sub_conf *conf, struct vrs_err *err)
{
	struct vrs_sub *sub = vrs_calloc(1, sizeof(*sub));
	int status = bus_sock_init(&sub->s, nng_sub0_open,
				   (struct bus_ring){loop, sub_rung, sub}, err);
	int rv;

	if (status < 0) {
		free(sub);
		return status;
	}
	sub->type = conf->type;
	sub->fn = conf->fn;
	sub->arg = conf->arg;
	if ((rv = nng_socket_set_int(sub->s.nng, NNG_OPT_RECVBUF, SUB_NNG_QUEUE)) != 0 ||
	    (rv = nng_socket_set(sub->s.nng, NNG_OPT_SUB_SUBSCRIBE, "", 0)) != 0 ||
	    (rv = nng_aio_alloc(&sub->aio, on_received, sub)) != 0)
		status = bus_fail(err, rv, "bus: cannot subscribe on %s", conf->url);
	else
		status = bus_sock_connect(&sub->s, conf->url, true, err);
	if (status < 0) {
		vrs_sub_close(sub);
		return status;
	}
	nng_recv_aio(sub->s.nng, sub->aio);
	*ret = sub;
	return 0;
}

void vrs_sub_counts(const struct vrs_sub *sub, struct vrs_bus_counts *ret)
{
	bus_sock_counts(&sub->s, ret);
}

const char *vrs_sub_url(const struct vrs_sub *sub)
{
	return sub->s.url;
}

void vrs_sub_close(struct vrs_sub *sub)
{
	if (!sub)
		return;
	if (sub->aio) {
		nng_aio_stop(sub->aio);
		nng_aio_free(sub->aio);
	}
	while (sub->n > 0)
		nng_msg_free(queue_take(sub));
	bus_sock_fini(&sub->s);
	free(sub);
}
