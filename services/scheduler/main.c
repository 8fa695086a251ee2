/* vrs-scheduler: sees hosts die, proves it, decides for their VMs and brings them where
 * they can run, and home again. */
#include <stddef.h>

#include "control/control.h"
#include "engine/engine.h"
#include "fleet/load.h"
#include "metrics/metrics.h"
#include "vrs/clock.h"
#include "vrs/log.h"
#include "vrs/svc.h"

struct settings {
	char *site, *transfer, *control, *forecast, *cluster_keys;
	struct engine_conf engine;
	struct detector_rules detector;
	struct reloc_rules rules;
	struct plan_rules plan;
	struct fleet_load_rules load;
	struct forecasts_conf forecasts;
	int64_t silent_samples, silent_beats, failed_probes, brake_hosts, max_starts,
		max_decisions, overload_class;
	bool auto_failback, keep_away;
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
	{"site", VRS_OPT_STRING, AT(site), NULL, 0, 0, "the file that describes clusters, hosts and VMs"},
	{"forecast", VRS_OPT_STRING, AT(forecast), "tcp://127.0.0.1:7703", 0, 0, "predictors dial in here"},
	{"transfer", VRS_OPT_STRING, AT(transfer), "tcp://127.0.0.1:7704", 0, 0, "movers dial in here"},
	{"control", VRS_OPT_STRING, AT(control), "tcp://127.0.0.1:7705", 0, 0, "vrsctl and gateways ask here"},

	COUNT("silent_samples", silent_samples, "3", 1000, "failed readings in a row, as the collector counts, before it says dead"),
	COUNT("silent_beats", silent_beats, "2", 1000, "heartbeats in a row that must say so"),
	COUNT("failed_probes", failed_probes, "2", 1000, "of our own probes in a row, before they say dead"),
	TIME("probe_fresh", detector.probe_fresh_ms, "15s", "an older probe does not count"),
	TIME("suspect_for", detector.suspect_ms, "0s", "at least this long suspect before taken for down"),
	TIME("stable", detector.stable_ms, "60s", "a host that came back must stay for this long"),
	{"brake_ratio", VRS_OPT_DOUBLE, AT(detector.brake_ratio), "0.3", 0, 1, "more silent hosts of a cluster than this share: hands off"},
	COUNT("brake_hosts", brake_hosts, "2", 1000, "and at least so many"),

	TIME("tick", engine.tick_ms, "1s", "how often the world is looked at"),
	TIME("probe", engine.probe_ms, "5s", "between two probes of a host"),
	TIME("hv_timeout", engine.hv_timeout_ms, "15s", "of one call to a hypervisor"),
	TIME("fence_timeout", engine.fence_timeout_ms, "40s", "of one order to a fence agent"),
	TIME("fence_retry", engine.fence_retry_ms, "5s", "between two orders to a fence agent"),
	TIME("shutdown", engine.shutdown_ms, "60s", "a guest's time to shut down before it is destroyed"),
	TIME("health_timeout", engine.health_timeout_ms, "2s", "of one question to a guest"),
	TIME("health_retry", engine.health_retry_ms, "500ms", "between two questions to a guest"),
	TIME("settle", engine.settle_ms, "20s", "a VM without a health address must have run for this long"),
	TIME("mover_silent", engine.mover_silent_ms, "15s", "another mover gets the job after this silence"),
	TIME("lease", engine.lease_ms, "10s", "of the active scheduler; a standby takes over after it"),
	{"rate_limit", VRS_OPT_BYTES, AT(engine.rate_limit_bytes_per_s), "0", 0, 1e13, "bytes a second of one transfer; 0: none"},

	TIME("suspect_budget", rules.suspect_ms, "30s", "suspicion without a word either way"),
	TIME("fence_budget", rules.fence_ms, "120s", "then a person is asked; fencing goes on"),
	TIME("decide_budget", rules.decide_ms, "10s", "for a decision"),
	TIME("reserve_budget", rules.reserve_ms, "60s", "for a target to answer"),
	TIME("stall_budget", rules.stall_ms, "10m", "a transfer without a byte of progress"),
	TIME("verify_budget", rules.verify_ms, "30m", "for comparing without progress, or defining"),
	TIME("grant_budget", rules.grant_ms, "60s", "to read all proofs again"),
	TIME("boot_budget", rules.boot_ms, "300s", "from the grant to the guest's answer"),
	TIME("stop_budget", rules.stop_ms, "180s", "for a VM to be confirmed off"),
	TIME("look_budget", rules.look_ms, "60s", "to look at home before the way back"),
	TIME("review", rules.review_ms, "5m", "a wait or a hold is thought over again"),
	TIME("page", rules.page_ms, "15m", "a hold calls again"),
	TIME("split_budget", rules.split_ms, "10s", "to stop an older copy before a person is called"),
	TIME("cleanup_budget", rules.cleanup_ms, "60s", "to clear up after the way home"),
	COUNT("max_starts", max_starts, "2", 20, "tries on one target"),
	COUNT("max_decisions", max_decisions, "3", 100, "of one failure"),
	{"auto_failback", VRS_OPT_BOOL, AT(auto_failback), "yes", 0, 0, "go home by itself when the host is back and stable"},
	{"keep_away", VRS_OPT_BOOL, AT(keep_away), "yes", 0, 0, "home again, the disks it ran on last stay there as a seed: next time only changes travel"},

