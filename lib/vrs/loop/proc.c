#include "vrs/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vrs/clock.h"

extern char **environ;

enum { MAX_OUTPUT = 1 << 20 };

static void close_fd(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}

static int start(pid_t *ret, const char *const *argv, int in, int out, int err_fd)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	sigset_t none, defaults;

	(void)posix_spawn_file_actions_init(&files);
	(void)posix_spawn_file_actions_adddup2(&files, in, STDIN_FILENO);
	(void)posix_spawn_file_actions_adddup2(&files, out, STDOUT_FILENO);
	(void)posix_spawn_file_actions_adddup2(&files, err_fd, STDERR_FILENO);
	(void)posix_spawnattr_init(&attr);
	(void)sigemptyset(&none);
	(void)sigemptyset(&defaults);
	(void)sigaddset(&defaults, SIGPIPE);
	(void)sigaddset(&defaults, SIGTERM);
	(void)sigaddset(&defaults, SIGINT);
	(void)posix_spawnattr_setsigmask(&attr, &none);
	(void)posix_spawnattr_setsigdefault(&attr, &defaults);
	(void)posix_spawnattr_setpgroup(&attr, 0);
	(void)posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP |
						      POSIX_SPAWN_SETSIGMASK |
						      POSIX_SPAWN_SETSIGDEF);
	int rc = posix_spawnp(ret, argv[0], &files, &attr, (char *const *)(uintptr_t)argv,
			      environ);
	(void)posix_spawnattr_destroy(&attr);
	(void)posix_spawn_file_actions_destroy(&files);
	return rc;
}

/* Reads what is there; closes fd at its end. Beyond the bound it reads and forgets. */
static void take(int *fd, struct vrs_text *t)
{
	char buf[16384];
	ssize_t n = read(*fd, buf, sizeof(buf));

	if (n > 0) {
		size_t room = MAX_OUTPUT - t->len;

		vrs_text_add_bytes(t, buf, (size_t)n < room ? (size_t)n : room);
	} else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
		close_fd(fd);
	}
}

/* Feeds and drains until the child closed its ends or the deadline passed. */
static int talk(int in[2], int out[2], int err_fd[2], const char *bytes, size_t n_bytes,
		int64_t deadline_mono_ms, struct vrs_proc_result *r)
{
	while (out[0] >= 0 || err_fd[0] >= 0) {
		int64_t left = deadline_mono_ms - vrs_now_mono_ms();
		struct pollfd fds[3] = {
			{.fd = out[0], .events = POLLIN},
			{.fd = err_fd[0], .events = POLLIN},
			{.fd = in[1], .events = POLLOUT},
		};

		if (left <= 0)
			return VRS_ETIMEOUT;
		if (n_bytes == 0)
			close_fd(&in[1]);
		fds[2].fd = in[1];
		if (poll(fds, 3, left > 1000 ? 1000 : (int)left) < 0)
			continue;
		if (fds[0].revents)
			take(&out[0], &r->out);
		if (fds[1].revents)
			take(&err_fd[0], &r->err);
		if (in[1] >= 0 && fds[2].revents) {
			ssize_t n = write(in[1], bytes, n_bytes);

			if (n > 0) {
				bytes += n;
				n_bytes -= (size_t)n;
			} else if (n < 0 && errno != EAGAIN && errno != EINTR) {
				close_fd(&in[1]); /* it does not want to hear more */
				n_bytes = 0;
			}
		}
	}
	return 0;
}

/* Waits for the child until the deadline; false when it is still there. */
static bool reap(pid_t pid, int64_t deadline_mono_ms, int *ret_status)
{
	for (;;) {
		pid_t got = waitpid(pid, ret_status, WNOHANG);

		if (got == pid || (got < 0 && errno != EINTR))
			return true;
		if (vrs_now_mono_ms() >= deadline_mono_ms)
			return false;
		(void)poll(NULL, 0, 5);
	}
}

int vrs_proc_run(const char *const *argv, const void *in_bytes, size_t n_in,
		 int64_t timeout_ms, struct vrs_proc_result *ret, struct vrs_err *err)
{
	int in[2] = {-1, -1}, out[2] = {-1, -1}, err_fd[2] = {-1, -1};
	struct vrs_proc_result r = {0};
	int64_t deadline = vrs_now_mono_ms() + timeout_ms;
	int status, wait_status = 0;
	pid_t pid = -1;

	if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0 ||
	    pipe2(err_fd, O_CLOEXEC) < 0) {
		status = vrs_fail_errno(err, "run %s: pipe", argv[0]);
		goto out;
	}
	(void)fcntl(in[1], F_SETFL, O_NONBLOCK);
	(void)fcntl(out[0], F_SETFL, O_NONBLOCK);
	(void)fcntl(err_fd[0], F_SETFL, O_NONBLOCK);

	int rc = start(&pid, argv, in[0], out[1], err_fd[1]);
	if (rc != 0) {
		status = vrs_fail(err, VRS_ENOENT, "run %s: %s", argv[0], strerror(rc));
		goto out;
	}
	close_fd(&in[0]);
	close_fd(&out[1]);
	close_fd(&err_fd[1]);

	if (talk(in, out, err_fd, in_bytes, n_in, deadline, &r) < 0 ||
	    !reap(pid, deadline, &wait_status)) {
		(void)kill(-pid, SIGKILL);
		(void)waitpid(pid, &wait_status, 0);
		status = vrs_fail(err, VRS_ETIMEOUT, "run %s: no end within %lld ms",
				  argv[0], (long long)timeout_ms);
		goto out;
	}
	r.exit_code = WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : -1;
	r.signal = WIFSIGNALED(wait_status) ? WTERMSIG(wait_status) : 0;
	*ret = r;
	r = (struct vrs_proc_result){0};
	status = 0;
out:
	for (int i = 0; i < 2; i++) {
		close_fd(&in[i]);
		close_fd(&out[i]);
		close_fd(&err_fd[i]);
	}
	vrs_proc_result_fini(&r);
	return status;
}

void vrs_proc_result_fini(struct vrs_proc_result *r)
{
	vrs_text_fini(&r->out);
	vrs_text_fini(&r->err);
}

void vrs_proc_last_line(const struct vrs_text *said, char *buf, size_t size)
{
	size_t end = said->len, begin, n = 0;

	while (end > 0 && (unsigned char)said->text[end - 1] <= ' ')
		end--;
	begin = end;
	while (begin > 0 && said->text[begin - 1] != '\n')
		begin--;
	for (; begin < end && n + 1 < size; begin++) {
		unsigned char c = (unsigned char)said->text[begin];

		buf[n++] = c < ' ' || c == 0x7f ? ' ' : (char)c;
	}
	if (size > 0)
		buf[n] = '\0';
}
