/* Sockets of the bus: their options, their peers, and the signal from NNG's threads to
 * the loop. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vrs/bus/nng.h"
#include "vrs/clock.h"
#include "vrs/log.h"
#include "vrs/mem.h"

enum { RECONNECT_MIN_MS = 100, RECONNECT_MAX_MS = 5000 };

static void on_pipe(nng_pipe pipe, nng_pipe_ev ev, void *arg)
{
	struct bus_sock *s = arg;

	(void)pthread_mutex_lock(&s->lock);
	if (ev == NNG_PIPE_EV_ADD_POST) {
		s->peer = vrs_grow(s->peer, s->n_peers, &s->cap_peers, sizeof(*s->peer));
		s->peer[s->n_peers++] = (struct bus_peer){pipe, vrs_now_mono_ms()};
		s->counts.connects++;
	} else {
		for (size_t i = 0; i < s->n_peers; i++) {
			if (nng_pipe_id(s->peer[i].pipe) != nng_pipe_id(pipe))
				continue;
			s->peer[i] = s->peer[--s->n_peers];
			s->counts.disconnects++;
			break;
		}
	}
	bus_sock_ring(s);
	(void)pthread_mutex_unlock(&s->lock);
}

static void on_ring_fd(void *arg)
{
	struct bus_sock *s = arg;
	uint64_t n;

	if (read(s->ring_fd, &n, sizeof(n)) < 0)
		return; /* already handled */
	s->ring.fn(s->ring.arg);
}

void bus_sock_ring(struct bus_sock *s)
{
	uint64_t one = 1;

	if (s->ring_fd >= 0 && write(s->ring_fd, &one, sizeof(one)) < 0) {
		/* the counter is full: the loop is signalled already */
	}
}

int bus_sock_init(struct bus_sock *s, bus_open_fn open_fn, struct bus_ring ring,
		  struct vrs_err *err)
{
	*s = (struct bus_sock){.ring_fd = -1, .probe_fd = -1, .ring = ring};
	(void)pthread_mutex_init(&s->lock, NULL);

	int rv = open_fn(&s->nng);
	if (rv != 0) {
		(void)bus_fail(err, rv, "bus: cannot open a socket");
		goto fail;
	}
	s->open = true;
	if ((rv = nng_socket_set_size(s->nng, NNG_OPT_RECVMAXSZ, VRS_BUS_MAX_BYTES)) ||
	    (rv = nng_socket_set_ms(s->nng, NNG_OPT_RECONNMINT, RECONNECT_MIN_MS)) ||
	    (rv = nng_socket_set_ms(s->nng, NNG_OPT_RECONNMAXT, RECONNECT_MAX_MS)) ||
	    (rv = nng_pipe_notify(s->nng, NNG_PIPE_EV_ADD_POST, on_pipe, s)) ||
	    (rv = nng_pipe_notify(s->nng, NNG_PIPE_EV_REM_POST, on_pipe, s))) {
		(void)bus_fail(err, rv, "bus: cannot set up a socket");
		goto fail;
	}
	if (ring.loop) {
		s->ring_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (s->ring_fd < 0) {
			(void)vrs_fail_errno(err, "bus: cannot create an eventfd");
			goto fail;
		}
		if (vrs_loop_watch(ring.loop, s->ring_fd, on_ring_fd, s, err) < 0)
			goto fail;
	}
	return 0;
fail:
	bus_sock_fini(s);
	return err ? err->code : VRS_EIO;
}

int bus_sock_connect(struct bus_sock *s, const char *url, bool listen,
		     struct vrs_err *err)
{
	if (listen) {
		int status = bus_listen(s, url, err);

		if (status == 0) {
			bus_heal_start(s);
			bus_refused_start(s);
		}
		return status;
	}

	/* In the background: the other side may start later. */
	int rv = nng_dialer_create(&s->dialer, s->nng, url);
	if (rv != 0)
		return bus_fail(err, rv, "bus: cannot dial %s", url);
	int status = bus_tls_dialer(s->dialer, url, err);
	if (status < 0)
		return status;
	rv = nng_dialer_start(s->dialer, NNG_FLAG_NONBLOCK);
	if (rv != 0)
		return bus_fail(err, rv, "bus: cannot dial %s", url);
	s->dialling = true;
	s->url = vrs_strdup(url);
	bus_refused_start(s);
	return 0;
}

struct closing {
	nng_socket nng;
	int closed_fd; /* gets a byte when it has closed */
};

static void *close_thread(void *arg)
{
	struct closing *c = arg;

	(void)nng_close(c->nng);
	if (send(c->closed_fd, "", 1, MSG_NOSIGNAL) < 0) {
		/* the waiting side has given up */
	}
	(void)close(c->closed_fd);
	free(c);
	return NULL;
}

void bus_close(nng_socket nng)
{
	struct closing *c = vrs_calloc(1, sizeof(*c));
	struct pollfd closed = {.events = POLLIN};
	pthread_t thread;
	char byte;
	int fd[2];

	*c = (struct closing){.nng = nng, .closed_fd = -1};
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd) < 0) {
		(void)close_thread(c);
		return;
	}
	c->closed_fd = fd[1];
	closed.fd = fd[0];
	if (pthread_create(&thread, NULL, close_thread, c) == 0) {
		(void)pthread_detach(thread);
		if (poll(&closed, 1, BUS_CLOSE_LIMIT_MS) <= 0 ||
		    read(fd[0], &byte, 1) != 1)
			log_warn("bus: a socket does not close, abandoning it");
	} else {
		(void)close_thread(c);
	}
	(void)close(fd[0]);
}

void bus_sock_fini(struct bus_sock *s)
{
	bus_heal_stop(s);
	bus_refused_stop(s);
	if (s->open) {
		/* No callback runs after this, even for an abandoned socket. */
		(void)nng_pipe_notify(s->nng, NNG_PIPE_EV_ADD_POST, NULL, NULL);
		(void)nng_pipe_notify(s->nng, NNG_PIPE_EV_REM_POST, NULL, NULL);
		bus_close(s->nng);
	}
	s->open = false;
	(void)pthread_mutex_lock(&s->lock); /* waits for the last callback */
	if (s->ring_fd >= 0) {
		vrs_loop_forget(s->ring.loop, s->ring_fd);
		(void)close(s->ring_fd);
		s->ring_fd = -1;
	}
	free(s->peer);
	s->peer = NULL;
	s->n_peers = 0;
	(void)pthread_mutex_unlock(&s->lock);
	free(s->url);
	s->url = NULL;
	(void)pthread_mutex_destroy(&s->lock);
}

void bus_sock_counts(const struct bus_sock *s, struct vrs_bus_counts *ret)
{
	struct bus_sock *w = (struct bus_sock *)s; /* the lock is not part of the value */

	(void)pthread_mutex_lock(&w->lock);
	*ret = s->counts;
	ret->peers = s->n_peers;
	ret->dials = s->dialling;
	(void)pthread_mutex_unlock(&w->lock);
}
