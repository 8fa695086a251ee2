/* vrs-etl: stores the readings of all collectors, each once. */
#include <stddef.h>

#include "auth.h"
#include "export.h"
#include "ingest.h"
#include "metrics.h"
#include "vrs/bus.h"
#include "vrs/clock.h"
#include "vrs/log.h"
#include "vrs/mem.h"
#include "vrs/svc.h"

enum { MAX_OPEN = 16, REPORT_EVERY_MS = 1000 };

struct settings {
	char *samples, *fill, *cluster_keys;
	int64_t retention_ms;
};

struct etl {
	struct settings conf;
	struct vrs_svc *svc;
	struct ingest *ingest;
	struct auth *auth;
	char auth_why[200]; /* reason of the newest rejection */
	uint64_t reported_auth;
	struct vrs_sub *samples;
	struct vrs_rep *fill;
	struct ingest_counts reported; /* counts already logged */
	uint64_t reported_garbage;
	struct vrs_complaint store_trouble, refusals, garbage, auth_trouble;
};

static const struct vrs_option options[] = {
	{"samples", VRS_OPT_STRING, offsetof(struct settings, samples),
	 "tcp://127.0.0.1:7701", 0, 0, "socket to which collectors publish"},
	{"fill", VRS_OPT_STRING, offsetof(struct settings, fill), "tcp://127.0.0.1:7702",
	 0, 0, "socket for offers from collectors and for exports"},
	{"retention", VRS_OPT_DURATION, offsetof(struct settings, retention_ms), "30d",
	 3600e3, 400 * 86400e3, "how long samples are kept"},
	{"cluster_keys", VRS_OPT_STRING, offsetof(struct settings, cluster_keys), "", 0,
	 0,
	 "folder with a file CLUSTER.key for each cluster; messages without a valid seal "
	 "are rejected; not checked if empty"},
	{0},
};

static void on_live(void *arg, struct vrs_msg *msg)
{
	const Vrsas__V1__Live *live = (const void *)vrs_msg_get(msg);
	struct etl *e = arg;
	struct vrs_err err = {0};
	const Vrsas__V1__Live *inner = auth_live(e->auth, live, vrs_now_wall_ms(), &err);

	if (inner == live)
		ingest_live(e->ingest, msg, NULL);
	else if (inner)
		ingest_live(e->ingest, auth_opened(e->auth), live->sealed);
	else
		(void)vrs_strcpy(e->auth_why, sizeof(e->auth_why), err.text);
	auth_close(e->auth);
}

static void on_fill(void *arg, const ProtobufCMessage *msg, struct vrs_req_token *token)
{
	const Vrsas__V1__FillRequest *request = (const Vrsas__V1__FillRequest *)msg;
	struct etl *e = arg;
	struct vrs_err err = {0};

	request = auth_fill(e->auth, request, &err);
	if (!request) {
		Vrsas__V1__FillReply no = VRSAS__V1__FILL_REPLY__INIT;

		(void)vrs_strcpy(e->auth_why, sizeof(e->auth_why), err.text);
		no.error = err.text;
		vrs_bus_answer(token, &no.base);
		auth_close(e->auth);
		return;
	}
	if (request->body_case != VRSAS__V1__FILL_REQUEST__BODY_EXPORT_PAGE) {
		vrs_bus_answer(token, &ingest_fill(e->ingest, request)->base);
		auth_close(e->auth);
		return;
	}
	Vrsas__V1__FillReply *page = export_page(e->svc->store, request);
	vrs_bus_answer(token, &page->base);
	export_free(page);
}

static void report_auth(struct etl *e)
{
	uint64_t n = 0;

	for (int reason = 0; reason < AUTH_REASONS; reason++)
		n += auth_refused(e->auth, (enum auth_reason)reason);
	if (n > e->reported_auth)
		vrs_complain(&e->auth_trouble, VRS_WARN, "refused: %s total=%llu",
			     e->auth_why, (unsigned long long)n);
	e->reported_auth = n;
}

