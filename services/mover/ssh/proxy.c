#include "ssh/proxy.h"

#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "ssh/shell.h"
#include "vrs/mem.h"

enum { SAID_BYTES = 4096, PATIENCE_MS = 500 };

extern char **environ;

struct proxy {
	pid_t pid;
	int said_fd; /* its stderr: a file in memory, so that it never waits for us */
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
					"%%%% are known",
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
		for (const char *s = word.text; *s; s++) /* proxy_expand comes after us */
			vrs_text_add(&t, *s == '%' ? "%%%%" : "%c", *s);
		vrs_text_fini(&word);
	}
	if (quiet)
		vrs_text_add(&t, " -o BatchMode=yes");
	vrs_text_add(&t, "%s", command + 3);
	return t.text;
}

static int spawn(struct proxy *p, int fd, const char *command, struct vrs_err *err)
{
	const char *argv[] = {"/bin/sh", "-c", command, NULL};
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	sigset_t usual;

	(void)posix_spawn_file_actions_init(&files);
	(void)posix_spawnattr_init(&attr);
	(void)posix_spawn_file_actions_adddup2(&files, fd, STDIN_FILENO);
	(void)posix_spawn_file_actions_adddup2(&files, fd, STDOUT_FILENO);
	(void)posix_spawn_file_actions_adddup2(&files, p->said_fd, STDERR_FILENO);
	(void)posix_spawn_file_actions_addclosefrom_np(&files, STDERR_FILENO + 1);
	(void)sigemptyset(&usual);
	(void)posix_spawnattr_setsigmask(&attr, &usual);
	(void)sigaddset(&usual, SIGPIPE);
	(void)posix_spawnattr_setsigdefault(&attr, &usual);
	(void)posix_spawnattr_setflags(&attr,
				       POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
	int rc = posix_spawn(&p->pid, argv[0], &files, &attr,
			     (char *const *)(uintptr_t)argv, environ);
	(void)posix_spawnattr_destroy(&attr);
	(void)posix_spawn_file_actions_destroy(&files);
	return rc ? vrs_fail(err, VRS_EIO, "cannot start the ProxyCommand: %s",
			     strerror(rc))
		  : 0;
}

int proxy_start(struct proxy **ret, int *ret_fd, const char *command, struct vrs_err *err)
{
	struct proxy *p = vrs_calloc(1, sizeof(*p));
	int pair[2] = {-1, -1};
	int status = 0;

	p->said_fd = memfd_create("proxy", MFD_CLOEXEC);
	if (p->said_fd < 0 ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		status = vrs_fail_errno(err, "cannot start the ProxyCommand");
	if (status == 0)
		status = spawn(p, pair[1], command, err);
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

void proxy_said(const struct proxy *p, char *buf, size_t size)
{
	char text[SAID_BYTES + 1];
	off_t end = lseek(p->said_fd, 0, SEEK_CUR); /* shared with the program */
	off_t from = end > SAID_BYTES ? end - SAID_BYTES : 0;
	ssize_t n = end > 0 ? pread(p->said_fd, text, (size_t)(end - from), from) : 0;

	while (n > 0 && (unsigned char)text[n - 1] <= ' ')
		n--;
	text[n > 0 ? n : 0] = '\0';
	char *line = strrchr(text, '\n');
	line = line ? line + 1 : text;
	for (char *c = line; *c; c++)
		if ((unsigned char)*c < ' ')
			*c = ' ';
	(void)vrs_strcpy(buf, size, line);
}

/* What it should have noticed by its input it is told, then it has no choice. */
static void reap(pid_t pid)
{
	static const int signals[] = {SIGTERM, SIGKILL};
	struct timespec step = {0, 10 * 1000000};

	for (size_t i = 0; i < 2; i++) {
		(void)kill(pid, signals[i]);
		for (int ms = 0; ms < PATIENCE_MS; ms += 10) {
			if (waitpid(pid, NULL, WNOHANG) != 0)
				return;
			(void)nanosleep(&step, NULL);
		}
	}
}

void proxy_end(struct proxy *p)
{
	if (!p)
		return;
	if (p->pid > 0)
		reap(p->pid);
	if (p->said_fd >= 0)
		(void)close(p->said_fd);
	free(p);
}
