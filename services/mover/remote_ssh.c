#include "remote_ssh.h"

#include <errno.h>
#include <fcntl.h>
#include <libssh/callbacks.h>
#include <libssh/libssh.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "program_file.h"
#include "remote_ssh_parts.h"
#include "vrs/mem.h"

enum {
	NOT_THERE = 97, /* exit code of the starting script */
	WORDS_BYTES = 400,
	UPLOAD_PIECE = 1 << 15,
};

struct remote {
	struct link link;
	ssh_session session;
	ssh_channel channel;
	ssh_event event;
	struct ssh_channel_callbacks_struct callbacks;
	struct vrs_err failed; /* what a callback found */
	bool ended;
	char words[WORDS_BYTES]; /* what the far side said on stderr */
	size_t n_words;
};

static int ssh_failed(struct remote *r, int code, const char *doing, struct vrs_err *err)
{
	return vrs_fail(err, code, "%s: %s", doing, ssh_get_error(r->session));
}

/* --- connecting --- */

static bool has_aes(void)
{
#if defined(__x86_64__)
	return __builtin_cpu_supports("aes");
#elif defined(__aarch64__)
	return (getauxval(AT_HWCAP) & (1 << 3)) != 0;
#else
	return false;
#endif
}

static int set_options(struct remote *r, const struct far_conf *conf,
		       const struct place *p, struct vrs_err *err)
{
	static const char gcm[] = "aes128-gcm@openssh.com,aes256-gcm@openssh.com,"
				  "chacha20-poly1305@openssh.com,aes256-ctr,aes128-ctr";
	static const char chacha[] = "chacha20-poly1305@openssh.com,"
				     "aes128-gcm@openssh.com,aes256-gcm@openssh.com,"
				     "aes256-ctr,aes128-ctr";
	const char *ciphers = has_aes() ? gcm : chacha;
	bool config = conf->ssh_config;
	long seconds = (long)((conf->connect_ms ? conf->connect_ms : 10000) + 999) / 1000;
	int nodelay = 1;
	ssh_session s = r->session;
	int bad = ssh_options_set(s, SSH_OPTIONS_HOST, p->host);

	if (*p->user)
		bad |= ssh_options_set(s, SSH_OPTIONS_USER, p->user);
	if (p->port)
		bad |= ssh_options_set(s, SSH_OPTIONS_PORT, &p->port);
	bad |= ssh_options_set(s, SSH_OPTIONS_PROCESS_CONFIG, &config);
	bad |= ssh_options_set(s, SSH_OPTIONS_TIMEOUT, &seconds);
	bad |= ssh_options_set(s, SSH_OPTIONS_NODELAY, &nodelay);
	bad |= ssh_options_set(s, SSH_OPTIONS_CIPHERS_C_S, ciphers);
	bad |= ssh_options_set(s, SSH_OPTIONS_CIPHERS_S_C, ciphers);
	bad |= ssh_options_set(s, SSH_OPTIONS_COMPRESSION, "no");
	if (conf->known_hosts && *conf->known_hosts) {
		bad |= ssh_options_set(s, SSH_OPTIONS_KNOWNHOSTS, conf->known_hosts);
		bad |= ssh_options_set(s, SSH_OPTIONS_GLOBAL_KNOWNHOSTS, "/dev/null");
	}
	return bad ? ssh_failed(r, VRS_EINVAL, "settings", err) : 0;
}

static int check_host_key(struct remote *r, const struct far_conf *conf,
			  struct vrs_err *err)
{
	const char *file = conf->known_hosts && *conf->known_hosts ? conf->known_hosts
								   : "~/.ssh/known_hosts";
	ssh_key key = NULL;
	unsigned char *hash = NULL;
	size_t hash_len;
	char print[100] = "unknown";
	enum ssh_known_hosts_e known = ssh_session_is_known_server(r->session);

