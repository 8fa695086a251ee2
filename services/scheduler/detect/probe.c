#include "detect/probe.h"

#include "vrs/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct goal {
	const char *address;
	int64_t deadline_ms;
	char host[256], port[8];
	bool first_byte;
};

static int parse(const char *address, struct goal *g, struct vrs_err *err)
{
	static const char speak[] = "tcp://", accept_only[] = "tcp-connect://";
	const char *rest;

	if (strncmp(address, speak, sizeof(speak) - 1) == 0) {
		g->first_byte = true;
		rest = address + sizeof(speak) - 1;
	} else if (strncmp(address, accept_only, sizeof(accept_only) - 1) == 0) {
		g->first_byte = false;
		rest = address + sizeof(accept_only) - 1;
	} else {
		return vrs_fail(err, VRS_EINVAL,
				"probe: %s: wanted tcp://HOST:PORT or "
				"tcp-connect://HOST:PORT",
				address);
	}
	const char *colon = strrchr(rest, ':');
	size_t n = colon ? (size_t)(colon - rest) : 0;
	if (n >= 2 && rest[0] == '[' && rest[n - 1] == ']') { /* [::1]:22 */
		rest++;
		n -= 2;
	}
	if (n == 0 || n >= sizeof(g->host) || strlen(colon + 1) == 0 ||
	    strlen(colon + 1) >= sizeof(g->port))
		return vrs_fail(err, VRS_EINVAL, "probe: %s: wanted HOST:PORT", address);
	memcpy(g->host, rest, n);
	g->host[n] = '\0';
	(void)strcpy(g->port, colon + 1);
	return 0;
}

static int wait_for(int fd, short events, const struct goal *g, const char *what,
		    struct vrs_err *err)
{
	struct pollfd p = {.fd = fd, .events = events};

	for (;;) {
		int64_t left = g->deadline_ms - vrs_now_mono_ms();

		if (left <= 0)
			return vrs_fail(err, VRS_ETIMEOUT, "probe: %s: %s in time",
					g->address, what);
		int n = poll(&p, 1, left > 60000 ? 60000 : (int)left);
		if (n > 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return vrs_fail_errno(err, "probe: poll");
	}
}

static int speak_to(int fd, const struct addrinfo *ai, const struct goal *g,
		    struct vrs_err *err)
{
	char byte;
	int so_error = 0, status;
	socklen_t len = sizeof(so_error);

	if (connect(fd, ai->ai_addr, ai->ai_addrlen) < 0 && errno != EINPROGRESS) {
		(void)vrs_fail_errno(err, "probe: %s", g->address);
		return err ? err->code = VRS_ECONN : VRS_ECONN;
	}
	status = wait_for(fd, POLLOUT, g, "no connection", err);
	if (status < 0)
		return status;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &so_error, &len) < 0 || so_error)
		return vrs_fail(err, VRS_ECONN, "probe: %s: %s", g->address,
				strerror(so_error));
	if (!g->first_byte)
		return 0;
	status = wait_for(fd, POLLIN, g, "it accepts, but does not speak", err);
	if (status < 0)
		return status;
	if (recv(fd, &byte, 1, 0) != 1)
		return vrs_fail(err, VRS_ECONN,
				"probe: %s: it accepts, but hangs up without a word",
				g->address);
	return 0;
}

int probe_run(const char *address, int64_t timeout_ms, struct vrs_err *err)
{
	/* numbers first: then no name server is asked */
	struct addrinfo hint = {.ai_socktype = SOCK_STREAM,
				.ai_flags = AI_NUMERICSERV | AI_NUMERICHOST},
			*ai = NULL;
	struct goal g = {.address = address,
			 .deadline_ms = vrs_now_mono_ms() + timeout_ms};
	int status = parse(address, &g, err);

	if (status < 0)
		return status;
	int why = getaddrinfo(g.host, g.port, &hint, &ai);
	if (why == EAI_NONAME) {
		hint.ai_flags = AI_NUMERICSERV;
		why = getaddrinfo(g.host, g.port, &hint, &ai);
	}
	if (why)
		return vrs_fail(err, VRS_EINVAL, "probe: %s: %s", address,
				gai_strerror(why));
	int fd = socket(ai->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		status = vrs_fail_errno(err, "probe: socket");
	else
		status = speak_to(fd, ai, &g, err);
	if (fd >= 0)
		(void)close(fd);
	freeaddrinfo(ai);
	return status;
}
