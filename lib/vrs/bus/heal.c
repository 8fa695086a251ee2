/* Listens, and keeps an ipc listener alive. In NNG 1.5.2 a peer that connects and leaves
 * without sending anything stops the listener from accepting for ever (nng #1518). The
 * listener is therefore probed regularly and replaced when the probe fails.
 *
 * The probe performs the handshake with a protocol number that does not exist. A stuck
 * listener completes the handshake as well, but only a working one then rejects the peer
 * and closes the connection. */
#include <fcntl.h>
#include <nng/nng.h>
#include <nng/transport/ipc/ipc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "vrs/bus/nng.h"
#include "vrs/mem.h"

static const char ipc_scheme[] = "ipc://";

static bool is_ipc(const char *url)
{
	return strncmp(url, ipc_scheme, sizeof(ipc_scheme) - 1) == 0;
}

/* The URL as bound, with the port that replaced 0. */
static char *bound_url(nng_listener l, const char *url)
{
	const char *colon = strrchr(url, ':');
	int port = 0;

	if (strstr(url, "tcp://") && colon && strcmp(colon, ":0") == 0 &&
	    nng_listener_get_int(l, NNG_OPT_TCP_BOUND_PORT, &port) == 0)
		return vrs_asprintf("%.*s:%d", (int)(colon - url), url, port);
	return vrs_strdup(url);
}

int bus_listen(struct bus_sock *s, const char *url, struct vrs_err *err)
{
	nng_listener l;
	int rv = nng_listener_create(&l, s->nng, url);

	if (rv != 0)
		return bus_fail(err, rv, "bus: cannot listen on %s", url);
	if (is_ipc(url) &&
	    (rv = nng_listener_set_int(l, NNG_OPT_IPC_PERMISSIONS, 0600)) != 0) {
		(void)nng_listener_close(l);
		return bus_fail(err, rv, "bus: cannot set the permissions of %s", url);
	}
	int status = bus_tls_listener(l, url, err);
	if (status < 0) {
		(void)nng_listener_close(l);
		return status;
	}
	rv = nng_listener_start(l, 0);
	if (rv != 0) {
		(void)nng_listener_close(l);
		return bus_fail(err, rv, "bus: cannot listen on %s", url);
	}
	char *bound = bound_url(l, url);
	free(s->url);
	s->url = bound;
	s->listener = l;
	s->listening = true;
	return 0;
}

static void probe_end(struct bus_sock *s)
{
	if (s->probe_fd >= 0) {
		vrs_loop_forget(s->ring.loop, s->probe_fd);
		(void)close(s->probe_fd);
		s->probe_fd = -1;
	}
	vrs_timer_cancel(s->probe_deadline);
	s->probe_deadline = NULL;
}

static void listen_again(struct bus_sock *s)
{
	char *url = vrs_strdup(s->url);

	if (s->listening)
		(void)nng_listener_close(s->listener);
	s->listening = false;
	if (bus_listen(s, url, NULL) == 0) /* on failure the next probe tries again */
		s->healed++;
	free(url);
}

static void probe_late(void *arg)
{
	struct bus_sock *s = arg;

	s->probe_deadline = NULL; /* a one-shot timer is freed after its call */
	probe_end(s);
	listen_again(s);
}

static void probe_readable(void *arg)
{
	struct bus_sock *s = arg;
	char greeting[8];

	if (recv(s->probe_fd, greeting, sizeof(greeting), 0) <= 0)
		probe_end(s); /* the connection was closed: the listener works */
}

static void probe_begin(void *arg)
{
	static const unsigned char hello[8] = {0, 'S', 'P', 0, 0xff, 0xfe, 0, 0};
	struct bus_sock *s = arg;
	struct sockaddr_un addr = {.sun_family = AF_UNIX};

	if (s->probe_fd >= 0)
		return;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return;
	(void)vrs_strcpy(addr.sun_path, sizeof(addr.sun_path),
			 s->url + sizeof(ipc_scheme) - 1);
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 ||
	    send(fd, hello, sizeof(hello), MSG_NOSIGNAL) != (ssize_t)sizeof(hello)) {
		(void)close(fd);
		listen_again(s);
		return;
	}
	s->probe_fd = fd;
	if (vrs_loop_watch(s->ring.loop, fd, probe_readable, s, NULL) < 0) {
		(void)close(fd);
		s->probe_fd = -1;
		return;
	}
	s->probe_deadline =
		vrs_loop_after(s->ring.loop, BUS_PROBE_WAIT_MS, probe_late, s);
}

void bus_heal_start(struct bus_sock *s)
{
	if (s->ring.loop && is_ipc(s->url))
		s->probe_timer =
			vrs_loop_every(s->ring.loop, BUS_PROBE_EVERY_MS, probe_begin, s);
}

void bus_heal_stop(struct bus_sock *s)
{
	vrs_timer_cancel(s->probe_timer);
	s->probe_timer = NULL;
	probe_end(s);
}
