/* base.h - what all parts of the engine stand on: records (entries.c), hosts, orders
 * under way, and the handles that the engine was opened with (base.c). Only engine.c and
 * the rooms below engine/ include this. */
#ifndef SCHEDULER_ENGINE_BASE_BASE_H
#define SCHEDULER_ENGINE_BASE_BASE_H

#include "engine/base/conf.h"
#include "engine/base/counters.h"
#include "engine/base/host_job.h"
#include "engine/base/last_seen.h"
#include "fleet/load.h"
#include "fleet/movability.h"
#include "forecasts/forecasts.h"
#include "machine/records.h"
#include "vrs/bus.h"
#include "vrs/log.h"
#include "vrs/svc.h"

/* An order in progress, or one that waits for its retry. */
struct slot {
	bool used, busy;
	enum reloc_order_kind kind;
	struct reloc_place place;
	uint64_t op;
	int64_t again_mono_ms;
	uint32_t tries;
	uint64_t token; /* of a removal assigned to a mover; 0: none */
	int64_t handed_mono_ms;
};
enum { MAX_SLOTS = 2 * RELOC_MAX_ORDERS };

/* One VM's record, and this process's work for it. */
struct entry {
	struct reloc r;
	Vrsas__V1__Relocation *msg;
	bool stored; /* the record is in Redis */
	bool stale;  /* Redis may have a newer one: read it again first */
	struct slot slot[MAX_SLOTS];
	/* transfer */
	Vrsas__V1__TransferStatus *status;
	uint64_t own_job, own_token;       /* made by this process */
	uint64_t handed_job, handed_token; /* assigned by it */
	bool handing, accepted;
	int64_t handed_mono_ms, poll_mono_ms, retry_mono_ms;
	unsigned xfer_tries;
	uint64_t seen_job, seen_token;
	int64_t beat_at_ms,
		beat_mono_ms;     /* by the mover's clock; when it changed by ours */
	int64_t missing_since_ms; /* no inventory lists it; 0: not so */
	int64_t running_mono_ms;  /* running since, for a VM without a health address;
				     0: not running */
};

/* A host as the detector and the workers see it. */
struct host {
	char cluster[65], name[65];
	const struct vrs_site_host *site;
	struct host_op_host conn; /* touched by its workers only */
	struct detector_host memory;
	bool probing;
	uint32_t probes_failed;
	int64_t probe_mono_ms, next_probe_mono_ms;
	int64_t answered_mono_ms; /* when the last answered probe began; 0: never */
	bool fencing;             /* a job at its power controller is in progress */
	int64_t fence_began_ms, next_fence_mono_ms;
	int64_t on_at_ms; /* found on after its death was proven; 0: never */
	struct {
		enum detector_claim kind;
		char by[96], reason[128];
		int64_t at_ms;
		bool stored;  /* in Redis, or was */
		bool applied; /* to every record */
	} claim;              /* of an operator: engine/watch/operator_claims.c */
	char alert[200];      /* of the monitoring, as text; "": none */
	char alert_id[132],
		void_alert_id[132]; /* firing; ignored since the host answers */
	char incident[132];  /* of the newest alert, until its relocations have ended */
	unsigned autostarts; /* jobs that turn off start at boot, not done yet */
	int64_t autostart_mono_ms; /* when the newest of them were begun */
	bool checking;             /* a job asks whether a copy runs here */
	bool handled;
	struct last_seen ran; /* VMs that ran when the host was last seen */
	bool ran_unsaved;     /* not yet stored in Redis */
	bool doubting;        /* hosts are queried whether a VM runs in two places */
};

struct engine; /* state.h, for the few files that keep it */

/* --- base.c --- */

bool engine_may_act(const struct engine *e);
uint64_t engine_lease_token(const struct engine *e); /* 0: not ours */
/* Rises over restarts as well: a lease that is taken has a higher number. */
uint64_t engine_removal_token(struct engine *e);
const struct engine_conf *engine_conf(const struct engine *e);
const struct vrs_site *engine_site(const struct engine *e);
struct vrs_store *engine_store(const struct engine *e);
/* Redis failed; not logged each time. */
void engine_store_trouble(struct engine *e, const char *text);
struct counters *engine_counts(struct engine *e);
/* Asks a mover; the answer must come within twice the time that a mover may be silent. */
int engine_ask_mover(struct engine *e, const Vrsas__V1__TransferJob *job,
		     vrs_req_done_fn fn, void *arg, struct vrs_err *err);

/* Takes the picture again, with new inventories when it must be fresh. */
int engine_load_fleet(struct engine *e, bool fresh, struct fleet **ret,
		      struct vrs_err *err);
