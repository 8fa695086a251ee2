#include "ssh/ssh.h"

#include <libssh/callbacks.h>
#include <libssh/libssh.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ssh/parts.h"
#include "ssh/program_file.h"
#include "ssh/shell.h"
#include "vrs/mem.h"

enum {
	NOT_INSTALLED = 97, /* exit code of the shell commands below */
	STDERR_BYTES = 400,
	UPLOAD_PIECE = 1 << 15,
	PIECE_BYTES = 1 << 17,
};

struct ssh_pipe {
	struct channel pipe;
	struct login *login;
	ssh_session session; /* the login's */
	ssh_channel channel;
	ssh_event event;
	struct ssh_channel_callbacks_struct callbacks;
	struct vrs_err failed; /* in a callback */
	bool ended;
	bool early;          /* libssh holds data that came before on_bytes was set */
	const char *program; /* what runs there */
	int silent_code;     /* if it ends without output */
	bool has_output;
	char stderr_text[STDERR_BYTES]; /* the end of its standard error */
	size_t n_stderr;
};

static int ssh_failed(struct ssh_pipe *r, int code, const char *doing,
		      struct vrs_err *err)
{
	return vrs_fail(err, code, "%s: %s", doing, ssh_get_error(r->session));
}

/* --- the program on the host --- */

/* The callbacks, if any, get all output from the first byte on. */
static ssh_channel start_command(struct ssh_pipe *r, const char *command,
				 ssh_channel_callbacks callbacks, struct vrs_err *err)
{
	ssh_channel c = ssh_channel_new(r->session);

	if (c && callbacks)
		(void)ssh_set_channel_callbacks(c, callbacks);
	if (!c || ssh_channel_open_session(c) != SSH_OK ||
	    ssh_channel_request_exec(c, command) != SSH_OK) {
		(void)ssh_failed(r, VRS_EIO, "cannot start a command", err);
		if (c)
			ssh_channel_free(c);
		return NULL;
	}
	return c;
}

/* Runs to its end; its exit code, or a negative VRS_E*. */
static int run_command(struct ssh_pipe *r, const char *command, const uint8_t *in,
		       size_t n_in, struct vrs_err *err)
{
	char buf[256];
	ssh_channel c = start_command(r, command, NULL, err);
	int n, code;

	if (!c)
		return err ? err->code : VRS_EIO;
	for (size_t done = 0; done < n_in;) {
		uint32_t piece = n_in - done < UPLOAD_PIECE ? (uint32_t)(n_in - done)
							    : UPLOAD_PIECE;

		n = ssh_channel_write(c, in + done, piece);
		if (n <= 0)
			break; /* the exit code gives the reason */
		done += (size_t)n;
	}
	(void)ssh_channel_send_eof(c);
	while ((n = ssh_channel_read_timeout(c, buf, sizeof(buf), 0, 30000)) > 0)
		;
	while ((n = ssh_channel_read_timeout(c, buf, sizeof(buf) - 1, 1, 1000)) > 0)
		buf[n] = '\0';
	code = ssh_channel_get_exit_status(c);
	(void)ssh_channel_close(c);
	ssh_channel_free(c);
	return code < 0 ? vrs_fail(err, VRS_EIO, "a remote command did not exit") : code;
}

/* Installs vrs-image once in a private directory; its name holds its SHA-256. */
static int install_program(struct ssh_pipe *r, const struct ssh_conf *conf,
			   struct vrs_text *command, struct vrs_err *err)
{
	struct program_file file;
	int status = program_file_read(&file, conf->program, err);

	if (status < 0)
		return status;
	char *check = vrs_asprintf("f=\"$HOME/.vrsas/vrs-image-%s\"; "
				   "[ -x \"$f\" ] && "
				   "[ \"$(sha256sum < \"$f\")\" = \"%s  -\" ] || exit %d",
				   file.sha256, file.sha256, NOT_INSTALLED);
	status = run_command(r, check, NULL, 0, err);
	if (status == NOT_INSTALLED) {
		char *install = vrs_asprintf(
			"umask 077; d=\"$HOME/.vrsas\"; f=\"$d/vrs-image-%s\"; "
			"mkdir -p \"$d\" && chmod 700 \"$d\" && cat > \"$f.$$\" && "
			"[ \"$(sha256sum < \"$f.$$\")\" = \"%s  -\" ] && "
			"chmod 700 \"$f.$$\" && mv \"$f.$$\" \"$f\" || "
			"{ rm -f \"$f.$$\"; exit %d; }",
			file.sha256, file.sha256, NOT_INSTALLED);

		status = run_command(r, install, file.bytes, file.n_bytes, err);
		free(install);
	}
	free(check);
	if (status > 0)
		status = vrs_fail(err, VRS_EUNSUPPORTED,
				  "cannot install vrs-image in ~/.vrsas (exit code %d); "
				  "check free space, permissions and the login shell",
				  status);
	vrs_text_add(command, "exec \"$HOME/.vrsas/vrs-image-%s\"", file.sha256);
	program_file_fini(&file);
	return status;
}