	TIME("collector_late", load.collector_late_ms, "15s", "a collector without a heartbeat for this long is silent"),
	{"cluster_keys", VRS_OPT_STRING, AT(cluster_keys), "", 0, 0, "folder with a file CLUSTER.key for each cluster: a heartbeat that is not sealed with it is none; empty: not looked at"},
	TIME("inventory_max_age", load.inventory_max_age_ms, "3s", "inventories are read again after this"),
	TIME("forecast_interval", forecasts.interval_ms, "5m", "how often forecasts are asked for"),
	TIME("forecast_timeout", forecasts.timeout_ms, "60s", "of one forecast job"),
	TIME("predictor_silent", forecasts.silence_ms, "20s", "another predictor gets the job after this silence"),

	{"disk_reserve", VRS_OPT_DOUBLE, AT(plan.disk_reserve_ratio), "0.05", 0, 1, "share of a target's file system that is kept free"},
	{"ram_reserve", VRS_OPT_DOUBLE, AT(plan.ram_reserve_ratio), "0.02", 0, 1, "share of a target's memory that is kept free"},
	TIME("forecast_max_age", plan.forecast_max_age_ms, "10m", "an older forecast gives way to the newest reading"),
	{"blind_doubt", VRS_OPT_DOUBLE, AT(plan.blind_ratio), "0.15", 0, 1, "added to the newest CPU reading where there is no forecast"},
	TIME("sample_max_age", plan.sample_max_age_ms, "10m", "an older reading is none"),
	COUNT("overload_class", overload_class, "2", 4, "up to this class a VM goes where it fits least badly; 0: never"),
	{"local_restart", VRS_OPT_BOOL, AT(plan.local_restart), "yes", 0, 0, "hosts of its own cluster may take a VM"},
	{"assumed_rate", VRS_OPT_BYTES, AT(assumed_rate), "50M", 1, 1e13, "bytes a second where no transfer was measured"},
	TIME("transfer_setup", plan.worth.setup_ms, "3s", "of each transfer: connect, verify, define"),
	TIME("boot_time", plan.worth.boot_ms, "60s", "expected from start to first answer"),
	{"gain_ratio", VRS_OPT_DOUBLE, AT(plan.worth.gain_ratio), "0.8", 0, 1, "moving must cut the outage below this share of waiting"},
	{0},
};
/* clang-format on */

/* The table fills what has its own type; the rest is put in place here. */
static void settle(struct settings *c)
{
	c->detector.silent_samples = (uint32_t)c->silent_samples;
	c->detector.silent_beats = (uint32_t)c->silent_beats;
	c->detector.failed_probes = (uint32_t)c->failed_probes;
	c->detector.brake_hosts = (uint32_t)c->brake_hosts;
	c->rules.max_starts = (uint32_t)c->max_starts;
	c->rules.max_decisions = (uint32_t)c->max_decisions;
	c->rules.auto_failback = c->auto_failback;
	c->rules.keep_away = c->keep_away;
	c->plan.overload_class = (uint32_t)c->overload_class;
	c->plan.stable_ms = c->detector.stable_ms;
	c->plan.worth.assumed_bytes_per_s = (double)c->assumed_rate;
	c->engine.detector = c->detector;
	c->engine.rules = c->rules;
	c->engine.plan = &c->plan;
	c->engine.transfer_url = c->transfer;
	c->forecasts.url = c->forecast;
}

static struct fleet *newest_fleet(void *arg)
{
	return engine_fleet(arg);
}

enum { WATCH_EVERY_MS = 2000 };

struct scheduler {
	struct vrs_site *site;
	struct vrs_seal_keys *keys;
	struct fleet_loader *world;
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
	uint64_t n = fleet_loader_refused(s->world, &why);

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
	s->world = fleet_loader_new(svc->store, s->site, &c->load);
	if (engine_open(&s->engine, svc, &c->engine, s->site, s->world, err) < 0 ||
	    forecasts_open(&s->forecasts, svc->loop, &c->forecasts, newest_fleet,
			   s->engine, err) < 0 ||
	    control_open(&s->control, svc, &control, s->engine, s->forecasts, err) < 0)
		return -1;
	engine_set_forecasts(s->engine, s->forecasts);
	s->metrics = (struct metrics){.engine = s->engine,
				      .forecasts = s->forecasts,
				      .control = s->control,
				      .world = s->world,
				      .scorer = scorer_new()};
	return 0;
}

static void close_rooms(struct scheduler *s)
{
	scorer_free(s->metrics.scorer);
	control_close(s->control);
	engine_close(s->engine);
	forecasts_close(s->forecasts);
	fleet_loader_free(s->world);
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
	settle(&c);
	if (open_rooms(&s, &svc, &c, &err) < 0)
		vrs_svc_die(&svc, &err);
	(void)vrs_loop_every(svc.loop, WATCH_EVERY_MS, on_watch, &s);
	vrs_svc_metrics(&svc, on_metrics, &s);

	int status = vrs_svc_run(&svc); /* until SIGTERM or SIGINT */

	close_rooms(&s);
	vrs_svc_stop(&svc);
	return status;
}
