#include "image/disk/qemu_tools.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LISTEN_FD = 3 };

/* In the child; only calls that are safe between fork and exec of a program with threads,
 * and setenv, whose locks we never take elsewhere. */
static _Noreturn void become(const char *const *argv, const int *keep_fds, size_t n_keep,
			     int listen_fd, int err_fd, pid_t parent)
{
	int null_fd = open("/dev/null", O_RDWR);
	char pid[16];

	(void)prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		_exit(126);
	(void)dup2(null_fd, 0);
	(void)dup2(null_fd, 1);
	(void)dup2(err_fd, 2);
	for (size_t i = 0; i < n_keep; i++)
		(void)fcntl(keep_fds[i], F_SETFD, 0);
	if (listen_fd >= 0) {
		(void)dup2(listen_fd, LISTEN_FD);
		(void)fcntl(LISTEN_FD, F_SETFD, 0);
		(void)snprintf(pid, sizeof(pid), "%d", (int)getpid());
		(void)setenv("LISTEN_PID", pid, 1);
		(void)setenv("LISTEN_FDS", "1", 1);
	}
	(void)execvp(argv[0], (char *const *)(uintptr_t)argv);
	(void)!write(2, "not installed (package qemu-utils)\n", 35);
	_exit(127);
}

int run_start(const char *const *argv, const int *keep_fds, size_t n_keep, int listen_fd,
	      pid_t *ret_pid, int *ret_stderr, struct vrs_err *err)
{
	int pipe_fd[2];
	pid_t parent = getpid();

	if (pipe2(pipe_fd, O_CLOEXEC) < 0)
		return vrs_fail_errno(err, "pipe");
	pid_t pid = fork();
	if (pid < 0) {
		int status = vrs_fail_errno(err, "fork");

		(void)close(pipe_fd[0]);
		(void)close(pipe_fd[1]);
		return status;
	}
	if (pid == 0)
		become(argv, keep_fds, n_keep, listen_fd, pipe_fd[1], parent);
	(void)close(pipe_fd[1]);
	*ret_pid = pid;
	*ret_stderr = pipe_fd[0];
	return 0;
}

/* The last line that is not empty. */
static void last_line(char *text)
{
	size_t n = strlen(text);

	while (n > 0 && (text[n - 1] == '\n' || text[n - 1] == ' '))
		text[--n] = '\0';
	char *line = strrchr(text, '\n');
	if (line)
		memmove(text, line + 1, strlen(line + 1) + 1);
}

int run_end(pid_t pid, int stderr_fd, const char *name, struct vrs_err *err)
{
	char said[1024];
	size_t n = 0;
	int how = 0;

	for (;;) {
		char more[256];
		ssize_t got = read(stderr_fd, more, sizeof(more));

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		if (n + (size_t)got >= sizeof(said)) /* keep the end */
			n = 0;
		memcpy(said + n, more, (size_t)got);
		n += (size_t)got;
	}
	said[n] = '\0';
	(void)close(stderr_fd);
	while (waitpid(pid, &how, 0) < 0 && errno == EINTR)
		;
	if (WIFEXITED(how) && WEXITSTATUS(how) == 0)
		return 0;
	last_line(said);
	int code = VRS_EIO;
	if (WIFEXITED(how) && WEXITSTATUS(how) == 127)
		code = VRS_EUNSUPPORTED;
	else if (strstr(said, "lock"))
		code = VRS_ECONFLICT;
	else if (strstr(said, "No space left"))
		code = VRS_ENOSPC;
	return vrs_fail(err, code, "%s: %s", name, *said ? said : "ended by a signal");
}

int run_and_wait(const char *const *argv, int keep_fd, struct vrs_err *err)
{
	pid_t pid;
	int stderr_fd;
	int status = run_start(argv, &keep_fd, 1, -1, &pid, &stderr_fd, err);

	return status < 0 ? status : run_end(pid, stderr_fd, argv[0], err);
}
