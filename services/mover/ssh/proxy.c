#include "ssh/proxy.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ssh/shell.h"
#include "vrs/mem.h"
#include "vrs/proc.h"

enum { STDERR_BYTES = 4096, EXIT_WAIT_MS = 500 };

struct proxy {
	pid_t pid;
	int stderr_fd; /* a file in memory, so that the program never waits for us */
};

int proxy_expand(char **ret, const char *command, const struct proxy_names *names,
		 struct vrs_err *err)
{
	struct vrs_text t = {0};

	vrs_text_add(&t, "exec ");
	for (const char *s = command; *s; s++) {
		if (*s != '%') {
			vrs_text_add(&t, "%c", *s);
			continue;
		}
		switch (*++s) {
		case '%':
			vrs_text_add(&t, "%%");
			break;
		case 'h':
			vrs_text_add(&t, "%s", names->host);
			break;
		case 'n':
			vrs_text_add(&t, "%s", names->original_host);
			break;
		case 'p':
			vrs_text_add(&t, "%u", names->port);
			break;
		case 'r':
			vrs_text_add(&t, "%s", names->user);
			break;
		default:
			vrs_text_fini(&t);
			return vrs_fail(err, VRS_EINVAL,
					"ProxyCommand %.200s: only %%h %%n %%p %%r and "
					"%%%% are supported",
					command);
		}
	}
	*ret = t.text;
	return 0;
}

char *proxy_jump(const char *command, const char *settings_file, bool quiet)
{
	struct vrs_text t = {0};

	if (strncmp(command, "ssh ", 4) != 0 || !strstr(command, " -W '[%h]:%p' "))
		return vrs_strdup(command);
	vrs_text_add(&t, "ssh");
	if (settings_file) {
		struct vrs_text word = {0};

		shell_quote(&word, settings_file);
		vrs_text_add(&t, " -F ");
		for (const char *s = word.text; *s; s++) /* proxy_expand runs later */
			vrs_text_add(&t, *s == '%' ? "%%%%" : "%c", *s);
		vrs_text_fini(&word);
	}
	if (quiet)
		vrs_text_add(&t, " -o BatchMode=yes");
	vrs_text_add(&t, "%s", command + 3);
	return t.text;
}

int proxy_start(struct proxy **ret, int *ret_fd, const char *command, struct vrs_err *err)
{
	const char *argv[] = {"/bin/sh", "-c", command, NULL};
	struct proxy *p = vrs_calloc(1, sizeof(*p));
	int pair[2] = {-1, -1};
	int status = 0;

	p->stderr_fd = memfd_create("proxy", MFD_CLOEXEC);
	if (p->stderr_fd < 0 ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		status = vrs_fail_errno(err, "cannot start the ProxyCommand");
	if (status == 0)
		status = vrs_proc_start(
			&p->pid,
			&(struct vrs_proc){.argv = argv,
					   .fd = {pair[1], pair[1], p->stderr_fd}},
			err);
	if (pair[1] >= 0)
		(void)close(pair[1]);
	if (status < 0) {
		if (pair[0] >= 0)
			(void)close(pair[0]);
		proxy_end(p);
		return status;
	}
	*ret = p;
	*ret_fd = pair[0];
	return 0;
}

void proxy_last_line(const struct proxy *p, char *buf, size_t size)
{
	char text[STDERR_BYTES];
	off_t end = lseek(p->stderr_fd, 0, SEEK_CUR); /* shared with the program */
	off_t from = end > STDERR_BYTES ? end - STDERR_BYTES : 0;
	ssize_t n = end > 0 ? pread(p->stderr_fd, text, (size_t)(end - from), from) : 0;

	struct vrs_text output = {.text = text, .len = n > 0 ? (size_t)n : 0};

	vrs_proc_last_line(&output, buf, size);
}

/* The program should end when its input closes; otherwise it gets SIGTERM, then SIGKILL.
 */
static void reap(pid_t pid)
{
	int how;

	(void)kill(pid, SIGTERM);
	if (vrs_proc_reap(pid, EXIT_WAIT_MS, &how))
		return;
	(void)kill(pid, SIGKILL);
	(void)vrs_proc_reap(pid, EXIT_WAIT_MS, &how);
}

void proxy_end(struct proxy *p)
{
	if (!p)
		return;
	if (p->pid > 0)
		reap(p->pid);
	if (p->stderr_fd >= 0)
		(void)close(p->stderr_fd);
	free(p);
}
