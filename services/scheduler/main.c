/* vrs-scheduler: detects failed hosts, proves it, decides where their VMs run, relocates
 * them there and home again. */
#include <stddef.h>

#include "control/control.h"
#include "engine/engine.h"
#include "fleet/load.h"
#include "metrics/metrics.h"
#include "vrs/clock.h"
#include "vrs/log.h"
#include "vrs/svc.h"

struct settings {
	char *site, *control, *cluster_keys;
	struct engine_conf engine;
	struct plan_rules plan;
	struct fleet_load_rules load;
	struct forecasts_conf forecasts;
	int64_t assumed_rate;
};

#define AT(field) offsetof(struct settings, field)
#define TIME(key, field, fallback, help)                                                 \
	{                                                                                \
		key, VRS_OPT_DURATION, AT(field), fallback, 0, 0, help                   \
	}
#define COUNT(key, field, fallback, high, help)                                          \
	{                                                                                \
		key, VRS_OPT_INT, AT(field), fallback, 0, high, help                     \
	}

/* clang-format off */
static const struct vrs_option options[] = {
	{"site", VRS_OPT_STRING, AT(site), NULL, 0, 0, "path of site.conf: clusters, hosts and VMs"},
	{"forecast", VRS_OPT_STRING, AT(forecasts.url), "tcp://127.0.0.1:7703", 0, 0, "address that predictors connect to"},
	{"transfer", VRS_OPT_STRING, AT(engine.transfer_url), "tcp://127.0.0.1:7704", 0, 0, "address that movers connect to"},
	{"control", VRS_OPT_STRING, AT(control), "tcp://127.0.0.1:7705", 0, 0, "address for vrsctl and gateways"},

	COUNT("silent_samples", engine.detector.silent_samples, "3", 1000, "consecutive failed readings after which the collector counts a host as dead"),
	COUNT("silent_beats", engine.detector.silent_beats, "2", 1000, "consecutive heartbeats that must report the dead host"),
	COUNT("failed_probes", engine.detector.failed_probes, "2", 1000, "consecutive failed probes of the scheduler after which they count as dead"),
	TIME("probe_fresh", engine.detector.probe_fresh_ms, "15s", "ignore probes older than this"),
	TIME("suspect_for", engine.detector.suspect_ms, "0s", "minimum time a host is suspect before it is declared down"),
	TIME("stable", engine.detector.stable_ms, "60s", "time a host must stay up before its VMs fail back to it"),
	{"brake_ratio", VRS_OPT_DOUBLE, AT(engine.detector.brake_ratio), "0.3", 0, 1, "share of silent hosts in a cluster above which nothing is fenced"},
	COUNT("brake_hosts", engine.detector.brake_hosts, "2", 1000, "minimum number of silent hosts for brake_ratio to apply"),
	TIME("host_boot", engine.detector.boot_ms, "5m", "time a host may boot after it was switched on, in which its silence is no evidence"),

	TIME("tick", engine.tick_ms, "1s", "interval between two evaluations of the fleet"),
	TIME("probe", engine.probe_ms, "5s", "interval between two probes of a host"),
	TIME("hv_timeout", engine.hv_timeout_ms, "15s", "timeout of one call to a hypervisor"),
	TIME("fence_timeout", engine.fence_timeout_ms, "40s", "timeout of one call to a fence agent"),
	TIME("fence_retry", engine.fence_retry_ms, "5s", "time from a failed fence to the next attempt"),
	TIME("shutdown", engine.shutdown_ms, "60s", "time a guest has to shut down before its VM is destroyed"),
	TIME("health_timeout", engine.health_timeout_ms, "2s", "timeout of one health check"),
	TIME("health_retry", engine.health_retry_ms, "500ms", "interval between two health checks"),
	TIME("settle", engine.settle_ms, "20s", "a VM without a health address counts as up after running for this long"),
	TIME("mover_silent", engine.mover_silent_ms, "15s", "reassign a job if its mover has been silent for this long"),
	TIME("lease", engine.lease_ms, "10s", "lease of the active scheduler; a standby takes over when it expires"),
	{"rate_limit", VRS_OPT_BYTES, AT(engine.rate_limit_bytes_per_s), "0", 0, 1e13, "rate limit of one transfer in bytes per second; none if 0"},

	TIME("suspect_budget", engine.rules.suspect_ms, "30s", "deadline of the state SUSPECT"),
	TIME("fence_budget", engine.rules.fence_ms, "120s", "time without proof after which an operator is called; fencing continues"),
	TIME("decide_budget", engine.rules.decide_ms, "10s", "deadline for a decision"),
	TIME("reserve_budget", engine.rules.reserve_ms, "60s", "deadline for a target to answer"),
	TIME("stall_budget", engine.rules.stall_ms, "10m", "deadline for a transfer without progress"),
	TIME("verify_budget", engine.rules.verify_ms, "30m", "deadline for verifying without progress, and for defining"),
	TIME("grant_budget", engine.rules.grant_ms, "60s", "deadline for reading all proofs again before a grant"),
	TIME("boot_budget", engine.rules.boot_ms, "300s", "deadline from the grant to the guest's answer"),
	TIME("stop_budget", engine.rules.stop_ms, "180s", "deadline for a VM to be confirmed off"),
	TIME("query_budget", engine.rules.query_ms, "60s", "deadline for checking the home host before a failback"),
	TIME("review", engine.rules.review_ms, "5m", "interval at which a wait or a hold is re-evaluated"),
	TIME("page", engine.rules.page_ms, "15m", "repeat the alert for a held relocation after this long"),
	TIME("split_budget", engine.rules.split_ms, "10s", "deadline for stopping an older copy before an operator is called"),
	TIME("cleanup_budget", engine.rules.cleanup_ms, "60s", "deadline for the cleanup after a failback"),
	COUNT("max_starts", engine.rules.max_starts, "2", 20, "maximum number of start attempts on one target"),
	COUNT("max_decisions", engine.rules.max_decisions, "3", 100, "maximum number of decisions for one failure"),
	{"auto_failback", VRS_OPT_BOOL, AT(engine.rules.auto_failback), "yes", 0, 0, "fail back automatically when the home host is back and stable"},
	{"keep_away", VRS_OPT_BOOL, AT(engine.rules.keep_away), "yes", 0, 0, "after a failback keep the remote disks, so that the next failover copies changes only"},

	TIME("collector_late", load.collector_late_ms, "15s", "time without a heartbeat after which a collector counts as silent"),
	{"cluster_keys", VRS_OPT_STRING, AT(cluster_keys), "", 0, 0, "folder with one CLUSTER.key per cluster; heartbeats not signed with it are rejected; not checked if empty"},
	TIME("inventory_max_age", load.inventory_max_age_ms, "3s", "maximum age of cached inventories"),
	TIME("forecast_interval", forecasts.interval_ms, "5m", "interval between forecast requests"),
	TIME("forecast_timeout", forecasts.timeout_ms, "60s", "timeout of one forecast job"),
	TIME("predictor_silent", forecasts.silence_ms, "20s", "reassign a job if its predictor has been silent for this long"),

	{"disk_reserve", VRS_OPT_DOUBLE, AT(plan.disk_reserve_ratio), "0.05", 0, 1, "share of a target's file system to keep free"},
	{"ram_reserve", VRS_OPT_DOUBLE, AT(plan.ram_reserve_ratio), "0.02", 0, 1, "share of a target's memory to keep free"},
	TIME("forecast_max_age", plan.forecast_max_age_ms, "10m", "use the newest reading instead of a forecast older than this"),
	{"blind_doubt", VRS_OPT_DOUBLE, AT(plan.blind_ratio), "0.15", 0, 1, "margin added to the newest CPU reading if there is no forecast"},
	TIME("sample_max_age", plan.sample_max_age_ms, "10m", "ignore CPU readings older than this"),
	COUNT("overload_class", plan.overload_class, "2", 4, "VMs of this class or more urgent are placed even if every target would be overloaded; never if 0"),
	{"local_restart", VRS_OPT_BOOL, AT(plan.local_restart), "yes", 0, 0, "allow restarts on other hosts of the same cluster"},
	{"assumed_rate", VRS_OPT_BYTES, AT(assumed_rate), "50M", 1, 1e13, "assumed transfer rate in bytes per second if none was measured"},
	TIME("transfer_setup", plan.cost.setup_ms, "3s", "time per transfer to connect, verify and define"),
	TIME("boot_time", plan.cost.boot_ms, "60s", "expected time from start to first answer"),
	{"gain_ratio", VRS_OPT_DOUBLE, AT(plan.cost.gain_ratio), "0.8", 0, 1, "move only if the outage is below this share of the outage when waiting"},
	{0},
};
/* clang-format on */

