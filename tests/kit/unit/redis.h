/* redis.h - a Redis of one's own: on a unix socket in a fresh folder, gone with the test.
 *
 * redis_start, redis_kill9, redis_restart (same folder, so the same data) and redis_stop.
 * It dies with the test program, whatever happens to that. */
#ifndef TESTS_REDIS_H
#define TESTS_REDIS_H

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "folder.h"
#include "vrs/store.h"

struct redis {
	char dir[64];
	char socket[96];
	char address[112];   /* unix:... as store.h wants it */
	const char *fsync;   /* everysec unless set before redis_start */
	const char *aclfile; /* NULL: none */
	pid_t pid;           /* 0: not running */
};

static inline int redis_ready(const struct redis *r)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	char answer[8] = "";
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", r->socket);
	int ready =
		connect(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0 &&
		send(fd, "PING\r\n", 6, MSG_NOSIGNAL) == 6 &&
		recv(fd, answer, 5, 0) == 5 &&
		(strncmp(answer, "+PONG", 5) == 0 || strncmp(answer, "-NOAU", 5) == 0);
	(void)close(fd);
	return ready;
}

static inline void redis_restart(struct redis *r)
{
	assert_int_equal(r->pid, 0);
	r->pid = fork();
	if (r->pid == 0) {
		char log[96];

		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		(void)snprintf(log, sizeof(log), "%s/log", r->dir);
		execlp("redis-server", "redis-server", "--port", "0", "--unixsocket",
		       r->socket, "--unixsocketperm", "700", "--appendonly", "yes",
		       "--appendfsync", r->fsync ? r->fsync : "everysec", "--save", "",
		       "--dir", r->dir, "--logfile", log, "--daemonize", "no",
		       r->aclfile ? "--aclfile" : NULL, r->aclfile, (char *)NULL);
		_exit(127);
	}
	assert_true(r->pid > 0);
	for (int tries = 0; !redis_ready(r); tries++) {
		if (tries == 3000 || waitpid(r->pid, NULL, WNOHANG) != 0)
			fail_msg("redis-server did not come up, see %s/log", r->dir);
		(void)poll(NULL, 0, 10); /* a foreign process: asked until it answers */
	}
}

/* The struct is zero but for what may be set before. */
static inline void redis_start(struct redis *r)
{
	(void)snprintf(r->dir, sizeof(r->dir), "/tmp/vrs-redis-XXXXXX");
	assert_non_null(mkdtemp(r->dir));
	(void)snprintf(r->socket, sizeof(r->socket), "%s/s", r->dir);
	(void)snprintf(r->address, sizeof(r->address), "unix:%s", r->socket);
	redis_restart(r);
}

static inline void redis_end(struct redis *r, int sig)
{
	if (r->pid <= 0)
		return;
	(void)kill(r->pid, sig);
	(void)waitpid(r->pid, NULL, 0);
	r->pid = 0;
}

static inline void redis_kill9(struct redis *r)
{
	redis_end(r, SIGKILL);
}

static inline void redis_stop(struct redis *r)
{
	redis_end(r, SIGTERM);
	remove_tree(r->dir);
}

static inline struct vrs_store *redis_store(const struct redis *r)
{
	struct vrs_store_conf conf = {.address = r->address};
	struct vrs_store *s = NULL;
	struct vrs_err err = {0};

	assert_ok(vrs_store_open(&s, &conf, &err), &err);
	return s;
}

#endif
