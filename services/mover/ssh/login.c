/* Logging in: settings, connection, host key, authentication. */
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "ssh/parts.h"
#include "vrs/mem.h"

static int ssh_failed(struct login *l, int code, const char *doing, struct vrs_err *err)
{
	return vrs_fail(err, code, "%s: %s", doing, ssh_get_error(l->session));
}

enum { MAX_PROMPTS = 3 }; /* as ssh */

/* --- settings --- */

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

static bool given(const char *text)
{
	return text && *text;
}

/* libssh would treat an unreadable file as an empty one. */
static int read_settings(struct login *l, const char *file, struct vrs_err *err)
{
	if (given(file) && access(file, R_OK) < 0)
		return vrs_fail(err, VRS_EINVAL, "cannot read the SSH settings %s: %s",
				file, strerror(errno));
	if (ssh_options_parse_config(l->session, given(file) ? file : NULL) < 0)
		return ssh_failed(l, VRS_EINVAL, "cannot apply the SSH settings", err);
	return 0;
}

/* Precedence: options of the caller, the settings file, defaults of the mover. */
static int set_options(struct login *l, const struct ssh_conf *conf,
		       const struct place *p, struct vrs_err *err)
{
	static const char gcm[] = "aes128-gcm@openssh.com,aes256-gcm@openssh.com,"
				  "chacha20-poly1305@openssh.com,aes256-ctr,aes128-ctr";
	static const char chacha[] = "chacha20-poly1305@openssh.com,"
				     "aes128-gcm@openssh.com,aes256-gcm@openssh.com,"
				     "aes256-ctr,aes128-ctr";
	const char *ciphers = has_aes() ? gcm : chacha;
	bool process = false; /* read_settings does it, before the options below */
	long seconds = (long)((conf->connect_ms ? conf->connect_ms : 10000) + 999) / 1000;
	int nodelay = 1, strict = 1;
	ssh_session s = l->session;
	int bad = ssh_options_set(s, SSH_OPTIONS_HOST, p->host);

	if (*p->user)
		bad |= ssh_options_set(s, SSH_OPTIONS_USER, p->user);
	bad |= ssh_options_set(s, SSH_OPTIONS_PROCESS_CONFIG, &process);
	bad |= ssh_options_set(s, SSH_OPTIONS_TIMEOUT, &seconds);
	bad |= ssh_options_set(s, SSH_OPTIONS_CIPHERS_C_S, ciphers);
	bad |= ssh_options_set(s, SSH_OPTIONS_CIPHERS_S_C, ciphers);
	int status = conf->ssh_config && !bad ? read_settings(l, conf->ssh_file, err) : 0;
	if (status < 0)
		return status;
	if (p->port)
		bad |= ssh_options_set(s, SSH_OPTIONS_PORT, &p->port);
	bad |= ssh_options_set(s, SSH_OPTIONS_NODELAY, &nodelay);
	bad |= ssh_options_set(s, SSH_OPTIONS_COMPRESSION, "no");
	/* "no" in a settings file would make libssh accept any host key */
	bad |= ssh_options_set(s, SSH_OPTIONS_STRICTHOSTKEYCHECK, &strict);
	if (given(conf->known_hosts)) {
		bad |= ssh_options_set(s, SSH_OPTIONS_KNOWNHOSTS, conf->known_hosts);
		bad |= ssh_options_set(s, SSH_OPTIONS_GLOBAL_KNOWNHOSTS, "/dev/null");
	}
	return bad ? ssh_failed(l, VRS_EINVAL, "cannot apply the SSH settings", err) : 0;
}

/* The text of an option, or NULL; the caller frees it with ssh_string_free_char. */
static char *option(struct login *l, enum ssh_options_e which)
{
	char *text = NULL;

	return ssh_options_get(l->session, which, &text) == SSH_OK ? text : NULL;
}

/* --- connecting --- */

/* Starts the ProxyCommand of the settings, or what libssh made of their ProxyJump. Not
 * libssh but the mover starts it, so that its error output is available. */
