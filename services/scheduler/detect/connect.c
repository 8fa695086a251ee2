#include "detect/connect.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vrs/clock.h"
#include "vrs/mem.h"

int connect_parse(const char *text, const char *default_port, struct connect_address *ret,
		  struct vrs_err *err)
{
	struct connect_address a = {0};
	size_t len = strcspn(text, "/");
	const char *host = text, *end = text + len, *colon = memrchr(text, ':', len);

	if (*text == '[') { /* an IPv6 address */
		const char *close = memchr(text, ']', len);

		if (!close)
			return vrs_fail(err, VRS_EINVAL, "'%.80s' has no closing ]",
					text);
		host = text + 1;
		end = close;
		colon = close[1] == ':' ? close + 1 : NULL;
	} else if (colon) {
		end = colon;
	}
	(void)snprintf(a.host, sizeof(a.host), "%.*s", (int)(end - host), host);
	if (colon)
		(void)snprintf(a.port, sizeof(a.port), "%.*s",
			       (int)(text + len - colon - 1), colon + 1);
	else if (default_port)
		(void)vrs_strcpy(a.port, sizeof(a.port), default_port);
	int port = atoi(a.port);
	if (!a.host[0] || port < 1 || port > 65535)
		return vrs_fail(err, VRS_EINVAL, "'%.80s' is not HOST:PORT", text);
	*ret = a;
	return 0;
}

int connect_wait(int fd, short events, int64_t deadline_mono_ms, const char *what,
		 struct vrs_err *err)
{
	struct pollfd p = {.fd = fd, .events = events};

	for (;;) {
		int64_t left_ms = deadline_mono_ms - vrs_now_mono_ms();

		if (left_ms <= 0)
			return vrs_fail(err, VRS_ETIMEOUT, "%s in time", what);
		int n = poll(&p, 1, left_ms > 60000 ? 60000 : (int)left_ms);
		if (n > 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return vrs_fail_errno(err, "cannot poll");
	}
}

static int open_one(const struct addrinfo *ai, int64_t deadline_mono_ms, int *ret_fd,
		    struct vrs_err *err)
{
	int bad = 0, status = 0;
	socklen_t len = sizeof(bad);
	int fd = socket(ai->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return vrs_fail_errno(err, "cannot create a socket");
	if (connect(fd, ai->ai_addr, ai->ai_addrlen) < 0 && errno != EINPROGRESS)
		bad = errno;
	else if ((status = connect_wait(fd, POLLOUT, deadline_mono_ms, "no connection",
					err)) == 0 &&
		 getsockopt(fd, SOL_SOCKET, SO_ERROR, &bad, &len) < 0)
		bad = errno;
	if (bad)
		status = vrs_fail(err, VRS_ECONN, "%s", strerror(bad));
	if (status < 0)
		(void)close(fd);
	else
		*ret_fd = fd;
	return status;
}

int connect_open(const struct connect_address *a, int64_t deadline_mono_ms, int *ret_fd,
		 struct vrs_err *err)
{
	/* numbers first: these need no name server */
	struct addrinfo hint = {.ai_socktype = SOCK_STREAM,
				.ai_flags = AI_NUMERICSERV | AI_NUMERICHOST},
			*ai = NULL;
	int why = getaddrinfo(a->host, a->port, &hint, &ai);

	if (why == EAI_NONAME) {
		hint.ai_flags = AI_NUMERICSERV;
		why = getaddrinfo(a->host, a->port, &hint, &ai);
	}
	if (why)
		return vrs_fail(err, VRS_EINVAL, "%s: %s", a->host, gai_strerror(why));
	int status = open_one(ai, deadline_mono_ms, ret_fd, err);
	freeaddrinfo(ai);
	if (status < 0)
		vrs_context(err, "%s:%s", a->host, a->port);
	return status;
}