	if (known == SSH_KNOWN_HOSTS_OK)
		return 0;
	if (ssh_get_server_publickey(r->session, &key) == SSH_OK &&
	    ssh_get_publickey_hash(key, SSH_PUBLICKEY_HASH_SHA256, &hash, &hash_len) ==
		    0) {
		char *text = ssh_get_fingerprint_hash(SSH_PUBLICKEY_HASH_SHA256, hash,
						      hash_len);

		if (text)
			(void)vrs_strcpy(print, sizeof(print), text);
		ssh_string_free_char(text);
		ssh_clean_pubkey_hash(&hash);
	}
	ssh_key_free(key);
	switch (known) {
	case SSH_KNOWN_HOSTS_CHANGED:
	case SSH_KNOWN_HOSTS_OTHER:
		return vrs_fail(err, VRS_EDENIED,
				"its host key has CHANGED, it is %s now; refused (if "
				"that is right, correct %s)",
				print, file);
	case SSH_KNOWN_HOSTS_UNKNOWN:
	case SSH_KNOWN_HOSTS_NOT_FOUND:
		return vrs_fail(err, VRS_EDENIED,
				"its host key %s is not in %s; refused (check it, then "
				"add it with ssh-keyscan)",
				print, file);
	default:
		return ssh_failed(r, VRS_EDENIED, "host key cannot be checked", err);
	}
}

/* A certificate lies beside its key, as OpenSSH has it. */
static int log_in_with(struct remote *r, const char *file, ssh_key key)
{
	char *cert_file = vrs_asprintf("%s-cert.pub", file);
	ssh_key cert = NULL;
	int rc = SSH_AUTH_DENIED;

	if (ssh_pki_import_cert_file(cert_file, &cert) == SSH_OK) {
		if (ssh_pki_copy_cert_to_privkey(cert, key) == SSH_OK)
			rc = ssh_userauth_try_publickey(r->session, NULL, cert);
		if (rc == SSH_AUTH_SUCCESS)
			rc = ssh_userauth_publickey(r->session, NULL, key);
		ssh_key_free(cert);
	}
	free(cert_file);
	return rc == SSH_AUTH_SUCCESS ? rc
				      : ssh_userauth_publickey(r->session, NULL, key);
}

/* libssh keeps a pointer to this, and there is one person to be asked. */
static void let_ask(ssh_session session, const struct far_conf *conf)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	static struct ssh_callbacks_struct callbacks;

	if (!conf->ask)
		return;
	(void)pthread_mutex_lock(&lock);
	callbacks.auth_function = conf->ask;
	ssh_callbacks_init(&callbacks);
	(void)ssh_set_callbacks(session, &callbacks);
	(void)pthread_mutex_unlock(&lock);
}

static int log_in(struct remote *r, const struct far_conf *conf, struct vrs_err *err)
{
	int rc;

	if (conf->key && *conf->key) {
		ssh_key key = NULL;

		if (ssh_pki_import_privkey_file(conf->key, NULL, conf->ask, NULL, &key) !=
		    SSH_OK)
			return vrs_fail(err, VRS_EDENIED,
					"key file %s cannot be read (missing, not a key, "
					"or its passphrase is %s)",
					conf->key, conf->ask ? "wrong" : "not known");
		rc = log_in_with(r, conf->key, key);
		ssh_key_free(key);
	} else {
		let_ask(r->session, conf);
		rc = ssh_userauth_publickey_auto(r->session, NULL, NULL);
	}
	if (rc == SSH_AUTH_SUCCESS)
		return 0;
	if (rc == SSH_AUTH_DENIED || rc == SSH_AUTH_PARTIAL)
		return vrs_fail(err, VRS_EDENIED, "our key is not accepted");
	return ssh_failed(r, VRS_ECONN, "log in", err);
}

static int connect_session(struct remote *r, const struct far_conf *conf,
			   const struct place *p, struct vrs_err *err)
{
	int status;

	r->session = ssh_new();
	if (!r->session)
		return vrs_fail(err, VRS_EIO, "no memory for a session");
	if ((status = set_options(r, conf, p, err)) < 0)
		return status;
	if (ssh_connect(r->session) != SSH_OK)
		return ssh_failed(r, VRS_ECONN, "connect", err);
	if ((status = check_host_key(r, conf, err)) < 0)
		return status;
	return log_in(r, conf, err);
}

/* --- the program at the far end --- */

static ssh_channel start_command(struct remote *r, const char *command,
				 struct vrs_err *err)
{
	ssh_channel c = ssh_channel_new(r->session);

	if (!c || ssh_channel_open_session(c) != SSH_OK ||
	    ssh_channel_request_exec(c, command) != SSH_OK) {
		(void)ssh_failed(r, VRS_EIO, "start a command", err);
		if (c)
			ssh_channel_free(c);
		return NULL;
	}
	return c;
}