static int connect_proxy(struct login *l, const struct ssh_conf *conf,
			 const struct place *p, const char *command, struct vrs_err *err)
{
	struct proxy_names names = {.original_host = p->host};
	char *host, *user, *jump, *line = NULL;
	int fd = -1;

	if (!(user = option(l, SSH_OPTIONS_USER))) {
		(void)ssh_options_set(l->session, SSH_OPTIONS_USER,
				      NULL); /* the local user */
		user = option(l, SSH_OPTIONS_USER);
	}
	host = option(l, SSH_OPTIONS_HOST);
	names.host = host ? host : p->host;
	names.user = user ? user : "";
	(void)ssh_options_get_port(l->session, &names.port);
	/* libssh must not start it as well */
	(void)ssh_options_set(l->session, SSH_OPTIONS_PROXYCOMMAND, "none");
	jump = proxy_jump(command, given(conf->ssh_file) ? conf->ssh_file : NULL,
			  !conf->ask);
	int status = proxy_expand(&line, jump, &names, err);
	if (status == 0)
		status = proxy_start(&l->proxy, &fd, line, err);
	if (status == 0 && ssh_options_set(l->session, SSH_OPTIONS_FD, &fd) != SSH_OK) {
		(void)close(fd);
		status = ssh_failed(l, VRS_EINVAL, "cannot apply the SSH settings", err);
	}
	ssh_string_free_char(host);
	ssh_string_free_char(user);
	free(jump);
	free(line);
	return status;
}

static int connect_host(struct login *l, const struct ssh_conf *conf,
			const struct place *p, struct vrs_err *err)
{
	char *command = option(l, SSH_OPTIONS_PROXYCOMMAND);
	char line[300] = "";
	int status = given(command) ? connect_proxy(l, conf, p, command, err) : 0;

	ssh_string_free_char(command);
	if (status < 0)
		return status;
	if (ssh_connect(l->session) == SSH_OK)
		return 0;
	if (l->proxy)
		proxy_last_line(l->proxy, line, sizeof(line));
	return *line ? vrs_fail(err, VRS_ECONN, "cannot connect through the proxy: %s",
				line)
		     : ssh_failed(l, VRS_ECONN,
				  l->proxy ? "cannot connect through the proxy"
					   : "cannot connect",
				  err);
}

/* --- the host's key --- */

struct marks {
	bool revoked;   /* of this key */
	bool authority; /* there are certificate authorities */
};

/* libssh ignores lines with a marker. */
static void find_marks(const char *file, const char *key, struct marks *ret)
{
	char *line = NULL;
	size_t size = 0;
	FILE *f = given(file) && given(key) ? fopen(file, "re") : NULL;

	while (f && getline(&line, &size, f) > 0) {
		if (strncmp(line, "@revoked", 8) == 0 && strstr(line, key))
			ret->revoked = true;
		if (strncmp(line, "@cert-authority", 15) == 0)
			ret->authority = true;
	}
	free(line);
	if (f)
		(void)fclose(f);
}

static void read_host_key(struct login *l, char print[100], struct marks *ret)
{
	static const enum ssh_options_e lists[] = {SSH_OPTIONS_KNOWNHOSTS,
						   SSH_OPTIONS_GLOBAL_KNOWNHOSTS};
	ssh_key key = NULL;
	unsigned char *hash = NULL;
	size_t hash_len;
	char *blob = NULL;

	(void)vrs_strcpy(print, 100, "unknown");
	if (ssh_get_server_publickey(l->session, &key) != SSH_OK)
		return;
	if (ssh_get_publickey_hash(key, SSH_PUBLICKEY_HASH_SHA256, &hash, &hash_len) ==
	    0) {
		char *text = ssh_get_fingerprint_hash(SSH_PUBLICKEY_HASH_SHA256, hash,
						      hash_len);

		if (text)
			(void)vrs_strcpy(print, 100, text);
		ssh_string_free_char(text);
		ssh_clean_pubkey_hash(&hash);
	}
	if (ssh_pki_export_pubkey_base64(key, &blob) == SSH_OK)
		for (size_t i = 0; i < 2; i++) {
			char *file = option(l, lists[i]);

			find_marks(file, blob, ret);
			ssh_string_free_char(file);
		}
	ssh_string_free_char(blob);
	ssh_key_free(key);
}

