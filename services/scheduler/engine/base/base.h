/* parts.h - what the parts of the engine share. Only for engine*.c. */
#ifndef SCHEDULER_ENGINE_PARTS_H
#define SCHEDULER_ENGINE_PARTS_H

#include "engine/engine.h"
#include "engine/base/host_ops.h"
#include "engine/base/last_seen.h"
#include "fleet/load.h"
#include "machine/records.h"
#include "vrs/bus.h"
#include "vrs/log.h"

/* An order that was given, or that waits until it may be given again. */
struct slot {
	bool used, busy;
	enum reloc_order_kind kind;
	struct reloc_place place;
	uint64_t op;
	int64_t again_mono_ms;
	uint32_t tries;
	uint64_t token; /* of a removal that was handed out; 0: none */
	int64_t handed_mono_ms;
};
enum { MAX_SLOTS = 2 * RELOC_MAX_ORDERS };

/* One VM's record and what this process knows of the work for it. */
struct entry {
	struct reloc r;
	Vrsas__V1__Relocation *msg;
	bool stored; /* there is a record in Redis */
	bool stale;  /* Redis may know better: read it again first */
	struct slot slot[MAX_SLOTS];
	/* transfer */
	Vrsas__V1__TransferStatus *status;
	uint64_t own_job, own_token;       /* made by this process */
	uint64_t handed_job, handed_token; /* handed out by it */
	bool handing, accepted;
	int64_t handed_mono_ms, poll_mono_ms, retry_mono_ms;
	unsigned xfer_tries;
	uint64_t seen_job, seen_token;
	int64_t beat_at_ms, beat_mono_ms; /* the mover's clock; when ours saw it change */
	int64_t running_mono_ms; /* since when it is seen running, without a health
				    address; 0: not */
};

/* A host as the detector and the lanes see it. */
struct host {
	char cluster[65], name[65];
	const struct vrs_site_host *site;
	struct act_host act;
	struct detector_host memory;
	bool probing;
	uint32_t probes_failed;
	int64_t probe_mono_ms, next_probe_mono_ms;
	int64_t answered_mono_ms; /* when the last answered one began; 0: never */
	bool fencing;             /* an order to its power controller is under way */
	int64_t fence_began_ms, next_fence_mono_ms;
	enum detector_word word;
	char word_by[96], word_reason[128];
	int64_t word_at_ms;
	bool word_stored; /* Redis has it, or had it */
	bool word_told;   /* every record has heard it */
	char alert[200];  /* of the monitoring, as a person reads it; "": none */
	char alert_id[132], void_alert_id[132]; /* firing; not believed any more */
	char incident[132];  /* the newest alert's, until all stories of it have ended */
	unsigned autostarts; /* orders to switch it off that wait on its lane */
	bool checking;       /* whether a copy really runs there */
	bool handled;
	struct ran ran;   /* what ran there when it was last seen */
	bool ran_unsaved; /* Redis does not have it yet */
	bool doubting;    /* whether a VM runs there and in another cluster, too */
};

struct brake {
	char cluster[65];
	struct detector_brake brake;
};

struct engine {
	struct vrs_svc *svc;
	struct engine_conf conf;
	struct act_rules act;
	const struct vrs_site *site;
	struct fleet_loader *loader;
	struct forecasts *forecasts;
	struct vrs_workers *workers;
	struct vrs_timer *tick, *renew;
	struct vrs_req *req; /* to movers */
	struct record_lease lease;
	char active_name[96]; /* as of the last refresh on standby */
	bool took_over, loaded, closing;
	int64_t lease_until_mono_ms;  /* as far as we know it is ours */
	struct act_lease lanes_lease; /* the same, for the lanes */
	uint64_t generation;          /* of the store's connection */
	struct entry **entry;
	size_t n_entries;
	struct host *host;
	size_t n_hosts;
	struct brake *brake;
	size_t n_brakes;
	struct vrs_complaint store_complaint, lease_complaint, fleet_complaint;
	int64_t autostart_mono_ms;
	unsigned jobs;
	uint64_t removals; /* handed out by this process */
	struct numbers numbers;
};

int64_t engine_mono(void);
int64_t engine_wall(void);

/* entries.c: records in memory, and how they change */
struct entry *engine_entry(struct engine *e, const char *vm_id);
struct entry *engine_entry_new(struct engine *e, const Vrsas__V1__VmFacts *vm,
			       const struct reloc_place *home);
/* Lets the machine take one event; true when a change became durable. load: NULL, or what
 * else changes with it. */
bool engine_feed(struct engine *e, struct entry *en, const struct reloc_event *ev,
		 const struct record_load *load);
void engine_tell(struct engine *e, const struct entry *en, Vrsas__V1__Severity severity,
		 const char *kind, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));
void engine_tell_host(struct engine *e, const struct host *h,
		      Vrsas__V1__Severity severity, const char *kind, const char *fmt,
		      ...) __attribute__((format(printf, 5, 6)));
