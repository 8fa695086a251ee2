#include "cli/cmd.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "ssh/program_file.h"
#include "vrs/value.h"
#include "vrs/mem.h"

int cmd_usage(int exit_code)
{
	(void)fprintf(
		exit_code ? stderr : stdout,
		"usage: vrs-mover [serve] [-c FILE] ...       the service; see vrs-mover "
		"serve -h\n"
		"       vrs-mover copy SRC DST [options]      copy one disk image\n"
		"       vrs-mover seed SRC DST [options]      keep DST up to date "
		"with SRC\n"
		"       vrs-mover verify A B [options]        compare the content of "
		"two images\n"
		"       vrs-mover hash IMAGE [options]        print the hash of the "
		"content\n"
		"       vrs-mover direct [-i KEY] [-F FILE] [--known-hosts F]\n"
		"                                             run by --direct on SRC's "
		"host\n"
		"\n"
		"SRC, DST, A, B, IMAGE: a local path, or user@host:/absolute/path over "
		"SSH.\n"
		"The format follows from the name (.qcow2 .vmdk .vhdx, else raw).\n"
		"\n"
		"  --format F         format of DST (of IMAGE, of B): raw qcow2 vmdk "
		"vhdx\n"
		"  --from-format F    format of SRC (of A)\n"
		"  --seed OLD         an older copy at the target; only changes are "
		"sent.\n"
		"                     If OLD is DST, DST is replaced after verification\n"
		"  --connections N    SSH connections, 1 to 8 (default: 2, more on "
		"long paths)\n"
		"  --compress MODE    auto (default: while it is faster), off, "
		"zstd (always)\n"
		"  --limit RATE       bandwidth limit in bytes per second (K, M, G)\n"
		"  --verify           read back and compare; always on\n"
		"  --resume           continue an interrupted copy; always on\n"
		"  --tries N          attempts after a lost connection (default 5)\n"
		"  --every SECONDS    seed: repeat at this interval\n"
		"  -p PORT            SSH port\n"
		"  -i KEY             private key file; KEY-cert.pub beside it is used\n"
		"                     (default: agent, usual keys)\n"
		"  -F FILE            SSH settings (default: ~/.ssh/config, unless\n"
		"                     --known-hosts is given); ProxyJump, ProxyCommand\n"
		"  --known-hosts F    known hosts (default: ~/.ssh/known_hosts); other "
		"hosts\n"
		"                     are refused\n"
		"  --vrs-image PATH   vrs-image installed on the remote host (default: "
		"upload\n"
		"                     this one to ~/.vrsas)\n"
		"  --sftp             use SFTP only, start no program on the remote "
		"host\n"
		"                     (default: only if none can be started)\n"
		"  --direct MODE      copy directly between two remote hosts: always, "
		"auto\n"
		"                     (if possible), never (default: through this "
		"machine).\n"
		"                     The vrs-mover on SRC's host sends to DST, with "
		"its\n"
		"                     own keys and known hosts\n"
		"  --vrs-mover PATH   vrs-mover on SRC's host (default: vrs-mover)\n"
		"  --json             print the result as one JSON object\n"
		"\n"
		"To continue an interrupted copy, run the same command again.\n"
		"Exit: 0 ok, 1 failed or different, 2 usage, 3 not found, 4 refused,\n"
		"5 unreachable, 6 timeout.\n");
	return exit_code;
}

int cmd_exit_code(int status)
{
	switch (status) {
	case 0:
		return 0;
	case VRS_EINVAL:
		return 2;
	case VRS_ENOENT:
		return 3;
	case VRS_EDENIED:
	case VRS_ECONFLICT:
		return 4;
	case VRS_ECONN:
		return 5;
	case VRS_ETIMEOUT:
		return 6;
	default:
		return 1;
	}
}