/* --- the channel --- */

/* Keeps the end of standard error: its last line is the reason of a failure. */
static void keep_stderr(struct ssh_pipe *r, const char *text, size_t n)
{
	size_t max = sizeof(r->stderr_text) - 1;

	if (n > max) {
		text += n - max;
		n = max;
	}
	if (r->n_stderr + n > max) {
		size_t gone = r->n_stderr + n - max;

		memmove(r->stderr_text, r->stderr_text + gone, r->n_stderr - gone);
		r->n_stderr -= gone;
	}
	memcpy(r->stderr_text + r->n_stderr, text, n);
	r->n_stderr += n;
	r->stderr_text[r->n_stderr] = '\0';
}

static int on_data(ssh_session session, ssh_channel channel, void *data, uint32_t len,
		   int is_stderr, void *arg)
{
	struct ssh_pipe *r = arg;

	(void)session;
	(void)channel;
	r->has_output = r->has_output || !is_stderr;
	if (is_stderr) {
		keep_stderr(r, data, len);
	} else if (!r->pipe.on_bytes) {
		r->early = true;
		return 0;
	} else if (!r->failed.code) {
		(void)r->pipe.on_bytes(r->pipe.arg, data, len, &r->failed);
	}
	return (int)len;
}

/* Data can arrive together with the reply to the exec request. libssh keeps it in the
 * channel and offers it again only when more data arrives, which may be never. */
static void take_early(struct ssh_pipe *r)
{
	uint8_t buf[4096];
	int n;

	r->early = false;
	while (!r->failed.code &&
	       (n = ssh_channel_read_nonblocking(r->channel, buf, sizeof(buf), 0)) > 0)
		(void)r->pipe.on_bytes(r->pipe.arg, buf, (size_t)n, &r->failed);
}

static void on_end(ssh_session session, ssh_channel channel, void *arg)
{
	struct ssh_pipe *r = arg;

	(void)session;
	(void)channel;
	r->ended = true;
}

static int on_wake(socket_t fd, int revents, void *arg)
{
	struct ssh_pipe *r = arg;

	(void)fd;
	(void)revents;
	channel_woken(&r->pipe);
	return 0;
}

static int ended(struct ssh_pipe *r, struct vrs_err *err)
{
	char *line = r->stderr_text;

	for (char *p = r->stderr_text; *p; p++) /* the last line */
		if (*p == '\n' && p[1])
			line = p + 1;
	line[strcspn(line, "\r\n")] = '\0';
	return vrs_fail(err, r->has_output ? VRS_ECONN : r->silent_code, "%s ended%s%s",
			r->program, *line ? ": " : "", line);
}

static int pipe_step(struct channel *l, bool want_write, int timeout_ms,
		     struct vrs_err *err)
{
	struct ssh_pipe *r = (struct ssh_pipe *)l;

	/* the window opens by packets that arrive, so there is no separate wait for it */
	(void)want_write;
	if (r->early && r->pipe.on_bytes) {
		take_early(r);
		timeout_ms = 0; /* the caller may have what it waits for */
	}
	if (r->ended && !r->failed.code)
		return ended(r, err);
	int rc = r->failed.code ? SSH_OK : ssh_event_dopoll(r->event, timeout_ms);
	if (r->failed.code) {
		if (err)
			*err = r->failed;
		return r->failed.code;
	}
	if (r->ended)
		return ended(r, err);
	if (rc == SSH_ERROR)
		return vrs_fail(err, VRS_ECONN, "connection lost: %s",
				ssh_get_error(r->session));
	if (!ssh_is_connected(r->session))
		return vrs_fail(err, VRS_ECONN, "connection lost");
	/* libssh reports a damaged packet only here */
	if (ssh_get_status(r->session) & SSH_CLOSED_ERROR)
		return vrs_fail(err, VRS_ECONN, "connection lost: %s",
				ssh_get_error(r->session));
	return 0;
}

