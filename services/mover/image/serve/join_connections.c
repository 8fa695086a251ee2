/* A mover that wants several connections starts a vrs-image at the end of each. All but
 * the first hand their pipes to the first, so that one process owns the image. */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "image/serve/serve_parts.h"

static const char prefix[] = "vrs-image-";
enum { RANDOM_BYTES = 16, N_PIPES = 2 };

union control {
	char bytes[CMSG_SPACE(N_PIPES * sizeof(int))];
	struct cmsghdr align;
};

static socklen_t address(struct sockaddr_un *ret, const char *name)
{
	size_t n = strlen(name);

	memset(ret, 0, sizeof(*ret));
	ret->sun_family = AF_UNIX;
	memcpy(ret->sun_path + 1, name, n); /* a leading 0: no file */
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + n);
}

int join_listen(char name[JOIN_NAME_BYTES], int *ret_fd, struct vrs_err *err)
{
	uint8_t secret[RANDOM_BYTES];
	struct sockaddr_un at;

	if (getrandom(secret, sizeof(secret), 0) != (ssize_t)sizeof(secret))
		return vrs_fail_errno(err, "cannot read random bytes");
	int n = snprintf(name, JOIN_NAME_BYTES, "%s", prefix);
	for (int i = 0; i < RANDOM_BYTES; i++)
		n += snprintf(name + n, (size_t)(JOIN_NAME_BYTES - n), "%02x", secret[i]);

	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return vrs_fail_errno(err, "cannot create a socket");
	socklen_t len = address(&at, name);
	if (bind(fd, (struct sockaddr *)&at, len) < 0 || listen(fd, 8) < 0) {
		int status = vrs_fail_errno(err, "cannot create a socket");

		(void)close(fd);
		return status;
	}
	*ret_fd = fd;
	return 0;
}

static bool same_user(int fd)
{
	struct ucred who;
	socklen_t len = sizeof(who);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) == 0 &&
	       who.uid == geteuid();
}

/* Takes what it was given, wanted or not, so that nothing stays open. */
static int take_pipes(struct msghdr *m, int pipes[N_PIPES])
{
	int n = 0, all[N_PIPES];

	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		size_t got = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < got && n < N_PIPES; i++)
			memcpy(&all[n++], CMSG_DATA(c) + i * sizeof(int), sizeof(int));
	}
	if (n == N_PIPES) {
		memcpy(pipes, all, sizeof(all));
		return 0;
	}
	for (int i = 0; i < n; i++)
		(void)close(all[i]);
	return -1;
}

int join_accept(int listen_fd, int *ret_in, int *ret_out, int *ret_conn,
		uint32_t *ret_seq)
{
	struct timeval soon = {.tv_sec = 5};
	union control control;
	uint8_t seq[4];
	struct iovec iov = {seq, sizeof(seq)};
	struct msghdr m = {.msg_iov = &iov,
			   .msg_iovlen = 1,
			   .msg_control = control.bytes,
			   .msg_controllen = sizeof(control.bytes)};
	int pipes[N_PIPES];
	int conn = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);

	if (conn < 0)
		return 0;
	(void)setsockopt(conn, SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof(soon));
	if (!same_user(conn) || recvmsg(conn, &m, MSG_CMSG_CLOEXEC) != sizeof(seq) ||
	    take_pipes(&m, pipes) < 0) {
		(void)close(conn);
		return 0;
	}
	memcpy(ret_seq, seq, sizeof(seq));
	*ret_in = pipes[0];
	*ret_out = pipes[1];
	*ret_conn = conn;
	return 1;
}

int join_other(const char *name, int in_fd, int out_fd, uint32_t seq, struct vrs_err *err)
{
	struct sockaddr_un at;
	union control control = {.bytes = {0}};
	uint8_t bytes[4];
	struct iovec iov = {bytes, sizeof(bytes)};
	struct msghdr m = {.msg_iov = &iov,
			   .msg_iovlen = 1,
			   .msg_control = control.bytes,
			   .msg_controllen = sizeof(control.bytes)};
	int pipes[N_PIPES] = {in_fd, out_fd};
	char byte;

	if (strncmp(name, prefix, sizeof(prefix) - 1) != 0 ||
	    strlen(name) >= JOIN_NAME_BYTES)
		return vrs_fail(err, VRS_EPARSE, "invalid name of the vrs-image to join");
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return vrs_fail_errno(err, "cannot create a socket");
	socklen_t len = address(&at, name);
	if (connect(fd, (struct sockaddr *)&at, len) < 0 || !same_user(fd)) {
		(void)close(fd);
		return vrs_fail(err, VRS_ECONN,
				"the vrs-image to join is not running on this host");
	}
	memcpy(bytes, &seq, sizeof(bytes));
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(pipes));
	memcpy(CMSG_DATA(c), pipes, sizeof(pipes));
	int status = sendmsg(fd, &m, MSG_NOSIGNAL) == (ssize_t)sizeof(bytes)
			     ? 0
			     : vrs_fail_errno(err, "cannot join");
	/* sshd takes our end for the end of the pipes */
	while (status == 0 && read(fd, &byte, 1) < 0 && errno == EINTR)
		;
	(void)close(fd);
	return status;
}
