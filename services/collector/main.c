/* vrs-collector: reads every host of its cluster, spools the readings and sends them to
 * etl. */
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backfill/backfill.h"
#include "backfill/playback.h"
#include "metrics.h"
#include "poll/hosts.h"
#include "poll/poller.h"
#include "ship/shipper.h"
#include "vrs/clock.h"
#include "vrs/log.h"
#include "vrs/mem.h"
#include "vrs/svc.h"

/* Time between two heartbeats with the metrics page. */
enum { PAGE_EVERY_MS = 15000 };

struct conf {
	char *site, *cluster, *collector, *replay;
	char *samples_url, *fill_url, *spool_dir, *cluster_key;
	int64_t interval_ms, heartbeat_ms, spool_keep_ms, history_ms, backfill_ms;
	double history_speed;
};

static const struct vrs_option options[] = {
	{"site", VRS_OPT_STRING, offsetof(struct conf, site), "", 0, 0,
	 "file that describes the clusters; required unless replay is set"},
	{"cluster", VRS_OPT_STRING, offsetof(struct conf, cluster), NULL, 0, 0,
	 "the cluster of this collector"},
	{"collector", VRS_OPT_STRING, offsetof(struct conf, collector), "", 0, 0,
	 "name of this collector, stable across restarts; name of the cluster if empty"},
	{"samples_url", VRS_OPT_STRING, offsetof(struct conf, samples_url),
	 "tcp://127.0.0.1:7701", 0, 0, "etl's socket for live readings"},
	{"fill_url", VRS_OPT_STRING, offsetof(struct conf, fill_url),
	 "tcp://127.0.0.1:7702", 0, 0,
	 "etl's socket for readings that were lost in transit"},
	{"cluster_key", VRS_OPT_STRING, offsetof(struct conf, cluster_key), "", 0, 0,
	 "file with the key of the cluster, used to seal messages; not sealed if empty"},
	{"interval", VRS_OPT_DURATION, offsetof(struct conf, interval_ms), "60s", 200,
	 3600000, "time between two readings"},
	{"heartbeat", VRS_OPT_DURATION, offsetof(struct conf, heartbeat_ms), "5s", 100,
	 60000, "time between two heartbeats"},
	{"spool_dir", VRS_OPT_STRING, offsetof(struct conf, spool_dir),
	 "/var/lib/vrsas/spool", 0, 0,
	 "folder of the spools; each collector uses a subfolder with its name"},
	{"spool_keep", VRS_OPT_DURATION, offsetof(struct conf, spool_keep_ms), "7d",
	 60000, 3.2e10, "how long the spool keeps a reading"},
	{"replay", VRS_OPT_STRING, offsetof(struct conf, replay), "", 0, 0,
	 "replay:FILE: use the hosts in this trace instead of those in the site file"},
	{"history", VRS_OPT_DURATION, offsetof(struct conf, history_ms), "0", 0, 0,
	 "if all hosts are traces, start this long ago and catch up"},
	{"prometheus_history", VRS_OPT_DURATION, offsetof(struct conf, backfill_ms),
	 "14d", 0, 1209600000, "history to backfill once for hosts read from Prometheus"},
	{"history_speed", VRS_OPT_DOUBLE, offsetof(struct conf, history_speed), "0", 0,
	 1e9, "intervals per second while catching up; 0 means as fast as possible"},
	{0},
};

struct collector {
	struct conf conf;
	struct vrs_svc svc;
	struct hosts hosts;
	struct shipper *shipper;
	struct poller *poller;
	struct playback *playback;
	struct backfill *backfill;
	char *spool_dir, *position_path;
	struct metrics metrics;
	int64_t page_mono_ms;
};

static const char *collector_name(const struct collector *c)
{
	return *c->conf.collector ? c->conf.collector : c->conf.cluster;
}

static int heartbeat(void *arg, Vrsas__V1__Heartbeat *hb, struct vrs_err *err)
{
	struct collector *c = arg;
	int64_t now = vrs_now_mono_ms();
	const char *none = hb->metrics;
	char *page = NULL;

	metrics_heartbeat(&c->metrics, hb);
	if (c->page_mono_ms == 0 || now - c->page_mono_ms >= PAGE_EVERY_MS) {
		page = vrs_svc_page(&c->svc, collector_name(c));
		hb->metrics = page;
		c->page_mono_ms = now;
	}
	int status = shipper_heartbeat(c->shipper, hb, err);
	hb->metrics = none;
	free(page);
	return status;
}