static ssize_t pipe_write(struct channel *l, const void *bytes, size_t n,
			  struct vrs_err *err)
{
	struct ssh_pipe *r = (struct ssh_pipe *)l;
	uint32_t window = ssh_channel_window_size(r->channel);

	if (r->ended)
		return ended(r, err);
	/* libssh would keep what the socket does not accept in a growing buffer */
	if (window == 0 || ssh_get_poll_flags(r->session) & SSH_WRITE_PENDING)
		return 0;
	if (n > PIECE_BYTES)
		n = PIECE_BYTES;
	int done =
		ssh_channel_write(r->channel, bytes, n < window ? (uint32_t)n : window);
	if (r->failed.code) {
		if (err)
			*err = r->failed;
		return r->failed.code;
	}
	if (r->ended || (done < 0 && ssh_channel_is_closed(r->channel)))
		return ended(r, err);
	if (done < 0)
		return vrs_fail(err, VRS_ECONN, "connection lost: %s",
				ssh_get_error(r->session));
	return done;
}

static void pipe_close(struct channel *l)
{
	struct ssh_pipe *r = (struct ssh_pipe *)l;

	if (r->event) {
		(void)ssh_event_remove_session(r->event, r->session);
		(void)ssh_event_remove_fd(r->event, l->wake_fd);
		ssh_event_free(r->event);
	}
	login_close(r->login);
	channel_fini(l);
	free(r);
}

/* The command that starts vrs-image there. */
static int make_command(struct ssh_pipe *r, const struct ssh_host *host, char **ret,
			struct vrs_err *err)
{
	const struct ssh_conf *conf = host->conf;
	struct vrs_text command = {0};
	int status = 0;

	if (conf->remote_program && *conf->remote_program) {
		vrs_text_add(&command, "exec ");
		shell_quote(&command, conf->remote_program);
	} else {
		status = install_program(r, conf, &command, err);
	}
	vrs_text_add(&command, " serve");
	for (size_t i = 0; i < host->n_roots; i++) {
		vrs_text_add(&command, " --root ");
		shell_quote(&command, host->roots[i]);
	}
	if (status == 0)
		*ret = vrs_strdup(command.text);
	vrs_text_fini(&command);
	return status;
}

static int start(struct ssh_pipe *r, const char *command, struct vrs_err *err)
{
	ssh_callbacks_init(&r->callbacks);
	r->callbacks.userdata = r;
	r->callbacks.channel_data_function = on_data;
	r->callbacks.channel_eof_function = on_end;
	r->callbacks.channel_close_function = on_end;
	r->channel = start_command(r, command, &r->callbacks, err);
	if (!r->channel)
		return err ? err->code : VRS_EIO;
	r->event = ssh_event_new();
	if (!r->event ||
	    ssh_event_add_fd(r->event, r->pipe.wake_fd, POLLIN, on_wake, r) != SSH_OK ||
	    ssh_event_add_session(r->event, r->session) != SSH_OK)
		return vrs_fail(err, VRS_EIO, "cannot wait for events of the session");
	return 0;
}

static const struct channel_ops ops = {pipe_step, pipe_write, pipe_close};

/* Logs in; on success *command is started, after it was made if need be. */
static int run(struct channel **ret, const struct ssh_host *host,
	       struct ssh_command *command, int silent_code, struct vrs_err *err)
{
	struct ssh_pipe *r = vrs_calloc(1, sizeof(*r));
	struct vrs_err why = {0};

	channel_init(&r->pipe, &ops);
	r->program = command->program;
	r->silent_code = silent_code;
	int status = login_open(&r->login, host->conf, host->place, &why);
	if (status == 0) {
		r->session = r->login->session;
		command->logged_in = true;
		if (!command->text)
			status = make_command(r, host, &command->text, &why);
	}
	if (status == 0)
		status = start(r, command->text, &why);
	if (status == 0) {
		*ret = &r->pipe;
		return 0;
	}
	pipe_close(&r->pipe);
	if (err)
		*err = why;
	return status;
}

int ssh_start_image(struct channel **ret, const struct ssh_host *host,
		    struct ssh_command *command, struct vrs_err *err)
{
	return run(ret, host, command, VRS_ECONN, err);
}

int ssh_start_command(struct channel **ret, const struct ssh_host *host,
		      struct ssh_command *command, struct vrs_err *err)
{
	return run(ret, host, command, VRS_EUNSUPPORTED, err);
}