static int open_auth(struct etl *e, struct vrs_err *err)
{
	struct vrs_seal_keys *keys = NULL;
	int status = *e->conf.cluster_keys
			     ? vrs_seal_keys_read(&keys, e->conf.cluster_keys, err)
			     : 0;

	if (status == 0)
		e->auth = auth_new_take(keys);
	return status;
}

/* Logs what has changed since the last call. */
static void on_report(void *arg)
{
	struct etl *e = arg;
	struct ingest_counts now;
	struct vrs_bus_counts live, fill;

	ingest_counts(e->ingest, &now);
	vrs_sub_counts(e->samples, &live);
	vrs_rep_counts(e->fill, &fill);
	if (now.store_failures > e->reported.store_failures)
		vrs_complain(&e->store_trouble, VRS_WARN,
			     "samples are not stored, retrying: %s", now.store_why);
	else if (now.samples > e->reported.samples)
		vrs_complaint_over(&e->store_trouble, "samples are stored again");
	if (now.refused > e->reported.refused)
		vrs_complain(&e->refusals, VRS_WARN, "refused: %s total=%llu",
			     now.refused_why, (unsigned long long)now.refused);
	report_auth(e);
	if (live.refused + fill.refused > e->reported_garbage)
		vrs_complain(&e->garbage, VRS_WARN, "invalid messages dropped total=%llu",
			     (unsigned long long)(live.refused + fill.refused));
	e->reported_garbage = live.refused + fill.refused;
	if (now.lost > e->reported.lost)
		log_error("records lost, expired in the spool: lost=%llu total=%llu",
			  (unsigned long long)(now.lost - e->reported.lost),
			  (unsigned long long)now.lost);
	e->reported = now;
	vrs_svc_note(e->svc,
		     "samples=%llu live=%llu filled=%llu gaps=%llu refused=%llu "
		     "garbage=%llu lost=%llu",
		     (unsigned long long)now.samples, (unsigned long long)now.live,
		     (unsigned long long)now.filled, (unsigned long long)now.gaps,
		     (unsigned long long)now.refused,
		     (unsigned long long)(live.refused + fill.refused),
		     (unsigned long long)now.lost);
}

static void on_metrics(void *arg, struct vrs_page *page)
{
	const struct etl *e = arg;
	const struct metrics_source from = {e->ingest, e->auth, e->samples, e->fill};

	metrics_collect(&from, page);
}

static int open_sockets(struct etl *e, struct vrs_err *err)
{
	const struct vrs_sub_conf samples = {.url = e->conf.samples,
					     .type = &vrsas__v1__live__descriptor,
					     .fn = on_live,
					     .arg = e};
	const struct vrs_rep_conf fill = {.url = e->conf.fill,
					  .listen = true,
					  .max_open = MAX_OPEN,
					  .type = &vrsas__v1__fill_request__descriptor,
					  .fn = on_fill,
					  .arg = e};
	int status = vrs_sub_open(&e->samples, e->svc->loop, &samples, err);

	return status < 0 ? status : vrs_rep_open(&e->fill, e->svc->loop, &fill, err);
}

int main(int argc, char **argv)
{
	struct vrs_err err = {0};
	struct etl e = {0};
	struct vrs_svc svc = {
		.name = "etl",
		.summary = "Stores the samples of all collectors, each once.",
		.options = options,
		.conf = &e.conf,
		.needs_redis = true,
	};

	e.svc = &svc;
	vrs_svc_start(&svc, argc, argv);
	if (open_auth(&e, &err) < 0 ||
	    ingest_open(&e.ingest, svc.loop, svc.store, e.conf.retention_ms, &err) < 0 ||
	    open_sockets(&e, &err) < 0)
		vrs_svc_die(&svc, &err);
	(void)vrs_loop_every(svc.loop, REPORT_EVERY_MS, on_report, &e);
	vrs_svc_metrics(&svc, on_metrics, &e);
	log_notice("listening samples=%s fill=%s", vrs_sub_url(e.samples),
		   vrs_rep_url(e.fill));

	int status = vrs_svc_run(&svc); /* until SIGTERM or SIGINT */

	vrs_rep_close(e.fill);
	vrs_sub_close(e.samples);
	ingest_close(e.ingest);
	auth_free(e.auth);
	vrs_svc_stop(&svc);
	return status;
}
