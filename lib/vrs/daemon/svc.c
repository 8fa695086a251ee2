#include "vrs/svc.h"

#include <ctype.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "vrs/clock.h"
#include "vrs/keys.h"
#include "vrs/log.h"
#include "vrs/mem.h"
#include "vrs/telemetry.h"

enum { ALIVE_EVERY_MS = 3000 };

struct common {
	char *log_level, *log_format, *instance;
	char *redis, *redis_user, *redis_password_file, *metrics;
	char *bus_ca, *bus_cert, *bus_key, *bus_name;
};

struct vrs_svc_private {
	struct common common;
	struct vrs_option *table; /* the daemon's options and the common ones */
	int signal_fd;
	char note[200];
	struct vrs_complaint store_trouble;
	struct vrs_telemetry *telemetry;
	bool nameless; /* not set by the settings */
};

static const struct vrs_option common_options[] = {
	{"log_level", VRS_OPT_STRING, offsetof(struct common, log_level), "info", 0, 0,
	 "error, warn, notice, info or debug"},
	{"log_format", VRS_OPT_STRING, offsetof(struct common, log_format), "text", 0, 0,
	 "text or json"},
	{"instance", VRS_OPT_STRING, offsetof(struct common, instance), "", 0, 0,
	 "name of this process among replicas; host name and pid if empty"},
	{"redis", VRS_OPT_STRING, offsetof(struct common, redis), "tcp:127.0.0.1:6379", 0,
	 0, "unix:/path/to.sock or tcp:HOST:PORT"},
	{"redis_user", VRS_OPT_STRING, offsetof(struct common, redis_user), "", 0, 0,
	 "ACL user; none if empty"},
	{"redis_password_file", VRS_OPT_STRING,
	 offsetof(struct common, redis_password_file), "", 0, 0,
	 "file with the password of redis_user; none if empty"},
	{"metrics", VRS_OPT_STRING, offsetof(struct common, metrics), "", 0, 0,
	 "HOST:PORT that serves GET /metrics; none if empty"},
	{"bus_ca", VRS_OPT_STRING, offsetof(struct common, bus_ca), "", 0, 0,
	 "CA of the peers on tls+tcp:// (PEM); no TLS if empty"},
	{"bus_cert", VRS_OPT_STRING, offsetof(struct common, bus_cert), "", 0, 0,
	 "certificate of this daemon (PEM)"},
	{"bus_key", VRS_OPT_STRING, offsetof(struct common, bus_key), "", 0, 0,
	 "key of this daemon (PEM); the key in bus_cert if empty"},
	{"bus_name", VRS_OPT_STRING, offsetof(struct common, bus_name), "vrsas", 0, 0,
	 "name that a server's certificate must have"},
};

enum { N_COMMON = sizeof(common_options) / sizeof(common_options[0]) };

static struct vrs_option *joined_table(struct vrs_svc *svc)
{
	size_t n = 0;

	while (svc->options && svc->options[n].key)
		n++;
	struct vrs_option *t = vrs_calloc(n + N_COMMON + 1, sizeof(*t));
	for (size_t i = 0; i < n; i++)
		t[i] = svc->options[i];
	for (size_t i = 0; i < N_COMMON; i++) {
		t[n + i] = common_options[i];
		t[n + i].offset += (uintptr_t)&svc->priv->common - (uintptr_t)svc->conf;
	}
	return t;
}

static void print_help(const struct vrs_svc *svc)
{
	char upper[32];

	(void)vrs_strcpy(upper, sizeof(upper), svc->name);
	for (char *p = upper; *p; p++)
		*p = (char)toupper((unsigned char)*p);
	printf("usage: vrs-%s [-c FILE] [-t] [--key=value]...\n\n%s\n\n"
	       "  -c FILE  settings (sections [%s] and [common])\n"
	       "  -t       check the settings and exit\n"
	       "  -h       this text\n"
	       "  -V       version\n"
	       "  --man    manual page (roff)\n\n"
	       "Settings (default, range); in the file, as --key=value, or in the "
	       "environment\n"
	       "as VRSAS_%s_KEY or VRSAS_KEY:\n",
	       svc->name, svc->summary, svc->name, upper);
	vrs_conf_print_help(svc->priv->table, false);
}