/* Rules that follow from other settings. */
static void apply_settings(struct settings *c)
{
	c->plan.stable_ms = c->engine.detector.stable_ms;
	c->plan.cost.assumed_bytes_per_s = (double)c->assumed_rate;
	c->engine.plan = &c->plan;
}

static struct fleet *newest_fleet(void *arg)
{
	return engine_fleet(arg);
}

enum { WATCH_EVERY_MS = 2000 };

struct scheduler {
	struct vrs_site *site;
	struct vrs_seal_keys *keys;
	struct fleet_loader *loader;
	struct engine *engine;
	struct forecasts *forecasts;
	struct control *control;
	struct metrics metrics;
	uint64_t n_refused;
	struct vrs_complaint refused;
};

static void report_refused(struct scheduler *s)
{
	const char *why;
	uint64_t n = fleet_loader_refused(s->loader, &why);

	if (n > s->n_refused)
		vrs_complain(&s->refused, VRS_WARN, "rejecting heartbeats: %s", why);
	else
		vrs_complaint_over(&s->refused, "heartbeats are accepted again");
	s->n_refused = n;
}

static void on_watch(void *arg)
{
	struct scheduler *s = arg;

	report_refused(s);
	metrics_watch(&s->metrics, vrs_now_mono_ms());
}

