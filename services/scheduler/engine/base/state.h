/* state.h - the state of the engine as a whole. The rest of the engine asks base.h. */
#ifndef SCHEDULER_ENGINE_BASE_STATE_H
#define SCHEDULER_ENGINE_BASE_STATE_H

#include "engine/base/base.h"

struct brake {
	char cluster[65];
	struct detector_brake brake;
};

struct engine {
	struct vrs_svc *svc;
	struct engine_conf conf;
	struct host_op_rules op_rules;
	const struct vrs_site *site;
	struct fleet_loader *loader;
	struct forecasts *forecasts;
	struct vrs_workers *workers;
	struct vrs_timer *tick, *renew, *pump_due;
	void (*pump)(void *e); /* engine_pump, called by the loop */
	struct vrs_req *req;   /* to movers */
	struct record_lease lease;
	char active_name[96]; /* as of the last refresh on standby */
	bool took_over, loaded;
	int64_t lease_until_mono_ms;       /* ours until then, at least */
	struct host_op_lease worker_lease; /* the same, for the workers */
	uint64_t generation;               /* of the store's connection */
	struct entry **entry;
	size_t n_entries;
	struct host *host;
	size_t n_hosts;
	struct brake *brake;
	size_t n_brakes;
	struct movability movability;
	struct vrs_complaint store_complaint, lease_complaint, fleet_complaint;
	uint64_t removals; /* handed out by this process */
	struct counters counters;
};

#endif
