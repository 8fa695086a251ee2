/* counters.h - what the scheduler tells of itself to Prometheus (docs/METRICS.md).
 *
 * Counts what happens as it happens; the rest is read from the engine when a page is
 * made. */
#ifndef SCHEDULER_METRICS_COUNTERS_H
#define SCHEDULER_METRICS_COUNTERS_H

#include "forecasts/accuracy.h"
#include "machine/machine.h"
#include "vrs/metrics.h"
#include "vrsas/v1/event.pb-c.h"
#include "vrsas/v1/relocation.pb-c.h"

struct engine;
struct forecasts;
struct control;

enum { NUMBERS_MAX_MOVING = 64 };

/* A transfer under way, and when it last made progress. */
struct numbers_moving {
	char vm_id[132];
	uint64_t bytes;
	int64_t mono_ms;
	bool seen;
};

struct numbers {
	uint64_t reached[RELOC_N_STATES]; /* how often a story came into each state */
	uint64_t home;                    /* stories that ended at home */
	uint64_t bytes_out, bytes_home;
	uint64_t verdicts[VRSAS__V1__VERDICT__VERDICT_HOLD + 1];
	uint64_t events[VRSAS__V1__SEVERITY__SEVERITY_ERROR + 1];
	struct vrs_histogram outage_seconds, eta_error_ratio, decision_seconds;
	struct scorer *scorer;
	struct numbers_moving moving[NUMBERS_MAX_MOVING];
	size_t n_moving;
};

void numbers_init(struct numbers *n);
void numbers_fini(struct numbers *n);

/* A change that became durable; msg is the record as it is now. */
void numbers_change(struct numbers *n, const struct reloc *was, const struct reloc *now,
		    const Vrsas__V1__Relocation *msg);
void numbers_decided(struct numbers *n, const Vrsas__V1__Decision *d);
void numbers_event(struct numbers *n, Vrsas__V1__Severity severity);

/* Every few seconds: who makes progress, how the forecasts do. */
void numbers_watch(struct numbers *n, struct engine *e, int64_t mono_ms);
void numbers_tell(struct numbers *n, struct engine *e, const struct forecasts *f,
		  const struct control *c, int64_t mono_ms, struct vrs_page *page);

#endif
