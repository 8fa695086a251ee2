/* Certificates of tls+tcp:// addresses, and which peers were rejected. */
#include <errno.h>
#include <fcntl.h>
#include <nng/nng.h>
#include <nng/supplemental/tls/tls.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vrs/bus/nng.h"
#include "vrs/mem.h"

enum { MAX_PEM_BYTES = 1 << 20, LOOK_EVERY_MS = 5000 };

static const char scheme[] = "tls+tcp://";

/* Set once before sockets are opened, then only read. */
static struct {
	nng_tls_config *server, *client;
	void (*refused)(const char *url, bool dials, const char *why, uint64_t n);
} tls;

static bool is_tls(const char *url)
{
	return strncmp(url, scheme, sizeof(scheme) - 1) == 0;
}

static int read_pem(const char *path, bool secret, char **ret, struct vrs_err *err)
{
	struct stat st;
	int status = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return vrs_fail_errno(err, "tls: cannot open %s", path);
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size < 1 ||
	    st.st_size > MAX_PEM_BYTES) {
		status = vrs_fail(err, VRS_EINVAL, "tls: %s is not a PEM file", path);
	} else if (secret && (st.st_mode & 07)) {
		status = vrs_fail(err, VRS_EDENIED,
				  "tls: %s contains a key that other users can read: run "
				  "chmod o= on it",
				  path);
	} else {
		char *text = vrs_calloc((size_t)st.st_size + 1, 1);

		if (read(fd, text, (size_t)st.st_size) == (ssize_t)st.st_size) {
			*ret = text;
		} else {
			status = vrs_fail(err, VRS_EIO,
					  "tls: %s could not be read completely", path);
			free(text);
		}
	}
	(void)close(fd);
	return status;
}

struct pems {
	char *ca, *cert, *key;
};

static void pems_fini(struct pems *p)
{
	free(p->ca);
	free(p->cert);
	if (p->key) {
		explicit_bzero(p->key, strlen(p->key));
		free(p->key);
	}
}

static int make(nng_tls_config **ret, nng_tls_mode mode, const struct vrs_bus_tls *t,
		const struct pems *p, struct vrs_err *err)
{
	nng_tls_config *c;
	int rv = nng_tls_config_alloc(&c, mode);

	if (rv != 0)
		return bus_fail(err, rv, "tls");
	if ((rv = nng_tls_config_ca_chain(c, p->ca, NULL)) != 0)
		(void)bus_fail(err, rv, "tls: no certificate in %s", t->ca_file);
	else if ((rv = nng_tls_config_own_cert(c, p->cert, p->key, NULL)) != 0)
		(void)bus_fail(err, rv, "tls: cannot use certificate %s with key %s",
			       t->cert_file, t->key_file[0] ? t->key_file : t->cert_file);
	else if ((rv = nng_tls_config_auth_mode(c, NNG_TLS_AUTH_MODE_REQUIRED)) != 0 ||
		 (rv = nng_tls_config_version(c, NNG_TLS_1_2, NNG_TLS_1_2)) != 0 ||
		 (mode == NNG_TLS_MODE_CLIENT &&
		  (rv = nng_tls_config_server_name(c, t->server_name)) != 0))
		(void)bus_fail(err, rv, "tls");
	if (rv != 0) {
		nng_tls_config_free(c);
		return err ? err->code : VRS_EINVAL;
	}
	*ret = c;
	return 0;
}

int vrs_bus_tls_set(const struct vrs_bus_tls *t, struct vrs_err *err)
{
	struct pems p = {0};
	const char *key_file = t->key_file[0] ? t->key_file : t->cert_file;
	int status;

	if (!t->ca_file[0] && !t->cert_file[0] && !t->key_file[0])
		return 0;
	if (!t->ca_file[0] || !t->cert_file[0] || !t->server_name[0])
		return vrs_fail(
			err, VRS_EINVAL,
			"tls: bus_ca, bus_cert and bus_name must be set together");
	if ((status = read_pem(t->ca_file, false, &p.ca, err)) == 0 &&
	    (status = read_pem(t->cert_file, key_file == t->cert_file, &p.cert, err)) ==
		    0 &&
	    (status = read_pem(key_file, true, &p.key, err)) == 0 &&
	    (status = make(&tls.server, NNG_TLS_MODE_SERVER, t, &p, err)) == 0)
		status = make(&tls.client, NNG_TLS_MODE_CLIENT, t, &p, err);
	tls.refused = t->refused;
	pems_fini(&p);
	return status;
}

static const char *from_env(const char *name, const char *fallback)
{
	const char *value = getenv(name);

	return value ? value : fallback;
}