static void print_man(const struct vrs_svc *svc)
{
	printf(".TH VRS-%s 8 \"\" \"VR-SAS %s\"\n.SH NAME\nvrs-%s \\- %s\n.SH SYNOPSIS\n"
	       ".B vrs-%s\n[-c FILE] [-t] [--key=value]...\n.SH SETTINGS\n"
	       "Sections [%s] and [common] of the settings file; a daemon's own key can "
	       "also be set on the command line (--key=value) or in the environment "
	       "(VRSAS_KEY).\n",
	       svc->name, VRS_VERSION, svc->name, svc->summary, svc->name, svc->name);
	vrs_conf_print_help(svc->priv->table, true);
	printf(".SH EXIT STATUS\n0 stopped on request, 1 failed, 2 invalid "
	       "settings.\n.SH SEE ALSO\n.BR vrsctl (1)\n");
}

static _Noreturn void usage(const struct vrs_svc *svc, const char *text)
{
	(void)fprintf(stderr, "vrs-%s: %s\n", svc->name, text);
	exit(2);
}

struct arguments {
	const char **override;
	size_t n_overrides;
	bool check_only;
};

static void read_arguments(struct vrs_svc *svc, int argc, char **argv,
			   struct arguments *a)
{
	a->override = vrs_calloc((size_t)argc + 1, sizeof(*a->override));
	for (int i = 1; i < argc; i++) {
		const char *s = argv[i];

		if (strcmp(s, "-h") == 0 || strcmp(s, "--help") == 0) {
			print_help(svc);
			exit(0);
		} else if (strcmp(s, "-V") == 0 || strcmp(s, "--version") == 0) {
			printf("vrs-%s %s\n", svc->name, VRS_VERSION);
			exit(0);
		} else if (strcmp(s, "--man") == 0) {
			print_man(svc);
			exit(0);
		} else if (strcmp(s, "-t") == 0) {
			a->check_only = true;
		} else if (strcmp(s, "-c") == 0) {
			if (i + 1 == argc)
				usage(svc, "-c: expected a file name");
			svc->config_path = argv[++i];
		} else if (strncmp(s, "--", 2) == 0 && s[2]) {
			a->override[a->n_overrides++] = s + 2;
		} else {
			char text[300];

			(void)snprintf(text, sizeof(text), "unknown argument %s; see -h",
				       s);
			usage(svc, text);
		}
	}
}

static int set_up_log(const struct vrs_svc *svc, struct vrs_err *err)
{
	static const char *const levels[] = {"error", "warn", "notice", "info", "debug"};
	const struct common *c = &svc->priv->common;
	bool json = strcmp(c->log_format, "json") == 0;

	if (!json && strcmp(c->log_format, "text") != 0)
		return vrs_fail(err, VRS_EINVAL,
				"invalid log_format = %s: expected text or json",
				c->log_format);
	for (int i = 0; i < 5; i++)
		if (strcmp(levels[i], c->log_level) == 0) {
			vrs_log_init(svc->name, (enum vrs_level)i, json);
			return 0;
		}
	return vrs_fail(
		err, VRS_EINVAL,
		"invalid log_level = %s: expected error, warn, notice, info or debug",
		c->log_level);
}

static int set_up_instance(struct vrs_svc *svc, struct vrs_err *err)
{
	struct common *c = &svc->priv->common;

	svc->priv->nameless = !*c->instance;
	if (!*c->instance) {
		char host[65] = "";

		(void)gethostname(host, sizeof(host) - 1);
		if (!vrs_name_ok(host))
			(void)vrs_strcpy(host, sizeof(host), "host");
		host[48] = '\0';
		free(c->instance);
		c->instance = vrs_asprintf("%s-%d", host, (int)getpid());
	}
	if (!vrs_name_ok(c->instance))
		return vrs_fail(
			err, VRS_EINVAL,
			"invalid instance = %s: use letters, digits, '.', '-' and '_'",
			c->instance);
	svc->instance = c->instance;
	return 0;
}