static void on_metrics(void *arg, struct vrs_page *page)
{
	const struct scheduler *s = arg;

	metrics_collect(&s->metrics, vrs_now_mono_ms(), page);
}

static int open_rooms(struct scheduler *s, struct vrs_svc *svc, struct settings *c,
		      struct vrs_err *err)
{
	const struct control_conf control = {.url = c->control, .plan = &c->plan};

	if (vrs_site_load(&s->site, c->site, err) < 0 ||
	    (*c->cluster_keys && vrs_seal_keys_read(&s->keys, c->cluster_keys, err) < 0))
		return -1;
	c->load.keys = s->keys;
	s->loader = fleet_loader_new(svc->store, s->site, &c->load);
	if (engine_open(&s->engine, svc, &c->engine, s->site, s->loader, err) < 0)
		return -1;
	c->forecasts.fleet = newest_fleet;
	c->forecasts.arg = s->engine;
	if (forecasts_open(&s->forecasts, svc->loop, &c->forecasts, err) < 0 ||
	    control_open(&s->control, svc, &control, s->engine, s->forecasts, err) < 0)
		return -1;
	engine_set_forecasts(s->engine, s->forecasts);
	s->metrics = (struct metrics){.engine = s->engine,
				      .forecasts = s->forecasts,
				      .control = s->control,
				      .loader = s->loader,
				      .accuracy = forecast_accuracy_new()};
	return 0;
}

static void close_rooms(struct scheduler *s)
{
	forecast_accuracy_free(s->metrics.accuracy);
	control_close(s->control);
	engine_close(s->engine);
	forecasts_close(s->forecasts);
	fleet_loader_free(s->loader);
	vrs_seal_keys_free(s->keys);
	vrs_site_free(s->site);
}

int main(int argc, char **argv)
{
	struct vrs_err err = {0};
	struct settings c = {0};
	struct scheduler s = {0};
	struct vrs_svc svc = {
		.name = "scheduler",
		.summary = "detects failed hosts and relocates their VMs",
		.options = options,
		.conf = &c,
		.needs_redis = true,
	};

	vrs_svc_start(&svc, argc, argv);
	apply_settings(&c);
	if (open_rooms(&s, &svc, &c, &err) < 0)
		vrs_svc_die(&svc, &err);
	(void)vrs_loop_every(svc.loop, WATCH_EVERY_MS, on_watch, &s);
	vrs_svc_metrics(&svc, on_metrics, &s);

	int status = vrs_svc_run(&svc); /* until SIGTERM or SIGINT */

	close_rooms(&s);
	vrs_svc_stop(&svc);
	return status;
}