/* Takes what Redis says; orders of an older op are of no interest then. */
int engine_entry_reload(struct engine *e, struct entry *en, struct vrs_err *err);
int engine_load_all(struct engine *e, struct vrs_err *err);
void engine_drop_entries(struct engine *e);

/* engine.c: lease, tick, pump */
/* Gives all orders that records ask for and that are not under way. */
void engine_pump(struct engine *e);
struct host *engine_host_of(struct engine *e, const struct reloc_place *p);
bool engine_may_act(const struct engine *e);

/* engine/watch/hosts.c: detector and probes */
void engine_watch(struct engine *e);
void engine_mark_lives(struct engine *e, struct fleet *w);

/* engine/watch/copies.c: what inventories show */
void engine_copies_watch(struct engine *e, const struct fleet *w);
/* NULL: its owner has not described it yet. */
struct host *engine_host_at(struct engine *e, const struct fleet *w,
			    const struct fleet_host *wh);
const Vrsas__V1__VmFacts *engine_facts_at(const struct fleet *w, const char *vm_id,
					  const struct reloc_place *p);

/* jobs.c: orders become jobs, jobs become events */
void engine_do(struct engine *e, struct entry *en, const struct reloc_order *o);
struct slot *engine_slot(struct entry *en, const struct reloc_order *o);
void engine_slot_done(struct entry *en, enum reloc_order_kind kind,
		      const struct reloc_place *place, uint64_t op, int64_t again_ms);

/* Who can reach the disks of a copy, as user@host; best first. */
enum { ENGINE_MAX_ENDS = 16 };
size_t engine_ends_of(struct engine *e, const struct reloc_copy *c, const char **ret);
/* The mover's own word, as Redis has it; NULL: none. The caller frees it. */
Vrsas__V1__TransferStatus *engine_transfer_status(struct engine *e, const char *job,
						  bool *ret_known);

/* removal.c */
enum { ENGINE_REMOVE_RETRY_MS = 60000 };
void engine_remove_do(struct engine *e, struct entry *en, const struct reloc_order *o);
/* Nothing that is known needs the disks of this copy; else why not. */
bool engine_may_remove(struct engine *e, const struct fleet *w, const struct entry *en,
		       uint32_t copy, const char **ret_why);

/* engine/watch/operator_claims.c: what people said of a host. Durable before it counts.
 */
int engine_word_put(struct engine *e, struct host *h, bool confirm_off, const char *actor,
		    const char *reason, struct vrs_err *err);
int engine_word_drop(struct engine *e, struct host *h, struct vrs_err *err);
int engine_words_load(struct engine *e, struct vrs_err *err);
/* Lets every record with a copy on this host hear it; how many took it. */
unsigned engine_word_tell(struct engine *e, struct fleet *w, struct host *h);
unsigned engine_word_spread(struct engine *e, const struct reloc_place *p,
			    struct reloc_event *ev);
void engine_words_watch(struct engine *e, struct fleet *w);

/* fencing.c */
void engine_fence(struct engine *e, struct host *h);
void engine_recheck(struct engine *e, const struct entry *en,
		    const struct reloc_order *o);

/* host_poll.c: several hosts are asked whether a VM runs there */
struct roll_said {
	struct host *h;
	enum reloc_seen seen;
};
struct roll {
	struct engine *e;
	char vm_id[132];
	struct host *home;            /* whom it is about */
	void (*over)(struct roll *r); /* all have been asked; then it is gone */
	struct roll_said *said;
	size_t n;
	unsigned open;
};
struct roll *roll_new(struct engine *e, const char *vm_id, struct host *home,
		      void (*over)(struct roll *r));
void roll_add(struct roll *r, struct host *h);
void roll_call(struct roll *r); /* takes it */
struct reloc_place engine_place_of(const struct host *h);

/* engine/watch/reboot_recovery.c: VMs that fell with a host that booted faster than
 * anybody noticed */
int engine_ran_load(struct engine *e, struct vrs_err *err);
void engine_ran_watch(struct engine *e, const struct fleet *w);
void engine_ran_close(struct engine *e);

/* engine/watch/alerts.c: what the monitoring says of hosts; the gateway wrote it to
 * Redis. */
void engine_alerts_read(struct engine *e);

/* decide.c */
void engine_decide(struct engine *e);

/* transfers.c */
void engine_transfer_do(struct engine *e, struct entry *en);
void engine_transfer_cancel(struct engine *e, struct entry *en);
/* Where the good disks' copies go at the target; the caller frees each and the list. */
Vrsas__V1__PlacedDisk **engine_place_disks(const struct engine *e, const struct reloc *r,
					   const Vrsas__V1__Relocation *msg,
					   uint32_t target, size_t *ret_n);
void engine_disks_free(Vrsas__V1__PlacedDisk **disk, size_t n);
/* Disks of a copy as the record has them. */
Vrsas__V1__PlacedDisk *const *engine_disks_of(const Vrsas__V1__Relocation *msg,
					      const struct reloc_place *p, size_t *ret_n);

#endif