static void on_signal(void *arg)
{
	struct vrs_svc *svc = arg;
	struct signalfd_siginfo info;
	struct vrs_err err = {0};

	if (read(svc->priv->signal_fd, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return;
	if (info.ssi_signo != SIGHUP) {
		log_info("stopping signal=%u", info.ssi_signo);
		vrs_loop_stop(svc->loop);
	} else if (svc->reload(svc->conf, &err) < 0) {
		log_error("reload failed, the old settings stay in use: %s", err.text);
	}
}

static int set_up_loop(struct vrs_svc *svc, struct vrs_err *err)
{
	sigset_t set;
	int status = vrs_loop_open(&svc->loop, err);

	if (status < 0)
		return status;
	(void)signal(SIGPIPE, SIG_IGN);
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGINT);
	if (svc->reload)
		(void)sigaddset(&set, SIGHUP);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	svc->priv->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (svc->priv->signal_fd < 0)
		return vrs_fail_errno(err, "cannot create a signalfd");
	return vrs_loop_watch(svc->loop, svc->priv->signal_fd, on_signal, svc, err);
}

static int set_up_store(struct vrs_svc *svc, struct vrs_err *err)
{
	const struct common *c = &svc->priv->common;

	svc->store_conf = (struct vrs_store_conf){
		.address = c->redis,
		.user = c->redis_user,
		.password_file = c->redis_password_file,
	};
	return svc->needs_redis ? vrs_store_open(&svc->store, &svc->store_conf, err) : 0;
}

static void on_refused(const char *url, bool dials, const char *why, uint64_t n)
{
	enum { SOCKETS = 8 };
	static struct {
		char url[128];
		struct vrs_complaint complaint;
	} socket[SOCKETS];
	size_t i = 0;

	while (i < SOCKETS - 1 && socket[i].url[0] && strcmp(socket[i].url, url) != 0)
		i++;
	(void)vrs_strcpy(socket[i].url, sizeof(socket[i].url), url);
	vrs_complain(&socket[i].complaint, VRS_WARN, "%s %s: %s connections=%llu",
		     dials ? "not connected to" : "refused on", url, why,
		     (unsigned long long)n);
}

static int set_up_tls(const struct vrs_svc *svc, struct vrs_err *err)
{
	const struct common *c = &svc->priv->common;
	const struct vrs_bus_tls tls = {
		.ca_file = c->bus_ca,
		.cert_file = c->bus_cert,
		.key_file = c->bus_key,
		.server_name = c->bus_name,
		.refused = on_refused,
	};

	return vrs_bus_tls_set(&tls, err);
}

void vrs_svc_start(struct vrs_svc *svc, int argc, char **argv)
{
	struct arguments args = {0};
	struct vrs_err err = {0};

	svc->priv = vrs_calloc(1, sizeof(*svc->priv));
	svc->priv->signal_fd = -1;
	svc->priv->table = joined_table(svc);
	read_arguments(svc, argc, argv, &args);
	int status = vrs_conf_load(
		svc->priv->table, svc->conf,
		&(struct vrs_conf_sources){svc->name, svc->config_path, args.override},
		&err);
	free(args.override);
	if (status < 0 || set_up_log(svc, &err) < 0 || set_up_instance(svc, &err) < 0 ||
	    set_up_store(svc, &err) < 0 || set_up_tls(svc, &err) < 0)
		usage(svc, err.text);
	if (args.check_only) {
		printf("vrs-%s: settings are valid\n", svc->name);
		exit(0);
	}
	if (set_up_loop(svc, &err) < 0)
		vrs_svc_die(svc, &err);
	svc->priv->telemetry =
		vrs_telemetry_new(svc->name, svc->instance, svc->loop, svc->store);
	if (vrs_telemetry_listen(svc->priv->telemetry, svc->priv->common.metrics, &err) <
	    0)
		vrs_svc_die(svc, &err);
}

void vrs_svc_die(struct vrs_svc *svc, const struct vrs_err *err)
{
	(void)svc;
	log_error("fatal: %s", err->text);
	exit(1);
}

/* "AT_MS NOTE": `vrsctl status` shows from it which services run and how long one has
 * been silent. */
static void say_alive(void *arg)
{
	struct vrs_svc *svc = arg;
	struct vrs_err err = {0};
	char text[240];

	(void)snprintf(text, sizeof(text), "%lld %s", (long long)vrs_now_wall_ms(),
		       svc->priv->note);
	if (vrs_store_cmd(svc->store, NULL, &err, "HSET %s %s %s",
			  vrs_key_service(svc->name).text, svc->instance, text) < 0)
		vrs_complain(&svc->priv->store_trouble, VRS_WARN,
			     "Redis does not respond, retrying in %d ms: %s",
			     ALIVE_EVERY_MS, err.text);
	else
		vrs_complaint_over(&svc->priv->store_trouble, "Redis responds again");
}

/* Closing a socket can hang in NNG 1.5.2 (vrs/bus/nng.h), and a daemon has several.
 * Everything is durable at this point, so a stopping daemon exits without waiting. */
static void *leave_anyway(void *arg)
{
	const struct timespec patience = {.tv_sec = 3};

	(void)arg;
	(void)nanosleep(&patience, NULL);
	log_warn("a connection cannot be closed, exiting anyway");
	_exit(0);
}

static void bound_the_end(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, leave_anyway, NULL) == 0)
		(void)pthread_detach(thread);
}