/* Runs to its end; its exit code, or a negative VRS_E*. */
static int run_command(struct remote *r, const char *command, const uint8_t *in,
		       size_t n_in, struct vrs_err *err)
{
	char buf[256];
	ssh_channel c = start_command(r, command, err);
	int n, code;

	if (!c)
		return err ? err->code : VRS_EIO;
	for (size_t done = 0; done < n_in;) {
		uint32_t piece = n_in - done < UPLOAD_PIECE ? (uint32_t)(n_in - done)
							    : UPLOAD_PIECE;

		n = ssh_channel_write(c, in + done, piece);
		if (n <= 0)
			break; /* its exit code tells */
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
	return code < 0 ? vrs_fail(err, VRS_EIO, "a command did not end") : code;
}

/* As one word of a POSIX shell. */
static void add_quoted(struct vrs_text *t, const char *s)
{
	vrs_text_add(t, "'");
	for (; *s; s++)
		vrs_text_add(t, *s == '\'' ? "'\\''" : "%c", *s);
	vrs_text_add(t, "'");
}

/* Carries our program there once: private directory, name and content by SHA-256. */
static int carry_program(struct remote *r, const struct far_conf *conf,
			 struct vrs_text *command, struct vrs_err *err)
{
	struct program_file file;
	int status = program_file_read(&file, conf->program, err);

	if (status < 0)
		return status;
	char *check = vrs_asprintf("f=\"$HOME/.vrsas/vrs-image-%s\"; "
				   "[ -x \"$f\" ] && "
				   "[ \"$(sha256sum < \"$f\")\" = \"%s  -\" ] || exit %d",
				   file.sha256, file.sha256, NOT_THERE);
	status = run_command(r, check, NULL, 0, err);
	if (status == NOT_THERE) {
		char *carry = vrs_asprintf(
			"umask 077; d=\"$HOME/.vrsas\"; f=\"$d/vrs-image-%s\"; "
			"mkdir -p \"$d\" && chmod 700 \"$d\" && cat > \"$f.$$\" && "
			"[ \"$(sha256sum < \"$f.$$\")\" = \"%s  -\" ] && "
			"chmod 700 \"$f.$$\" && mv \"$f.$$\" \"$f\" || "
			"{ rm -f \"$f.$$\"; exit %d; }",
			file.sha256, file.sha256, NOT_THERE);

		status = run_command(r, carry, file.bytes, file.n_bytes, err);
		free(carry);
	}
	free(check);
	if (status > 0)
		status = vrs_fail(err, VRS_EUNSUPPORTED,
				  "vrs-image cannot be installed in ~/.vrsas (exit code "
				  "%d); is it full, read-only, or no POSIX shell?",
				  status);
	vrs_text_add(command, "exec \"$HOME/.vrsas/vrs-image-%s\"", file.sha256);
	program_file_fini(&file);
	return status;
}

/* --- the link --- */

static int on_data(ssh_session session, ssh_channel channel, void *data, uint32_t len,
		   int is_stderr, void *arg)
{
	struct remote *r = arg;

	(void)session;
	(void)channel;
	if (is_stderr) {
		size_t room = sizeof(r->words) - 1 - r->n_words;
		size_t n = len < room ? len : room;

		memcpy(r->words + r->n_words, data, n);
		r->n_words += n;
	} else if (!r->failed.code) {
		(void)r->link.on_bytes(r->link.arg, data, len, &r->failed);
	}
	return (int)len;
}

static void on_end(ssh_session session, ssh_channel channel, void *arg)
{
	struct remote *r = arg;

	(void)session;
	(void)channel;
	r->ended = true;
}

static int on_wake(socket_t fd, int revents, void *arg)
{
	struct remote *r = arg;

	(void)fd;
	(void)revents;
	link_woken(&r->link);
	return 0;
}

static int ended(struct remote *r, struct vrs_err *err)
{
	char *line = r->words;

	for (char *p = r->words; *p; p++) /* the last line */
		if (*p == '\n' && p[1])
			line = p + 1;
	line[strcspn(line, "\r\n")] = '\0';
	return vrs_fail(err, VRS_ECONN, "vrs-image ended%s%s", *line ? ": " : "", line);
}

static int remote_step(struct link *l, bool want_write, int timeout_ms,
		       struct vrs_err *err)
{
	struct remote *r = (struct remote *)l;

	/* no room: the window opens by what comes in, so waiting is the same */
	(void)want_write;
	int rc = ssh_event_dopoll(r->event, timeout_ms);
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
	/* a packet that was tampered with ends the session, and nothing else says so */
	if (ssh_get_status(r->session) & SSH_CLOSED_ERROR)
		return vrs_fail(err, VRS_ECONN, "connection lost: %s",
				ssh_get_error(r->session));
	return 0;
}

static ssize_t remote_write(struct link *l, const void *bytes, size_t n,
			    struct vrs_err *err)
{
	struct remote *r = (struct remote *)l;
	uint32_t window = ssh_channel_window_size(r->channel);

	if (r->ended)
		return ended(r, err);
	if (window == 0)
		return 0;
	int done =
		ssh_channel_write(r->channel, bytes, n < window ? (uint32_t)n : window);
	if (r->failed.code) {
		if (err)
			*err = r->failed;
		return r->failed.code;
	}
	if (r->ended)
		return ended(r, err);
	if (done < 0)
		return vrs_fail(err, VRS_ECONN, "connection lost: %s",
				ssh_get_error(r->session));
	return done;
}

static void remote_close(struct link *l)
{
	struct remote *r = (struct remote *)l;

	if (r->event) {
		(void)ssh_event_remove_session(r->event, r->session);
		(void)ssh_event_remove_fd(r->event, l->wake_fd);
		ssh_event_free(r->event);
	}
	if (r->session) {
		/* do not wait for a dead peer */
		if (ssh_get_fd(r->session) >= 0 && !ssh_is_connected(r->session))
			ssh_silent_disconnect(r->session);
		else
			ssh_disconnect(r->session);
		ssh_free(r->session);
	}
	link_fini(l);
	free(r);
}

/* The command that starts vrs-image there, carried or installed. */
static int make_command(struct remote *r, const struct far_conf *conf,
			const char *const *roots, size_t n_roots, char **ret,
			struct vrs_err *err)
{
	struct vrs_text command = {0};
	int status = 0;

	if (conf->far_program && *conf->far_program) {
		vrs_text_add(&command, "exec ");
		add_quoted(&command, conf->far_program);
	} else {
		status = carry_program(r, conf, &command, err);
	}
	vrs_text_add(&command, " serve");
	for (size_t i = 0; i < n_roots; i++) {
		vrs_text_add(&command, " --root ");
		add_quoted(&command, roots[i]);
	}
	if (status == 0)
		*ret = vrs_strdup(command.text);
	vrs_text_fini(&command);
	return status;
}

static int start(struct remote *r, const char *command, struct vrs_err *err)
{
	r->channel = start_command(r, command, err);
	if (!r->channel)
		return err ? err->code : VRS_EIO;
	ssh_callbacks_init(&r->callbacks);
	r->callbacks.userdata = r;
	r->callbacks.channel_data_function = on_data;
	r->callbacks.channel_eof_function = on_end;
	r->callbacks.channel_close_function = on_end;
	(void)ssh_set_channel_callbacks(r->channel, &r->callbacks);
	r->event = ssh_event_new();
	if (!r->event ||
	    ssh_event_add_fd(r->event, r->link.wake_fd, POLLIN, on_wake, r) != SSH_OK ||
	    ssh_event_add_session(r->event, r->session) != SSH_OK)
		return vrs_fail(err, VRS_EIO, "cannot wait for events of the session");
	return 0;
}

int remote_ssh_log_in(ssh_session *ret, const struct far_conf *conf,
		      const struct place *place, struct vrs_err *err)
{
	struct remote r = {.session = NULL};
	int status = connect_session(&r, conf, place, err);

	if (status < 0 && r.session) {
		ssh_silent_disconnect(r.session);
		ssh_free(r.session);
		return status;
	}
	*ret = r.session;
	return status;
}

int remote_ssh_open(struct link **ret, const struct far_conf *conf,
		    const struct place *place, const char *const *roots, size_t n_roots,
		    char **command, bool *ret_logged_in, struct vrs_err *err)
{
	static const struct link_ops ops = {remote_step, remote_write, remote_close};
	struct remote *r = vrs_calloc(1, sizeof(*r));
	struct vrs_err why = {0};

	link_init(&r->link, &ops);
	int status = connect_session(r, conf, place, &why);
	if (status == 0)
		*ret_logged_in = true;
	if (status == 0 && !*command)
		status = make_command(r, conf, roots, n_roots, command, &why);
	if (status == 0)
		status = start(r, *command, &why);
	if (status < 0) {
		if (err)
			*err = why;
		remote_close(&r->link);
		return status;
	}
	*ret = &r->link;
	return 0;
}
