#include "image/disk/qemu_tools.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { IMG_TIMEOUT_MS = 600 * 1000 };

static int cannot_start(int status, const char *name, struct vrs_err *err)
{
	return status == VRS_ENOENT
		       ? vrs_fail(err, VRS_EUNSUPPORTED,
				  "%s is not installed (package qemu-utils)", name)
		       : status;
}

static int failed(const char *name, const struct vrs_text *output, struct vrs_err *err)
{
	char line[400];
	int code = VRS_EIO;

	vrs_proc_last_line(output, line, sizeof(line));
	if (strstr(line, "lock"))
		code = VRS_ECONFLICT;
	else if (strstr(line, "No space left"))
		code = VRS_ENOSPC;
	return vrs_fail(err, code, "%s: %s", name, *line ? line : "killed by a signal");
}

int qemu_nbd_start(struct qemu_nbd *ret, struct vrs_proc *p, struct vrs_err *err)
{
	int pipe_fd[2];

	if (pipe2(pipe_fd, O_CLOEXEC) < 0)
		return vrs_fail_errno(err, "cannot create a pipe");
	p->fd[0] = p->fd[1] = -1;
	p->fd[2] = pipe_fd[1];
	p->ends_with_us = true;
	int status = vrs_proc_start(&ret->pid, p, err);
	(void)close(pipe_fd[1]);
	if (status < 0) {
		(void)close(pipe_fd[0]);
		return cannot_start(status, p->argv[0], err);
	}
	ret->stderr_fd = pipe_fd[0];
	return 0;
}

int qemu_nbd_end(struct qemu_nbd *n, struct vrs_err *err)
{
	struct vrs_text output = {0};
	int how = 0;

	while (n->stderr_fd >= 0)
		vrs_proc_read(&n->stderr_fd, &output);
	while (waitpid(n->pid, &how, 0) < 0 && errno == EINTR)
		;
	n->pid = 0;
	int status = WIFEXITED(how) && WEXITSTATUS(how) == 0
			     ? 0
			     : failed("qemu-nbd", &output, err);
	vrs_text_fini(&output);
	return status;
}

int qemu_img_run(const char *const *argv, int dir_fd, struct vrs_err *err)
{
	struct vrs_proc p = {.argv = argv,
			     .keep_fd = &dir_fd,
			     .n_keep = 1,
			     .timeout_ms = IMG_TIMEOUT_MS,
			     .ends_with_us = true};
	struct vrs_proc_result r;
	int status = vrs_proc_run(&p, &r, err);

	if (status < 0)
		return cannot_start(status, argv[0], err);
	if (r.exit_code != 0)
		status = failed(argv[0], &r.err, err);
	vrs_proc_result_fini(&r);
	return status;
}