static int check_host_key(struct login *l, struct vrs_err *err)
{
	struct marks marks = {false, false};
	char print[100];
	enum ssh_known_hosts_e known = ssh_session_is_known_server(l->session);
	char *file = option(l, SSH_OPTIONS_KNOWNHOSTS);
	int status;

	read_host_key(l, print, &marks);
	if (marks.revoked)
		status =
			vrs_fail(err, VRS_EDENIED,
				 "host key %s is revoked in known_hosts; refused", print);
	else if (known == SSH_KNOWN_HOSTS_OK)
		status = 0;
	else if (known == SSH_KNOWN_HOSTS_CHANGED || known == SSH_KNOWN_HOSTS_OTHER)
		status = vrs_fail(err, VRS_EDENIED,
				  "host key has CHANGED to %s; refused (if the change is "
				  "expected, update %s)",
				  print, file ? file : "known_hosts");
	else if (known == SSH_KNOWN_HOSTS_UNKNOWN || known == SSH_KNOWN_HOSTS_NOT_FOUND)
		status = vrs_fail(
			err, VRS_EDENIED,
			"host key %s is not in %s%s; refused (verify it, then add it "
			"with ssh-keyscan)",
			print, file ? file : "known_hosts",
			marks.authority ? " (host certificates, @cert-authority, are not "
					  "supported)"
					: "");
	else
		status = ssh_failed(l, VRS_EDENIED, "cannot check the host key", err);
	ssh_string_free_char(file);
	return status;
}

/* --- authentication --- */

/* Called by libssh for a passphrase. If it cannot prompt, the need is only recorded. */
static int ask_passphrase(const char *prompt, char *buf, size_t len, int echo, int verify,
			  void *arg)
{
	struct login *l = arg;
	char text[300];

	(void)verify;
	l->needs_passphrase = true;
	if (!l->conf->ask)
		return -1;
	(void)snprintf(text, sizeof(text), "Passphrase for %s", l->key_file);
	return l->conf->ask(l->key_file ? text : prompt, buf, len, echo, l->n_asked++ > 0,
			    NULL);
}

static int note_passphrase(const char *prompt, char *buf, size_t len, int echo,
			   int verify, void *arg)
{
	struct login *l = arg;

	(void)prompt;
	(void)buf;
	(void)len;
	(void)echo;
	(void)verify;
	l->needs_passphrase = true;
	return -1;
}

/* Tries the certificate beside the key first, as OpenSSH does. */
static int offer(struct login *l, const char *file, ssh_key key)
{
	char *cert_file = vrs_asprintf("%s-cert.pub", file);
	ssh_key cert = NULL, both = NULL;
	int rc = SSH_AUTH_DENIED;

	if (ssh_pki_import_cert_file(cert_file, &cert) == SSH_OK &&
	    (both = ssh_key_dup(key)) != NULL &&
	    ssh_pki_copy_cert_to_privkey(cert, both) == SSH_OK &&
	    ssh_userauth_try_publickey(l->session, NULL, cert) == SSH_AUTH_SUCCESS)
		rc = ssh_userauth_publickey(l->session, NULL, both);
	ssh_key_free(both);
	ssh_key_free(cert);
	free(cert_file);
	return rc == SSH_AUTH_SUCCESS ? rc
				      : ssh_userauth_publickey(l->session, NULL, key);
}

static int key_unusable(struct login *l, const char *file, struct vrs_err *err)
{
	if (access(file, R_OK) < 0)
		return vrs_fail(err, VRS_EDENIED, "key file %s: %s", file,
				strerror(errno));
	if (!l->needs_passphrase)
		return vrs_fail(err, VRS_EDENIED, "key file %s is not a private key",
				file);
	if (l->conf->ask)
		return vrs_fail(err, VRS_EDENIED, "key file %s: wrong passphrase", file);
	return vrs_fail(err, VRS_EDENIED,
			"key file %s has a passphrase and there is no terminal to enter "
			"it; refused (add the key to ssh-agent)",
			file);
}

static ssh_key open_key(struct login *l, const char *file, ssh_auth_callback how)
{
	ssh_key key = NULL;

	return ssh_pki_import_privkey_file(file, NULL, how, l, &key) == SSH_OK ? key
									       : NULL;
}

