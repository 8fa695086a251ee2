#include "vrs/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vrs/clock.h"

/* FD_FLOOR: above the descriptors that the child rearranges. */
enum { MAX_OUTPUT = 1 << 20, FD_FLOOR = 10 };

static void close_fd(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}

/* Runs in the child, so it calls only functions that are safe between fork and exec in a
 * program with threads, and setenv, whose lock no other code here takes. */
static _Noreturn void become(const struct vrs_proc *p, int report_fd, pid_t parent)
{
	static const int defaults[] = {SIGPIPE, SIGTERM, SIGINT};
	int fd[] = {p->fd[0], p->fd[1], p->fd[2], p->listen_fd > 0 ? p->listen_fd : -1};
	int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	char pid[16];
	sigset_t none;

	if (p->own_group)
		(void)setpgid(0, 0);
	if (p->ends_with_us)
		(void)prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (p->ends_with_us && getppid() != parent)
		_exit(126);
	report_fd = fcntl(report_fd, F_DUPFD_CLOEXEC, FD_FLOOR);
	for (int i = 0; i < 4; i++)
		fd[i] = fcntl(fd[i] < 0 ? null_fd : fd[i], F_DUPFD_CLOEXEC, FD_FLOOR);
	(void)close_range(3, ~0u, CLOSE_RANGE_CLOEXEC);
	for (int i = 0; i < (p->listen_fd > 0 ? 4 : 3); i++)
		(void)dup2(fd[i], i);
	for (size_t i = 0; i < p->n_keep; i++)
		(void)fcntl(p->keep_fd[i], F_SETFD, 0);
	if (p->listen_fd > 0) {
		(void)snprintf(pid, sizeof(pid), "%d", (int)getpid());
		(void)setenv("LISTEN_PID", pid, 1);
		(void)setenv("LISTEN_FDS", "1", 1);
	}
	for (int i = 0; i < 3; i++)
		(void)signal(defaults[i], SIG_DFL);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)execvp(p->argv[0], (char *const *)(uintptr_t)p->argv);
	int why = errno;
	(void)!write(report_fd, &why, sizeof(why));
	_exit(127);
}

int vrs_proc_start(pid_t *ret, const struct vrs_proc *p, struct vrs_err *err)
{
	pid_t parent = getpid();
	int report[2], why = 0;
	ssize_t n;

	if (pipe2(report, O_CLOEXEC) < 0)
		return vrs_fail_errno(err, "cannot run %s: pipe", p->argv[0]);
	pid_t pid = fork();
	if (pid == 0)
		become(p, report[1], parent);
	int status = pid < 0 ? vrs_fail_errno(err, "cannot run %s: fork", p->argv[0]) : 0;
	(void)close(report[1]);
	do /* end of file without a byte: exec has closed the other end */
		n = read(report[0], &why, sizeof(why));
	while (n < 0 && errno == EINTR);
	(void)close(report[0]);
	if (status == 0 && n == (ssize_t)sizeof(why)) {
		(void)waitpid(pid, NULL, 0);
		status = vrs_fail(err, VRS_ENOENT, "cannot run %s: %s", p->argv[0],
				  strerror(why));
	}
	if (status == 0)
		*ret = pid;
	return status;
}

void vrs_proc_read(int *fd, struct vrs_text *t)
{
	char buf[16384];
	ssize_t n = read(*fd, buf, sizeof(buf));

	if (n > 0) {
		size_t left = MAX_OUTPUT - t->len;

		vrs_text_add_bytes(t, buf, (size_t)n < left ? (size_t)n : left);
	} else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
		close_fd(fd);
	}
}

/* The parent's ends of a program that is running. */
struct pipes {
	int in[2], out[2], err[2];
};

static void pipes_close(struct pipes *p)
{
	for (int i = 0; i < 2; i++) {
		close_fd(&p->in[i]);
		close_fd(&p->out[i]);
		close_fd(&p->err[i]);
	}
}

/* Writes input and reads output until the child closes its ends or the deadline passes.
 */