static void on_metrics(void *arg, struct vrs_page *page)
{
	struct collector *c = arg;
	struct poller_counts counts;

	if (c->poller) {
		poller_counts(c->poller, &counts);
		c->metrics.dropped = counts.dropped;
	} else if (c->playback) {
		c->metrics.dropped = playback_dropped(c->playback);
	}
	metrics_collect(&c->metrics, page);
}

static int open_shipper(struct collector *c, struct vrs_err *err)
{
	const struct conf *k = &c->conf;
	const char *name = collector_name(c);

	if (!vrs_name_ok(name))
		return vrs_fail(err, VRS_EINVAL, "invalid collector = %s", name);
	(void)mkdir(k->spool_dir, 0750); /* shipper_open reports the error */
	c->spool_dir = vrs_asprintf("%s/%s", k->spool_dir, name);
	c->position_path = vrs_asprintf("%s.replay", c->spool_dir);

	struct vrs_seal_key key;

	if (*k->cluster_key && vrs_seal_key_read(k->cluster_key, &key, err) < 0)
		return err->code;
	const struct shipper_conf conf = {.cluster = k->cluster,
					  .key = *k->cluster_key ? &key : NULL,
					  .collector = name,
					  .samples_url = k->samples_url,
					  .fill_url = k->fill_url,
					  .spool_dir = c->spool_dir,
					  .keep_ms = k->spool_keep_ms};
	const struct backfill_conf backfill = {.host = c->hosts.host,
					       .n_hosts = c->hosts.n,
					       .history_ms = k->backfill_ms,
					       .shipper = conf};
	if (shipper_open(&c->shipper, c->svc.loop, &conf, err) < 0 ||
	    backfill_open(&c->backfill, c->svc.loop, &backfill, err) < 0)
		return err->code;
	return 0;
}

static int open_poller(struct collector *c, struct vrs_err *err)
{
	const struct sink sink = {
		.shipper = c->shipper, .heartbeat = heartbeat, .arg = c};
	const struct conf *k = &c->conf;

	if (c->hosts.all_replay) {
		const struct playback_conf conf = {.site = c->hosts.site,
						   .cluster = c->hosts.cluster,
						   .host = c->hosts.host,
						   .n_hosts = c->hosts.n,
						   .interval_ms = k->interval_ms,
						   .heartbeat_ms = k->heartbeat_ms,
						   .history_ms = k->history_ms,
						   .history_speed = k->history_speed,
						   .position_path = c->position_path};
		return playback_open(&c->playback, c->svc.loop, &conf, &sink, err);
	}

	const struct poller_conf conf = {.site = c->hosts.site,
					 .cluster = c->hosts.cluster,
					 .host = c->hosts.host,
					 .n_hosts = c->hosts.n,
					 .interval_ms = k->interval_ms,
					 .heartbeat_ms = k->heartbeat_ms};
	return poller_open(&c->poller, c->svc.loop, &conf, &sink, err);
}

int main(int argc, char **argv)
{
	struct collector c = {.svc = {.name = "collector",
				      .summary =
					      "Reads every host of a cluster, spools the "
					      "readings and sends them to etl.",
				      .options = options}};
	struct vrs_err err = {0};

	c.svc.conf = &c.conf;
	vrs_svc_start(&c.svc, argc, argv);
	if (hosts_load(&c.hosts, c.conf.site, c.conf.cluster, c.conf.replay, &err) < 0 ||
	    open_shipper(&c, &err) < 0 || open_poller(&c, &err) < 0)
		vrs_svc_die(&c.svc, &err);

	c.metrics.cluster = c.conf.cluster;
	c.metrics.shipper = c.shipper;
	vrs_svc_set_instance(&c.svc, collector_name(&c));
	vrs_svc_metrics(&c.svc, on_metrics, &c);
	int status = vrs_svc_run(&c.svc);

	shipper_close(c.shipper); /* all records are on disk */
	playback_close(c.playback);
	if (!backfill_close(c.backfill) || !poller_close(c.poller))
		_exit(status); /* a host still blocks its worker; there is nothing left to
				  save */
	hosts_fini(&c.hosts);
	free(c.spool_dir);
	free(c.position_path);
	vrs_svc_stop(&c.svc);
	return status;
}