/* With the key file of the settings. If it has a passphrase, the agent is tried first. */
static int log_in_by_file(struct login *l, const char *file, int *ret_rc,
			  struct vrs_err *err)
{
	*ret_rc = SSH_AUTH_DENIED;
	ssh_key key = open_key(l, file, note_passphrase);
	if (!key && l->needs_passphrase)
		*ret_rc = ssh_userauth_agent(l->session, NULL);
	if (*ret_rc == SSH_AUTH_SUCCESS)
		return 0;
	l->key_file = file;
	while (!key && l->needs_passphrase && l->conf->ask && l->n_asked < MAX_PROMPTS)
		key = open_key(l, file, ask_passphrase);
	if (!key)
		return key_unusable(l, file, err);
	*ret_rc = offer(l, file, key);
	ssh_key_free(key);
	return 0;
}

/* libssh tries the agent and the default files by itself, but not the certificates beside
 * them. */
static int log_in_by_certificates(struct login *l)
{
	static const char *const names[] = {"id_ed25519", "id_ecdsa", "id_rsa"};
	struct passwd entry, *pw = NULL;
	char texts[2048], *named = option(l, SSH_OPTIONS_IDENTITY);
	int rc = SSH_AUTH_DENIED;

	(void)getpwuid_r(geteuid(), &entry, texts, sizeof(texts), &pw);
	for (size_t i = 0; i < 4 && rc != SSH_AUTH_SUCCESS; i++) {
		char *file = i == 0 ? vrs_strdup(named ? named : "")
				    : vrs_asprintf("%s/.ssh/%s", pw ? pw->pw_dir : "",
						   names[i - 1]);
		char *cert = vrs_asprintf("%s-cert.pub", file);
		ssh_key key = NULL;

		if (access(cert, R_OK) == 0 &&
		    ssh_pki_import_privkey_file(file, NULL, ask_passphrase, l, &key) ==
			    SSH_OK)
			rc = offer(l, file, key);
		ssh_key_free(key);
		free(cert);
		free(file);
	}
	ssh_string_free_char(named);
	return rc;
}

static int log_in(struct login *l, struct vrs_err *err)
{
	int rc, status = 0;

	if (given(l->conf->key)) {
		status = log_in_by_file(l, l->conf->key, &rc, err);
	} else {
		l->callbacks.userdata = l;
		l->callbacks.auth_function = ask_passphrase;
		ssh_callbacks_init(&l->callbacks);
		(void)ssh_set_callbacks(l->session, &l->callbacks);
		rc = log_in_by_certificates(l);
		if (rc != SSH_AUTH_SUCCESS)
			rc = ssh_userauth_publickey_auto(l->session, NULL, NULL);
	}
	if (status < 0 || rc == SSH_AUTH_SUCCESS)
		return status;
	if (rc == SSH_AUTH_PARTIAL)
		return vrs_fail(
			err, VRS_EDENIED,
			"public key accepted, but the host requires another method as "
			"well");
	if (rc != SSH_AUTH_DENIED)
		return ssh_failed(l, VRS_ECONN, "cannot log in", err);
	return vrs_fail(err, VRS_EDENIED, "public key not accepted%s",
			l->needs_passphrase && !l->conf->ask
				? " (a key with a passphrase was skipped: there is no "
				  "terminal to enter it; add the key to ssh-agent)"
				: "");
}

int login_open(struct login **ret, const struct ssh_conf *conf, const struct place *place,
	       struct vrs_err *err)
{
	struct login *l = vrs_calloc(1, sizeof(*l));
	int status;

	l->conf = conf;
	l->session = ssh_new();
	if (!l->session)
		status = vrs_fail(err, VRS_EIO, "no memory for a session");
	else if ((status = set_options(l, conf, place, err)) == 0 &&
		 (status = connect_host(l, conf, place, err)) == 0 &&
		 (status = check_host_key(l, err)) == 0)
		status = log_in(l, err);
	l->conf = NULL;
	if (status < 0) {
		login_close(l);
		return status;
	}
	*ret = l;
	return 0;
}

void login_close(struct login *l)
{
	if (!l)
		return;
	if (l->session) {
		/* do not wait for a dead peer */
		if (ssh_get_fd(l->session) >= 0 && !ssh_is_connected(l->session))
			ssh_silent_disconnect(l->session);
		else
			ssh_disconnect(l->session);
		ssh_free(l->session);
	}
	proxy_end(l->proxy);
	free(l);
}