int vrs_bus_tls_set_env(struct vrs_err *err)
{
	const struct vrs_bus_tls t = {
		.ca_file = from_env("VRSAS_BUS_CA", ""),
		.cert_file = from_env("VRSAS_BUS_CERT", ""),
		.key_file = from_env("VRSAS_BUS_KEY", ""),
		.server_name = from_env("VRSAS_BUS_NAME", "vrsas"),
	};

	return tls.client ? 0 : vrs_bus_tls_set(&t, err);
}

static int not_set(const char *url, struct vrs_err *err)
{
	return vrs_fail(err, VRS_EINVAL, "bus: %s needs bus_ca and bus_cert", url);
}

int bus_tls_listener(nng_listener l, const char *url, struct vrs_err *err)
{
	if (!is_tls(url))
		return 0;
	if (!tls.server)
		return not_set(url, err);
	int rv = nng_listener_set_ptr(l, NNG_OPT_TLS_CONFIG, tls.server);
	return rv == 0 ? 0 : bus_fail(err, rv, "bus: cannot set up TLS on %s", url);
}

int bus_tls_dialer(nng_dialer d, const char *url, struct vrs_err *err)
{
	if (!is_tls(url))
		return 0;
	if (!tls.client)
		return not_set(url, err);
	int rv = nng_dialer_set_ptr(d, NNG_OPT_TLS_CONFIG, tls.client);
	return rv == 0 ? 0 : bus_fail(err, rv, "bus: cannot set up TLS on %s", url);
}

/* --- rejected peers, which appear only in NNG's statistics --- */

struct refusals {
	uint64_t certificate, protocol;
};

/* The counters in the scope with this id. */
static void add_counters(nng_stat *scope, uint64_t id, struct refusals *ret)
{
	struct refusals r = {0};
	bool ours = false;

	for (nng_stat *s = nng_stat_child(scope); s; s = nng_stat_next(s)) {
		const char *name = nng_stat_name(s);

		if (strcmp(name, "id") == 0)
			ours = nng_stat_value(s) == id;
		else if (strcmp(name, "auth") == 0 || strcmp(name, "crypto") == 0)
			r.certificate += nng_stat_value(s);
		else if (strcmp(name, "proto") == 0 || strcmp(name, "other") == 0)
			r.protocol += nng_stat_value(s);
	}
	if (ours)
		*ret = r;
}

static void find_counters(nng_stat *s, const char *kind, uint64_t id,
			  struct refusals *ret)
{
	for (; s; s = nng_stat_next(s)) {
		if (nng_stat_type(s) != NNG_STAT_SCOPE)
			continue;
		if (strcmp(nng_stat_name(s), kind) == 0)
			add_counters(s, id, ret);
		else
			find_counters(nng_stat_child(s), kind, id, ret);
	}
}

static void tell(const struct bus_sock *s, const char *why, uint64_t n)
{
	if (n > 0 && tls.refused)
		tls.refused(s->url, s->dialling, why, n);
}

void bus_refused_check(struct bus_sock *s)
{
	struct refusals now = {0};
	nng_stat *root;

	if (!s->refused_timer || nng_stats_get(&root) != 0)
		return;
	find_counters(root, s->dialling ? "dialer" : "listener",
		      (uint64_t)(s->dialling ? nng_dialer_id(s->dialer)
					     : nng_listener_id(s->listener)),
		      &now);
	nng_stats_free(root);

	(void)pthread_mutex_lock(&s->lock);
	struct refusals was = {s->counts.bad_certificate, s->counts.bad_protocol};
	s->counts.bad_certificate = now.certificate;
	s->counts.bad_protocol = now.protocol;
	(void)pthread_mutex_unlock(&s->lock);
	tell(s,
	     s->dialling
		     ? "TLS handshake failed: peer rejected our certificate, or its own "
		       "is not signed by bus_ca for bus_name"
		     : "TLS handshake failed: peer has no certificate signed by bus_ca",
	     now.certificate > was.certificate ? now.certificate - was.certificate : 0);
	tell(s,
	     s->dialling ? "peer closed the connection during the TLS handshake: does it "
			   "require a certificate?"
			 : "peer uses another protocol than this socket",
	     now.protocol > was.protocol ? now.protocol - was.protocol : 0);
}

static void on_time_to_look(void *arg)
{
	bus_refused_check(arg);
}

void bus_refused_start(struct bus_sock *s)
{
	if (s->ring.loop && is_tls(s->url))
		s->refused_timer =
			vrs_loop_every(s->ring.loop, LOOK_EVERY_MS, on_time_to_look, s);
}

void bus_refused_stop(struct bus_sock *s)
{
	vrs_timer_cancel(s->refused_timer);
	s->refused_timer = NULL;
}