struct fleet *engine_last_fleet(const struct engine *e); /* NULL: none yet */
/* Has the loop call engine_pump soon: what a job's result needs next is begun after the
 * result is durable, and never from inside the job's own callback. */
void engine_pump_soon(struct engine *e);

struct reloc_place engine_place(const char *cluster, const char *host);
struct reloc_place engine_place_of(const struct host *h);
size_t engine_n_hosts(const struct engine *e);
struct host *engine_nth_host(const struct engine *e, size_t i);
/* NULL: not in site.conf. */
struct host *engine_host_of(const struct engine *e, const struct reloc_place *p);
struct host *engine_host_at(struct engine *e, const struct fleet *w,
			    const struct fleet_host *wh);
bool engine_has_fence(const struct host *h); /* site.conf names a power controller */
/* Sets the state of each host in the fleet from the detector's verdicts. */
void engine_mark_lives(struct engine *e, struct fleet *w);

size_t engine_n_entries(const struct engine *e);
struct entry *engine_nth_entry(const struct engine *e, size_t i);
struct entry *engine_entry(const struct engine *e, const char *vm_id); /* NULL: none */
/* Disks of a copy as the record has them. */
Vrsas__V1__PlacedDisk *const *engine_disks_of(const Vrsas__V1__Relocation *msg,
					      const struct reloc_place *p, size_t *ret_n);
const Vrsas__V1__VmFacts *engine_facts_at(const struct fleet *w, const char *vm_id,
					  const struct reloc_place *p);

/* A VM at home that its owner deleted, shut down or no longer protects, according to the
 * newest inventories: a failure of its host does not concern it. ret_vm (may be NULL):
 * its facts at home; NULL: none. */
bool engine_left_alone(const struct fleet *w, const struct entry *en,
		       const Vrsas__V1__VmFacts **ret_vm);
/* No inventory lists the VM of a record at rest, and its home has one. */
bool engine_not_listed(const struct fleet *w, const struct entry *en);

/* The slot for executing this order; NULL: it is in progress, or its retry is not due. */
struct slot *engine_slot(struct entry *en, const struct reloc_order *o);
/* The order has ended and may be retried after pause_ms; with backoff the pause grows. */
void engine_slot_done(struct entry *en, const struct slot *key, int64_t pause_ms,
		      bool backoff);

/* --- entries.c: records in memory, and how they change --- */

struct entry *engine_entry_new(struct engine *e, const Vrsas__V1__VmFacts *vm,
			       const struct reloc_place *home);
/* Applies one event to the record; true when a change became durable. load: what else
 * changes with it, or NULL. */
bool engine_feed(struct engine *e, struct entry *en, const struct reloc_event *ev,
		 const struct record_load *load);
void engine_report(struct engine *e, const struct entry *en, Vrsas__V1__Severity severity,
		   const char *kind, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));
void engine_report_host(struct engine *e, const struct host *h,
			Vrsas__V1__Severity severity, const char *kind, const char *fmt,
			...) __attribute__((format(printf, 5, 6)));
void engine_report_vm(struct engine *e, const struct movability_vm *vm,
		      Vrsas__V1__Severity severity, const char *kind, const char *text);
/* This host is on, although its death was proven at proof_at_ms: all evidence of its
 * death from before now is void. */
void engine_host_is_on(struct engine *e, struct host *h, int64_t proof_at_ms,
		       const char *evidence);
/* Reads the record from Redis again; orders of an earlier op are dropped. */
int engine_entry_reload(struct engine *e, struct entry *en, struct vrs_err *err);
int engine_load_all(struct engine *e, struct vrs_err *err);
/* Removes the record from Redis, and en itself. False: it is still there. */
bool engine_entry_remove(struct engine *e, struct entry *en, const char *why);
void engine_drop_entries(struct engine *e);

/* --- host_poll.c: queries several hosts whether a VM runs there --- */

struct host_poll_answer {
	struct host *h;
	enum reloc_seen seen;
};
struct host_poll {
	struct engine *e;
	char vm_id[132];
	struct host *home;                 /* of the VM */
	void (*done)(struct host_poll *p); /* all have answered; p is freed afterwards */
	struct host_poll_answer *answer;
	size_t n;
	unsigned open;
};
struct host_poll *host_poll_new(struct engine *e, const char *vm_id, struct host *home,
				void (*done)(struct host_poll *p));
void host_poll_add(struct host_poll *p, struct host *h);
void host_poll_start(struct host_poll *p); /* takes it */

#endif