int cmd_fail(const struct vrs_err *err)
{
	(void)fprintf(stderr, "vrs-mover: %s\n", err->text);
	return cmd_exit_code(err->code);
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

static int bad(const char *fmt, const char *what)
{
	(void)fprintf(stderr, "vrs-mover: ");
	(void)fprintf(stderr,
		      fmt[0] == 'u' ? "unknown option %s\n"
				    : "option %s requires a value\n",
		      what);
	return VRS_EINVAL;
}

static int take_value(struct cmd_args *a, const char *name, const char *value)
{
	struct {
		const char *name;
		const char **to;
	} texts[] = {
		{"--format", &a->format},
		{"--from-format", &a->from_format},
		{"--base", &a->base},
		{"--seed", &a->base},
		{"--compress", &a->compress},
		{"--direct", &a->direct},
		{"--vrs-mover", &a->remote_mover},
		{"-i", &a->far.key},
		{"-F", &a->far.ssh_file},
		{"--known-hosts", &a->far.known_hosts},
		{"--vrs-image", &a->far.remote_program},
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (strcmp(name, texts[i].name) == 0) {
			*texts[i].to = value;
			return 0;
		}
	char *end;
	errno = 0;
	long n = strtol(value, &end, 10);
	bool number = *value && !*end && errno == 0;
	if (strcmp(name, "-p") == 0 && number && n >= 1 && n <= 65535) {
		a->port = (int)n;
		return 0;
	}
	if (strcmp(name, "--connections") == 0 && number && n >= 1 &&
	    n <= REMOTE_MAX_CONNECTIONS) {
		a->far.connections = (int)n;
		return 0;
	}
	if (strcmp(name, "--tries") == 0 && number && n >= 1 && n <= 1000000) {
		a->tries = n;
		return 0;
	}
	if (strcmp(name, "--every") == 0 && number && n >= 1 && n <= 31536000) {
		a->every_s = n;
		return 0;
	}
	if (strcmp(name, "--limit") == 0 &&
	    vrs_parse_bytes(value, &a->rate_bytes_per_s) == 0)
		return 0;
	(void)fprintf(stderr, "vrs-mover: %s %s is out of range\n", name, value);
	return VRS_EINVAL;
}

static bool wants_value(const char *name)
{
	static const char *const names[] = {
		"--format",
		"--from-format",
		"--base",
		"--seed",
		"--connections",
		"--compress",
		"-i",
		"-p",
		"--limit",
		"--known-hosts",
		"--vrs-image",
		"--tries",
		"--every",
		"-F",
		"--direct",
		"--vrs-mover",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

/* Once for all connections; what was said last is said again. */
static int cmd_ask(const char *prompt, char *buf, size_t len, int echo, int again,
		   void *arg)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	static char said[256];
	struct termios was, quiet;

	(void)arg;
	(void)pthread_mutex_lock(&lock);
	if (again)
		said[0] = '\0';
	int tty = *said ? -1 : open("/dev/tty", O_RDWR | O_CLOEXEC);
	if (tty >= 0 && tcgetattr(tty, &was) == 0) {
		quiet = was;
		if (!echo)
			quiet.c_lflag &= ~(tcflag_t)ECHO;
		(void)tcsetattr(tty, TCSAFLUSH, &quiet);
		/* now: what is typed from here on is not thrown away */
		(void)dprintf(tty, "%s: ", prompt && *prompt ? prompt : "Passphrase");
		ssize_t n = read(tty, said, sizeof(said) - 1);
		said[n > 0 ? n : 0] = '\0';
		said[strcspn(said, "\r\n")] = '\0';
		(void)tcsetattr(tty, TCSAFLUSH, &was);
		(void)dprintf(tty, "\n");
	}
	if (tty >= 0)
		(void)close(tty);
	bool fits = *said && vrs_strcpy(buf, len, said);
	(void)pthread_mutex_unlock(&lock);
	return fits ? 0 : -1;
}

int cmd_parse(struct cmd_args *ret, int argc, char **argv, int n_words)
{
	struct cmd_args a = {.tries = 5};

	a.far.ssh_config = true;
	for (int i = 0; i < argc; i++) {
		const char *s = argv[i];

		if (strcmp(s, "--json") == 0) {
			a.json = true;
		} else if (strcmp(s, "--sftp") == 0) {
			a.far.sftp = REMOTE_SFTP_ALWAYS;
		} else if (strcmp(s, "--verify") == 0 || strcmp(s, "--resume") == 0) {
			/* both are what happens anyway */
		} else if (wants_value(s)) {
			if (i + 1 == argc)
				return bad("value", s);
			if (take_value(&a, s, argv[++i]) < 0)
				return VRS_EINVAL;
		} else if (s[0] == '-' && s[1]) {
			return bad("unknown", s);
		} else if (a.n_words == n_words) {
			(void)fprintf(stderr, "vrs-mover: unexpected argument '%s'\n", s);
			return VRS_EINVAL;
		} else {
			a.word[a.n_words++] = s;
		}
	}
	if (a.n_words != n_words) {
		(void)fprintf(stderr,
			      "vrs-mover: missing %d arguments; see vrs-mover -h\n",
			      n_words - a.n_words);
		return VRS_EINVAL;
	}
	if (a.compress && strcmp(a.compress, "auto") != 0 &&
	    strcmp(a.compress, "off") != 0 && strcmp(a.compress, "zstd") != 0) {
		(void)fprintf(stderr,
			      "vrs-mover: --compress must be auto, off or zstd\n");
		return VRS_EINVAL;
	}
	if (a.direct && transfer_way_parse(&a.way, a.direct) < 0) {
		(void)fprintf(stderr,
			      "vrs-mover: --direct must be auto, never or always\n");
		return VRS_EINVAL;
	}
	if (a.far.known_hosts && !a.far.ssh_file)
		a.far.ssh_config = false; /* it says exactly what is meant */
	a.far.program = program_file_beside();
	a.far.ask = isatty(STDERR_FILENO) && !a.json ? cmd_ask : NULL;
	*ret = a;
	return 0;
}

void cmd_args_fini(struct cmd_args *a)
{
	free((char *)(uintptr_t)a->far.program);
	a->far.program = NULL;
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
		status = vrs_fail(err, VRS_EINVAL, "%s: path too long", dir);
	free(copy);
	return status;
}

int cmd_place(const struct cmd_args *a, const char *text, struct place *ret, char *path,
	      struct vrs_err *err)
{
	int status = place_parse_path(ret, path, text, err);

	if (status < 0)
		return status;
	if (!*ret->host)
		return make_absolute(path, err);
	if (!ret->port)
		ret->port = a->port;
	return 0;
}
