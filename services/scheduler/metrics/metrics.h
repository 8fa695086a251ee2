/* metrics.h - the scheduler's metrics page (docs/METRICS.md).
 *
 * Counters are kept by the engine as things happen (engine/base/counters.h); the progress
 * of transfers and the accuracy of forecasts are followed here; the rest is read when the
 * page is made. */
#ifndef SCHEDULER_METRICS_METRICS_H
#define SCHEDULER_METRICS_METRICS_H

#include "control/control.h"
#include "engine/engine.h"
#include "forecasts/accuracy.h"
#include "forecasts/forecasts.h"
#include "vrs/metrics.h"

enum { METRICS_MAX_TRANSFERS = 64 };

/* A transfer under way, and when it last made progress. */
struct metrics_transfer {
	char vm_id[132];
	uint64_t bytes;
	int64_t mono_ms;
	bool seen;
};

struct metrics {
	struct engine *engine; /* these are the caller's */
	const struct forecasts *forecasts;
	const struct control *control;
	const struct fleet_loader *loader;
	/* ours */
	struct forecast_accuracy *accuracy;
	struct metrics_transfer transfer[METRICS_MAX_TRANSFERS];
	size_t n_transfers;
};

/* Every few seconds. */
void metrics_watch(struct metrics *m, int64_t mono_ms);
void metrics_collect(const struct metrics *m, int64_t mono_ms, struct vrs_page *page);

#endif
