/* scheduler_rules.h - rules for the tests of the scheduler's pure rooms: the defaults of
 * vrs-scheduler's options. */
#ifndef KIT_SCHEDULER_RULES_H
#define KIT_SCHEDULER_RULES_H

#include "detect/detector.h"
#include "machine/machine.h"
#include "plan/plan.h"

static const struct detector_rules detector_defaults __attribute__((unused)) = {
	.silent_samples = 3,
	.silent_beats = 2,
	.failed_probes = 2,
	.probe_fresh_ms = 15000,
	.suspect_ms = 0,
	.stable_ms = 60000,
	.brake_ratio = 0.3,
	.brake_hosts = 2,
	.boot_ms = 300000,
};

static const struct plan_rules plan_defaults __attribute__((unused)) = {
	.disk_reserve_ratio = 0.05,
	.ram_reserve_ratio = 0.02,
	.forecast_max_age_ms = 10 * 60000,
	.sample_max_age_ms = 10 * 60000,
	.stable_ms = 60000,
	.blind_ratio = 0.15,
	.overload_class = 2,
	.local_restart = true,
	.cost = {.assumed_bytes_per_s = 50.0 * 1024 * 1024,
		 .setup_ms = 3000,
		 .boot_ms = 60000,
		 .gain_ratio = 0.8},
};

static const struct reloc_rules reloc_defaults __attribute__((unused)) = {
	.suspect_ms = 30000,
	.fence_ms = 120000,
	.decide_ms = 10000,
	.reserve_ms = 60000,
	.stall_ms = 600000,
	.verify_ms = 1800000,
	.grant_ms = 60000,
	.boot_ms = 300000,
	.stop_ms = 180000,
	.query_ms = 60000,
	.review_ms = 300000,
	.page_ms = 900000,
	.split_ms = 10000,
	.cleanup_ms = 60000,
	.max_starts = 2,
	.max_decisions = 3,
	.auto_failback = true,
	.keep_away = true,
};

#endif
