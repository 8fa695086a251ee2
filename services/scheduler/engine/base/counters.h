/* counters.h - what happened to relocations, counted as it happens, for the metrics page.
 */
#ifndef SCHEDULER_ENGINE_BASE_COUNTERS_H
#define SCHEDULER_ENGINE_BASE_COUNTERS_H

#include "machine/machine.h"
#include "vrs/metrics.h"
#include "vrsas/v1/event.pb-c.h"
#include "vrsas/v1/relocation.pb-c.h"

struct counters {
	uint64_t reached[RELOC_N_STATES]; /* how often each state was entered */
	uint64_t home;                    /* relocations that ended at home */
	uint64_t bytes_out, bytes_home;
	uint64_t verdicts[VRSAS__V1__VERDICT__VERDICT_HOLD + 1];
	uint64_t events[VRSAS__V1__SEVERITY__SEVERITY_ERROR + 1];
	struct vrs_histogram outage_seconds, eta_error_ratio, decision_seconds;
};

void counters_init(struct counters *n);

/* A change that became durable; msg is the record after it. */
void counters_change(struct counters *n, const struct reloc *was, const struct reloc *now,
		     const Vrsas__V1__Relocation *msg);
void counters_decided(struct counters *n, const Vrsas__V1__Decision *d);
void counters_event(struct counters *n, Vrsas__V1__Severity severity);

#endif