static int exchange(struct pipes *p, const struct vrs_proc *proc,
		    int64_t deadline_mono_ms, struct vrs_proc_result *r)
{
	const char *bytes = proc->in;
	size_t n_bytes = proc->n_in;

	while (p->out[0] >= 0 || p->err[0] >= 0) {
		int64_t left = deadline_mono_ms - vrs_now_mono_ms();

		if (left <= 0)
			return VRS_ETIMEOUT;
		if (n_bytes == 0)
			close_fd(&p->in[1]);
		struct pollfd fds[3] = {
			{.fd = p->out[0], .events = POLLIN},
			{.fd = p->err[0], .events = POLLIN},
			{.fd = p->in[1], .events = POLLOUT},
		};
		if (poll(fds, 3, left > 1000 ? 1000 : (int)left) < 0)
			continue;
		if (fds[0].revents)
			vrs_proc_read(&p->out[0], &r->out);
		if (fds[1].revents)
			vrs_proc_read(&p->err[0], &r->err);
		if (fds[2].revents) {
			ssize_t n = write(p->in[1], bytes, n_bytes);

			if (n > 0) {
				bytes += n;
				n_bytes -= (size_t)n;
			} else if (n < 0 && errno != EAGAIN && errno != EINTR) {
				n_bytes = 0; /* the child has closed its input */
			}
		}
	}
	return 0;
}

bool vrs_proc_reap(pid_t pid, int64_t wait_ms, int *ret_status)
{
	int64_t deadline_mono_ms = vrs_now_mono_ms() + wait_ms;

	for (;;) {
		pid_t got = waitpid(pid, ret_status, WNOHANG);

		if (got == pid || (got < 0 && errno != EINTR))
			return true;
		if (vrs_now_mono_ms() >= deadline_mono_ms)
			return false;
		(void)poll(NULL, 0, 5);
	}
}

int vrs_proc_run(const struct vrs_proc *proc, struct vrs_proc_result *ret,
		 struct vrs_err *err)
{
	struct pipes p = {{-1, -1}, {-1, -1}, {-1, -1}};
	struct vrs_proc_result r = {0};
	struct vrs_proc start = *proc;
	int64_t deadline = vrs_now_mono_ms() + proc->timeout_ms;
	int status, wait_status = 0;
	pid_t pid = -1;

	if (pipe2(p.in, O_CLOEXEC) < 0 || pipe2(p.out, O_CLOEXEC) < 0 ||
	    pipe2(p.err, O_CLOEXEC) < 0) {
		status = vrs_fail_errno(err, "cannot run %s: pipe", proc->argv[0]);
		goto out;
	}
	(void)fcntl(p.in[1], F_SETFL, O_NONBLOCK);
	(void)fcntl(p.out[0], F_SETFL, O_NONBLOCK);
	(void)fcntl(p.err[0], F_SETFL, O_NONBLOCK);
	start.fd[0] = p.in[0];
	start.fd[1] = p.out[1];
	start.fd[2] = p.err[1];
	start.own_group = true;
	if ((status = vrs_proc_start(&pid, &start, err)) < 0)
		goto out;
	close_fd(&p.in[0]);
	close_fd(&p.out[1]);
	close_fd(&p.err[1]);

	if (exchange(&p, proc, deadline, &r) < 0 ||
	    !vrs_proc_reap(pid, deadline - vrs_now_mono_ms(), &wait_status)) {
		(void)kill(-pid, SIGKILL);
		(void)waitpid(pid, &wait_status, 0);
		status = vrs_fail(err, VRS_ETIMEOUT,
				  "%s: killed because it still ran after %lld ms",
				  proc->argv[0], (long long)proc->timeout_ms);
		goto out;
	}
	r.exit_code = WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : -1;
	r.signal = WIFSIGNALED(wait_status) ? WTERMSIG(wait_status) : 0;
	*ret = r;
	r = (struct vrs_proc_result){0};
out:
	pipes_close(&p);
	vrs_proc_result_fini(&r);
	return status;
}

void vrs_proc_result_fini(struct vrs_proc_result *r)
{
	vrs_text_fini(&r->out);
	vrs_text_fini(&r->err);
}

void vrs_proc_last_line(const struct vrs_text *output, char *buf, size_t size)
{
	size_t end = output->len, begin, n = 0;

	while (end > 0 && (unsigned char)output->text[end - 1] <= ' ')
		end--;
	begin = end;
	while (begin > 0 && output->text[begin - 1] != '\n')
		begin--;
	for (; begin < end && n + 1 < size; begin++) {
		unsigned char c = (unsigned char)output->text[begin];

		buf[n++] = c < ' ' || c == 0x7f ? ' ' : (char)c;
	}
	if (size > 0)
		buf[n] = '\0';
}
