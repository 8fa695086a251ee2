#include "detect/health.h"

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
	if (strpbrk(a.path, " \r\n"))
		return vrs_fail(err, VRS_EINVAL, "health: '%.80s' is not a URL", text);
	int status = connect_parse(p, a.http ? "80" : NULL, &a.at, err);
	if (status < 0) {
		vrs_context(err, "health");
		return status;
	}
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

static int get(int fd, const struct health_address *a, int64_t deadline_mono_ms,
	       struct vrs_err *err)
{
	char request[640], answer[256] = "";
	size_t got = 0;

	(void)snprintf(request, sizeof(request),
		       "GET %s HTTP/1.0\r\nHost: %s\r\nConnection: close\r\n\r\n",
		       a->path, a->at.host);
	if (send(fd, request, strlen(request), MSG_NOSIGNAL) != (ssize_t)strlen(request))
		return vrs_fail(err, VRS_EIO, "health: cannot send to %s:%s", a->at.host,
				a->at.port);
	while (got < sizeof(answer) - 1 && !strchr(answer, '\n')) {
		if (connect_wait(fd, POLLIN, deadline_mono_ms, "", NULL) < 0)
			return vrs_fail(
				err, VRS_ETIMEOUT,
				"health: %s:%s accepts connections but does not answer",
				a->at.host, a->at.port);
		ssize_t n = recv(fd, answer + got, sizeof(answer) - 1 - got, 0);
		if (n <= 0)
			break;
		got += (size_t)n;
		answer[got] = '\0';
	}
	if (health_status(answer) < 0)
		return vrs_fail(err, VRS_EIO, "health: %s:%s answers '%.*s'", a->at.host,
				a->at.port, (int)strcspn(answer, "\r\n"), answer);
	return 0;
}

int health_check(const char *address, int64_t timeout_ms, struct vrs_err *err)
{
	int64_t deadline_ms = vrs_now_mono_ms() + timeout_ms;
	struct health_address a;
	int fd = -1;
	int status = health_parse(address, &a, err);

	if (status == 0 && (status = connect_open(&a.at, deadline_ms, &fd, err)) < 0)
		vrs_context(err, "health");
	if (status == 0 && a.http)
		status = get(fd, &a, deadline_ms, err);
	if (fd >= 0)
		(void)close(fd);
	return status;
}
