#include "cli/cmd.h"

#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "ssh/program_file.h"
#include "vrs/mem.h"

int cmd_fail(const struct vrs_err *err)
{
	(void)fprintf(stderr, "vrs-mover: %s\n", err->text);
	return vrs_exit_code(err->code);
}

void cmd_print_json_string(const char *s)
{
	(void)putchar('"');
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			printf("\\%c", *s);
		else if ((unsigned char)*s < ' ')
			printf("\\u%04x", (unsigned)(unsigned char)*s);
		else
			(void)putchar(*s);
	}
	(void)putchar('"');
}

/* Once for all connections; the last answer is given again. */
static int cmd_ask(const char *prompt, char *buf, size_t len, int echo, int again,
		   void *arg)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	static char answer[256];
	struct termios was, quiet;

	(void)arg;
	(void)pthread_mutex_lock(&lock);
	if (again)
		answer[0] = '\0';
	int tty = *answer ? -1 : open("/dev/tty", O_RDWR | O_CLOEXEC);
	if (tty >= 0 && tcgetattr(tty, &was) == 0) {
		quiet = was;
		if (!echo)
			quiet.c_lflag &= ~(tcflag_t)ECHO;
		(void)tcsetattr(tty, TCSAFLUSH, &quiet);
		/* now: what is typed from here on is not thrown away */
		(void)dprintf(tty, "%s: ", prompt && *prompt ? prompt : "Passphrase");
		ssize_t n = read(tty, answer, sizeof(answer) - 1);
		answer[n > 0 ? n : 0] = '\0';
		answer[strcspn(answer, "\r\n")] = '\0';
		(void)tcsetattr(tty, TCSAFLUSH, &was);
		(void)dprintf(tty, "\n");
	}
	if (tty >= 0)
		(void)close(tty);
	bool fits = *answer && vrs_strcpy(buf, len, answer);
	(void)pthread_mutex_unlock(&lock);
	return fits ? 0 : -1;
}

void cmd_set_up(struct vrs_ctl *ctl)
{
	const struct vrs_args *a = &ctl->args;
	const char *known_hosts = vrs_args_value(a, "known-hosts");
	const char *ssh_file = vrs_args_value(a, "ssh-config");

	ctl->json = vrs_args_has(a, "json");
	ctl->far = (struct ssh_conf){
		.program = program_file_beside(),
		.remote_program = vrs_args_value(a, "vrs-image"),
		.key = vrs_args_value(a, "key"),
		.known_hosts = known_hosts,
		.ssh_config = !known_hosts || ssh_file, /* else the options are all */
		.ssh_file = ssh_file,
		.connections = (int)vrs_args_number(a, "connections", 0),
		.sftp = vrs_args_has(a, "sftp") ? REMOTE_SFTP_ALWAYS : REMOTE_SFTP_AUTO,
		.ask = isatty(STDERR_FILENO) && !ctl->json ? cmd_ask : NULL,
	};
}

/* A local name becomes absolute, its directory free of symbolic links. */
static int make_absolute(char *path, struct vrs_err *err)
{
	char dir[PATH_MAX], *name, *copy = vrs_strdup(path);
	char *slash = strrchr(copy, '/');
	int status = 0;

	name = slash ? slash + 1 : copy;
	if (slash)
		*slash = '\0';
	const char *in = !slash ? "." : slash == copy ? "/" : copy;
	if (!*name)
		status = vrs_fail(err, VRS_EINVAL, "%s is a directory", path);
	else if (!realpath(in, dir))
		status = vrs_fail_errno(err, "%s", in);
	else if (snprintf(path, 4096, "%s/%s", strcmp(dir, "/") == 0 ? "" : dir, name) >=
		 4096)
		status = vrs_fail(err, VRS_EINVAL, "%s: the path is too long", dir);
	free(copy);
	return status;
}

int cmd_place(const struct vrs_ctl *ctl, const char *text, struct place *ret, char *path,
	      struct vrs_err *err)
{
	int status = place_parse_path(ret, path, text, err);

	if (status < 0)
		return status;
	if (!*ret->host)
		return make_absolute(path, err);
	if (!ret->port)
		ret->port = (int)vrs_args_number(&ctl->args, "port", 0);
	return 0;
}
