/* svc.h - the frame of a daemon: options, settings, log, signals, loop, exit code.
 *
 * vrs_svc_start reads the command line (-c FILE, -t check only, -h, -V, --man,
 * --key=value), loads the settings, sets up log and loop, ignores SIGPIPE and makes
 * SIGTERM and SIGINT end vrs_svc_run. Invalid input ends the process with one line and
 * exit code 2. It adds the options that every daemon has: log_level, log_format, redis,
 * redis_user, redis_password_file, instance, metrics, and bus_ca, bus_cert, bus_key,
 * bus_name for addresses that begin with tls+tcp://. */
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
	struct vrs_store *store;          /* if needs_redis; for the loop's thread */
	struct vrs_store_conf store_conf; /* for worker threads' own connections */
	const char *instance;             /* name of this process among replicas */
	const char *config_path;          /* NULL: none given */
	struct vrs_svc_private *priv;
};

void vrs_svc_start(struct vrs_svc *svc, int argc, char **argv);

/* Logs the error and exits with code 1. */
_Noreturn void vrs_svc_die(struct vrs_svc *svc, const struct vrs_err *err);

/* Runs until SIGTERM or SIGINT; refreshes svc:NAME in Redis every few seconds, with the
 * line set by vrs_svc_note. Returns the exit code. */
int vrs_svc_run(struct vrs_svc *svc);
void vrs_svc_note(struct vrs_svc *svc, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void vrs_svc_stop(struct vrs_svc *svc);
/* Sets the instance name, unless the settings have one; the default is host and pid. */
void vrs_svc_set_instance(struct vrs_svc *svc, const char *instance);

/* fn adds the metrics of this service to the page, on the loop: for each request at the
 * address `metrics`, and every 15 s for Redis if there is a store. The frame itself adds
 * those of build, process, log, store and loop. */
typedef void (*vrs_svc_metrics_fn)(void *arg, struct vrs_page *page);
void vrs_svc_metrics(struct vrs_svc *svc, vrs_svc_metrics_fn fn, void *arg);
/* The current page as text, under this instance name; the caller frees it. */
char *vrs_svc_page(struct vrs_svc *svc, const char *instance);
/* Adds the counts of a socket, named as in the settings. A dialling socket without a peer
 * makes the service not ready. */
void vrs_page_bus(struct vrs_page *page, const char *socket,
		  const struct vrs_bus_counts *counts);

#endif
