/* conf.h - settings of the engine, filled by main.c. */
#ifndef SCHEDULER_ENGINE_BASE_CONF_H
#define SCHEDULER_ENGINE_BASE_CONF_H

#include "detect/detector.h"
#include "machine/machine.h"
#include "plan/plan.h"

struct engine_conf {
	const char *transfer_url; /* listens here for movers */
	struct reloc_rules rules; /* deadlines of the machine */
	struct detector_rules detector;
	const struct plan_rules *plan;
	int64_t tick_ms;
	int64_t hv_timeout_ms;    /* of one call to a hypervisor */
	int64_t fence_timeout_ms; /* of one call to a fence agent */
	int64_t fence_retry_ms;   /* from a failed fence to the next attempt: fencing.c */
	int64_t shutdown_ms; /* time a guest has to shut down before its VM is destroyed
			      */
	int64_t health_timeout_ms; /* of one health check */
	int64_t health_retry_ms;
	int64_t settle_ms; /* a VM without a health address: running for this long */
	int64_t probe_ms;  /* between two probes of one host */
	int64_t mover_silent_ms; /* without a heartbeat for this long its job is assigned
				    to another mover */
	int64_t lease_ms;        /* of the scheduler */
	int64_t rate_limit_bytes_per_s; /* of one transfer; 0: none */
};

#endif
