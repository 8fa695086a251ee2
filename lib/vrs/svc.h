/* svc.h - the frame of a daemon: options, settings, log, signals, loop, exit code.
 *
 * vrs_svc_start reads the command line (-c FILE, -t check and leave, -h, -V, --man,
 * --key=value), loads the settings, sets up log and loop, ignores SIGPIPE, turns SIGTERM
 * and SIGINT into the end of vrs_svc_run and leaves the process on wrong input with one
 * line and exit code 2. Options that every daemon has are added by itself: log_level,
 * log_format, redis, redis_user, redis_password_file, instance, metrics, and
 * bus_ca, bus_cert, bus_key, bus_name for addresses that begin with tls+tcp://. */
#ifndef VRS_SVC_H
#define VRS_SVC_H

#include "vrs/bus.h"
#include "vrs/conf.h"
#include "vrs/loop.h"
#include "vrs/metrics.h"
#include "vrs/store.h"

struct vrs_svc {
	/* the daemon's: */
	const char *name;    /* "etl" */
	const char *summary; /* one sentence for -h and the manual page */
	const struct vrs_option *options;
	void *conf;
	bool needs_redis;
	/* Called with conf on SIGHUP; what fails leaves the old settings in use. NULL: a
	 * SIGHUP ends the daemon. */
	int (*reload)(void *conf, struct vrs_err *err);

	/* filled by start: */
	struct vrs_loop *loop;
	struct vrs_store *store;          /* when needs_redis; for the loop's thread */
	struct vrs_store_conf store_conf; /* for worker threads' own connections */
	const char *instance;             /* name of this process among replicas */
	const char *config_path;          /* NULL: none given */
	struct vrs_svc_private *priv;
};

void vrs_svc_start(struct vrs_svc *svc, int argc, char **argv);

/* Says why on the log and leaves with exit code 1. */
_Noreturn void vrs_svc_die(struct vrs_svc *svc, const struct vrs_err *err);

/* Until asked to stop; writes "who is alive" (svc:NAME) every few seconds. Returns the
 * exit code. note() may be NULL; it is asked for one short line about the daemon. */
int vrs_svc_run(struct vrs_svc *svc);
void vrs_svc_note(struct vrs_svc *svc, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void vrs_svc_stop(struct vrs_svc *svc);
/* A name that is better than host name and pid, unless the settings gave one. */
void vrs_svc_call(struct vrs_svc *svc, const char *instance);

/* fn adds what this service tells to the page whenever one is made, on the loop: when the
 * address in `metrics` is asked, and every 15 s for Redis where there is a store. Build,
 * process, log, store and loop are the frame's own. */
typedef void (*vrs_svc_metrics_fn)(void *arg, struct vrs_page *page);
void vrs_svc_metrics(struct vrs_svc *svc, vrs_svc_metrics_fn fn, void *arg);
/* A page as text, as it is now, told under this name; the caller frees it. */
char *vrs_svc_page(struct vrs_svc *svc, const char *instance);
/* The counts of one socket; its name is the one in the settings. A socket that dials and
 * has no peer makes the service not ready. */
void vrs_page_bus(struct vrs_page *page, const char *socket,
		  const struct vrs_bus_counts *counts);

#endif