int vrs_svc_run(struct vrs_svc *svc)
{
	struct vrs_err err = {0};

	if (svc->store) {
		say_alive(svc);
		(void)vrs_loop_every(svc->loop, ALIVE_EVERY_MS, say_alive, svc);
	}
	log_notice("started version=%s instance=%s", VRS_VERSION, svc->instance);
	if (vrs_loop_run(svc->loop, &err) < 0) {
		log_error("%s", err.text);
		return 1;
	}
	bound_the_end();
	return 0;
}

void vrs_svc_note(struct vrs_svc *svc, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(svc->priv->note, sizeof(svc->priv->note), fmt, ap);
	va_end(ap);
}

void vrs_svc_metrics(struct vrs_svc *svc, vrs_svc_metrics_fn fn, void *arg)
{
	vrs_telemetry_add(svc->priv->telemetry, fn, arg);
}

void vrs_svc_set_instance(struct vrs_svc *svc, const char *instance)
{
	struct common *c = &svc->priv->common;

	if (!svc->priv->nameless)
		return;
	free(c->instance);
	c->instance = vrs_strdup(instance);
	svc->instance = c->instance;
	vrs_telemetry_set_instance(svc->priv->telemetry, instance);
}

char *vrs_svc_page(struct vrs_svc *svc, const char *instance)
{
	return vrs_telemetry_page(svc->priv->telemetry, instance);
}

void vrs_svc_stop(struct vrs_svc *svc)
{
	if (!svc->priv)
		return;
	if (svc->store)
		(void)vrs_store_cmd(svc->store, NULL, NULL, "HDEL %s %s",
				    vrs_key_service(svc->name).text, svc->instance);
	vrs_telemetry_free(svc->priv->telemetry);
	vrs_store_close(svc->store);
	vrs_loop_close(svc->loop);
	if (svc->priv->signal_fd >= 0)
		(void)close(svc->priv->signal_fd);
	vrs_conf_fini(svc->priv->table, svc->conf);
	free(svc->priv->table);
	free(svc->priv);
	svc->priv = NULL;
	log_notice("stopped");
}
