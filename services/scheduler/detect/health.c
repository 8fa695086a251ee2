#include "detect/health.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vrs/clock.h"
#include "vrs/mem.h"

int health_parse(const char *text, struct health_address *ret, struct vrs_err *err)
{
	struct health_address a = {0};
	const char *p;

	if (strncmp(text, "http://", 7) == 0) {
		a.http = true;
		p = text + 7;
	} else if (strncmp(text, "tcp://", 6) == 0) {
		p = text + 6;
	} else {
		return vrs_fail(err, VRS_EINVAL,
				"health: '%.80s' is neither tcp:// nor http://", text);
	}
	size_t len = strcspn(p, "/");
	(void)vrs_strcpy(a.path, sizeof(a.path), p[len] ? p + len : "/");
	const char *host = p, *end = p + len;
	const char *colon = memrchr(p, ':', len);
	if (*p == '[') { /* an IPv6 address */
		const char *close = memchr(p, ']', len);

		if (!close)
			return vrs_fail(err, VRS_EINVAL, "health: '%.80s' lacks a ]",
					text);
		host = p + 1;
		end = close;
		colon = close[1] == ':' ? close + 1 : NULL;
	} else if (colon) {
		end = colon;
	}
	(void)snprintf(a.host, sizeof(a.host), "%.*s", (int)(end - host), host);
	if (colon)
		(void)snprintf(a.port, sizeof(a.port), "%.*s", (int)(p + len - colon - 1),
			       colon + 1);
	else if (a.http)
		(void)vrs_strcpy(a.port, sizeof(a.port), "80");
	int port = atoi(a.port);
	if (!a.host[0] || port < 1 || port > 65535 || strpbrk(a.path, " \r\n"))
		return vrs_fail(err, VRS_EINVAL, "health: '%.80s' names no host and port",
				text);
	*ret = a;
	return 0;
}

int health_status(const char *line)
{
	if (strncmp(line, "HTTP/1.", 7) != 0 || !line[7] || line[8] != ' ')
		return -1;
	int code = atoi(line + 9);
	return code >= 200 && code < 400 ? code : -1;
}

/* Waits until the socket is ready for events or the deadline has come. */
static int ready(int fd, short events, int64_t until_mono_ms)
{
	for (;;) {
		int64_t left_ms = until_mono_ms - vrs_now_mono_ms();
		struct pollfd p = {.fd = fd, .events = events};

		if (left_ms <= 0)
			return VRS_ETIMEOUT;
		int n = poll(&p, 1, (int)left_ms);
		if (n > 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return VRS_EIO;
	}
}

static int dial(const struct health_address *a, int64_t until_mono_ms, int *ret,
		struct vrs_err *err)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list = NULL;
	int bad = 0;
	socklen_t len = sizeof(bad);
	int why = getaddrinfo(a->host, a->port, &hints, &list);

	if (why != 0)
		return vrs_fail(err, VRS_ECONN, "health: %s: %s", a->host,
				gai_strerror(why));
	int fd = socket(list->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int status = fd < 0 ? VRS_EIO : 0;
	if (fd >= 0 && connect(fd, list->ai_addr, list->ai_addrlen) < 0)
		status = errno == EINPROGRESS ? ready(fd, POLLOUT, until_mono_ms)
					      : VRS_ECONN;
	freeaddrinfo(list);
	if (status == 0 &&
	    (getsockopt(fd, SOL_SOCKET, SO_ERROR, &bad, &len) < 0 || bad != 0))
		status = VRS_ECONN;
	if (status == 0) {
		*ret = fd;
		return 0;
	}
	if (fd >= 0)
		(void)close(fd);
	return vrs_fail(err, status, "health: %s:%s: %s", a->host, a->port,
			bad ? strerror(bad) : vrs_code_name(status));
}

static int ask_http(int fd, const struct health_address *a, int64_t until_mono_ms,
		    struct vrs_err *err)
{
	char request[640], answer[256] = "";
	size_t got = 0;

	(void)snprintf(request, sizeof(request),
		       "GET %s HTTP/1.0\r\nHost: %s\r\nConnection: close\r\n\r\n",
		       a->path, a->host);
	if (send(fd, request, strlen(request), MSG_NOSIGNAL) != (ssize_t)strlen(request))
		return vrs_fail(err, VRS_EIO, "health: %s does not take a question",
				a->host);
	while (got < sizeof(answer) - 1 && !strchr(answer, '\n')) {
		if (ready(fd, POLLIN, until_mono_ms) < 0)
			return vrs_fail(err, VRS_ETIMEOUT,
					"health: %s:%s accepts, but does not answer",
					a->host, a->port);
		ssize_t n = recv(fd, answer + got, sizeof(answer) - 1 - got, 0);
		if (n <= 0)
			break;
		got += (size_t)n;
		answer[got] = '\0';
	}
	if (health_status(answer) < 0)
		return vrs_fail(err, VRS_EIO, "health: %s:%s answers '%.*s'", a->host,
				a->port, (int)strcspn(answer, "\r\n"), answer);
	return 0;
}

int health_ask(const char *address, int64_t timeout_ms, struct vrs_err *err)
{
	int64_t until = vrs_now_mono_ms() + timeout_ms;
	struct health_address a;
	int fd = -1;
	int status = health_parse(address, &a, err);

	if (status == 0)
		status = dial(&a, until, &fd, err);
	if (status == 0 && a.http)
		status = ask_http(fd, &a, until, err);
	if (fd >= 0)
		(void)close(fd);
	return status;
}
