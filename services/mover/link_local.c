#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "link.h"
#include "vrs/mem.h"

enum { PIPE_BYTES = 1 << 20, READ_BYTES = 1 << 18 };

struct link_local {
	struct link link;
	pid_t pid;
	int in, out; /* what it says, what we say */
	uint8_t buf[READ_BYTES];
};

static int local_step(struct link *l, bool want_write, int timeout_ms,
		      struct vrs_err *err)
{
	struct link_local *me = (struct link_local *)l;
	struct pollfd p[3] = {
		{.fd = me->in, .events = POLLIN},
		{.fd = l->wake_fd, .events = POLLIN},
		{.fd = want_write ? me->out : -1, .events = POLLOUT},
	};

	if (poll(p, 3, timeout_ms) < 0)
		return errno == EINTR ? 0 : vrs_fail_errno(err, "poll");
	if (p[1].revents)
		link_woken(l);
	if (!p[0].revents)
		return 0;
	ssize_t n = read(me->in, me->buf, sizeof(me->buf));
	if (n < 0)
		return errno == EINTR || errno == EAGAIN ? 0
							 : vrs_fail_errno(err, "read");
	if (n == 0)
		return vrs_fail(err, VRS_ECONN, "vrs-image ended");
	return l->on_bytes(l->arg, me->buf, (size_t)n, err);
}

static ssize_t local_write(struct link *l, const void *bytes, size_t n,
			   struct vrs_err *err)
{
	struct link_local *me = (struct link_local *)l;
	ssize_t done = write(me->out, bytes, n);

	if (done < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (done < 0)
		return vrs_fail(err, VRS_ECONN, "vrs-image ended");
	return done;
}

static void local_close(struct link *l)
{
	struct link_local *me = (struct link_local *)l;

	(void)close(me->out);
	(void)close(me->in);
	while (waitpid(me->pid, NULL, 0) < 0 && errno == EINTR)
		;
	link_fini(l);
	free(me);
}

static _Noreturn void become(const char *const *argv, int in, int out, pid_t parent)
{
	sigset_t none;

	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	if (getppid() != parent)
		_exit(126);
	(void)dup2(in, 0);
	(void)dup2(out, 1);
	(void)execv(argv[0], (char *const *)(uintptr_t)argv);
	_exit(127);
}

int link_local_open(struct link **ret, const char *program, const char *const *roots,
		    size_t n_roots, struct vrs_err *err)
{
	static const struct link_ops ops = {local_step, local_write, local_close};
	int to[2] = {-1, -1}, from[2] = {-1, -1};
	pid_t parent = getpid();

	if (access(program, X_OK) < 0)
		return vrs_fail_errno(err, "%s", program);
	if (pipe2(to, O_CLOEXEC) < 0)
		return vrs_fail_errno(err, "pipe");
	if (pipe2(from, O_CLOEXEC) < 0) {
		(void)close(to[0]);
		(void)close(to[1]);
		return vrs_fail_errno(err, "pipe");
	}
	const char **argv = vrs_calloc(2 * n_roots + 3, sizeof(*argv));
	argv[0] = program;
	argv[1] = "serve";
	for (size_t i = 0; i < n_roots; i++) {
		argv[2 + 2 * i] = "--root";
		argv[3 + 2 * i] = roots[i];
	}
	pid_t pid = fork();
	if (pid == 0)
		become(argv, to[0], from[1], parent);
	free(argv);
	(void)close(to[0]);
	(void)close(from[1]);
	if (pid < 0) {
		(void)close(to[1]);
		(void)close(from[0]);
		return vrs_fail_errno(err, "fork");
	}
	(void)fcntl(to[1], F_SETPIPE_SZ, PIPE_BYTES);
	(void)fcntl(from[0], F_SETPIPE_SZ, PIPE_BYTES);
	(void)fcntl(to[1], F_SETFL, O_NONBLOCK);
	(void)fcntl(from[0], F_SETFL, O_NONBLOCK);

	struct link_local *me = vrs_calloc(1, sizeof(*me));
	link_init(&me->link, &ops);
	me->pid = pid;
	me->out = to[1];
	me->in = from[0];
	*ret = &me->link;
	return 0;
}
