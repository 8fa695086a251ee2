/* bus_world.h - what tests of the bus share: a loop that runs until something is so,
 * other processes that answer (this program again, as `replica`), and raw sockets that
 * misbehave. */
#ifndef TESTS_BUS_WORLD_H
#define TESTS_BUS_WORLD_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "vrs/bus.h"
#include "vrs/clock.h"

enum { PATIENCE_MS = 20000 };

struct until {
	struct vrs_loop *loop;
	bool (*cond)(void *arg);
	void *arg;
	bool held;
};

static inline void until_check(void *arg)
{
	struct until *u = arg;

	u->held = u->cond(u->arg);
	if (u->held)
		vrs_loop_stop(u->loop);
}

static inline void until_late(void *arg)
{
	vrs_loop_stop(((struct until *)arg)->loop);
}

/* Runs the loop until cond holds; false after PATIENCE_MS. */
static inline bool run_until(struct vrs_loop *loop, bool (*cond)(void *arg), void *arg)
{
	struct until u = {loop, cond, arg, cond(arg)};
	struct vrs_err err = {0};

	if (u.held)
		return true;
	struct vrs_timer *every = vrs_loop_every(loop, 2, until_check, &u);
	struct vrs_timer *late = vrs_loop_every(loop, PATIENCE_MS, until_late, &u);
	assert_ok(vrs_loop_run(loop, &err), &err);
	vrs_timer_cancel(every);
	vrs_timer_cancel(late);
	return u.held || cond(arg);
}

/* This program again, with these arguments; ends with us. */
static inline pid_t spawn_self(const char *const *argv)
{
	pid_t pid = fork();

	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		execv("/proc/self/exe", (char *const *)argv);
		_exit(127);
	}
	assert_true(pid > 0);
	return pid;
}

static inline void reap(pid_t *pid, int sig)
{
	if (*pid <= 0)
		return;
	(void)kill(*pid, SIGCONT);
	(void)kill(*pid, sig);
	(void)waitpid(*pid, NULL, 0);
	*pid = 0;
}

static inline int tcp_connect(const char *url)
{
	struct sockaddr_in addr = {
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)atoi(strrchr(url, ':') + 1)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	struct timeval limit = {.tv_sec = PATIENCE_MS / 1000};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)),
			 0);
	return fd;
}

static inline int ipc_connect(const char *url)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)snprintf(addr.sun_path, sizeof(addr.sun_path), "%s",
		       url + strlen("ipc://"));
	assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	return fd;
}

/* The greeting of a PUB (0x20) or REQ (0x30) peer, and the answer to it. */
static inline void sp_hello(int fd, unsigned char proto)
{
	unsigned char hello[8] = {0, 'S', 'P', 0, 0, proto, 0, 0}, answer[8];

	assert_int_equal(send(fd, hello, 8, MSG_NOSIGNAL), 8);
	assert_int_equal(recv(fd, answer, 8, MSG_WAITALL), 8);
}

static inline void sp_length(unsigned char out[8], uint64_t n)
{
	for (int i = 0; i < 8; i++)
		out[i] = (unsigned char)(n >> (56 - 8 * i));
}

/* One message on a raw connection; a request needs its id in front. */
static inline void sp_send(int fd, bool request, const void *bytes, size_t n)
{
	static const unsigned char id[4] = {0x80, 0, 0, 1};
	unsigned char head[8];

	sp_length(head, n + (request ? sizeof(id) : 0));
	assert_int_equal(send(fd, head, 8, MSG_NOSIGNAL), 8);
	if (request)
		assert_int_equal(send(fd, id, sizeof(id), MSG_NOSIGNAL), sizeof(id));
	for (size_t done = 0; done < n;) {
		ssize_t k = send(fd, (const char *)bytes + done, n - done, MSG_NOSIGNAL);

		assert_true(k > 0);
		done += (size_t)k;
	}
}

/* The peer hangs up. */
static inline void assert_hung_up(int fd)
{
	char c;

	while (recv(fd, &c, 1, 0) > 0)
		continue;
	assert_true(recv(fd, &c, 1, MSG_DONTWAIT) <= 0);
}

static inline uint64_t address_space_bytes(void)
{
	unsigned long pages = 0;
	FILE *f = fopen("/proc/self/statm", "re");

	assert_non_null(f);
	assert_int_equal(fscanf(f, "%lu", &pages), 1);
	(void)fclose(f);
	return (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

#endif
