/* engine.h - carries out what the machine of machine/machine.h orders.
 *
 * Keeps one record a VM, feeds each with what happens (detector, hypervisors, fences,
 * movers, operators) and does the work that a record's state asks for on worker lanes.
 * Intent is durable before its side effect: an order is carried out only after the
 * transition that asks for it stands in Redis. Only the scheduler that holds the lease
 * acts; another one waits, answers questions and refuses orders.
 *
 * Everything here is called on the loop. */
#ifndef SCHEDULER_ENGINE_ENGINE_H
#define SCHEDULER_ENGINE_ENGINE_H

#include "engine/base/conf.h"
#include "engine/base/counters.h"
#include "fleet/movability.h"
#include "forecasts/forecasts.h"
#include "machine/machine.h"
#include "vrs/svc.h"

struct engine;
struct fleet_loader;

int engine_open(struct engine **ret, struct vrs_svc *svc, const struct engine_conf *conf,
		const struct vrs_site *site, struct fleet_loader *world,
		struct vrs_err *err);
void engine_close(struct engine *e);

/* Refreshed when a host becomes suspect; may stay unset. */
void engine_set_forecasts(struct engine *e, struct forecasts *f);

/* --- what is known; belongs to the engine, valid until the loop goes on --- */

bool engine_active(const struct engine *e); /* holds the lease */
/* On standby, reads the records of the active scheduler again; when active, ours are
 * current. What is known (below) is as of then. */
int engine_refresh(struct engine *e, struct vrs_err *err);
/* The holder of the lease at the last refresh; "": none. */
const char *engine_active_name(const struct engine *e);
/* The newest picture with the lives of hosts set (suspect, down); NULL: none yet. */
struct fleet *engine_fleet(struct engine *e);
/* What the detector remembers of a host; NULL: not known. */
const struct detector_host *engine_host(const struct engine *e, const char *cluster,
					const char *host);
/* The brake of a cluster; NULL: not known. */
const struct detector_brake *engine_brake(const struct engine *e, const char *cluster);

size_t engine_n_records(const struct engine *e);
const Vrsas__V1__Relocation *engine_record(const struct engine *e, size_t i);
/* By id or name of the VM; NULL: it has no record. */
const Vrsas__V1__Relocation *engine_find(const struct engine *e, const char *vm);
/* How far the record's transfer is; NULL: none. */
const Vrsas__V1__TransferStatus *engine_transfer(const struct engine *e,
						 const char *vm_id);
/* A relocation is under way: neither PROTECTED nor RUNNING_AWAY. */
bool engine_is_open(const Vrsas__V1__Relocation *r);
const char *engine_transfer_url(const struct engine *e);
int engine_movers(const struct engine *e);
void engine_bus_counts(const struct engine *e, struct vrs_bus_counts *ret);
const struct counters *engine_counters(const struct engine *e);
/* The protected VMs, and why some cannot be moved. */
const struct movability *engine_movability(const struct engine *e);

/* --- orders --- */

struct engine_answer {
	Vrsas__V1__ControlCode code;
	char done[400];  /* code OK: what was set going */
	char error[320]; /* otherwise: what, where, why */
	char hint[240];
};

/* An operator declares a host failed; with confirm_off, powered off (evidence F5); with
 * withdraw, takes the claim back. host: "c1/h1" or a unique name. */
void engine_fail_host(struct engine *e, const Vrsas__V1__FailOrder *o, const char *actor,
		      struct engine_answer *ret);
/* Moves a healthy VM, or pins where a waiting one goes. to_cluster may be "". */
void engine_relocate(struct engine *e, const Vrsas__V1__RelocateOrder *o,
		     const char *actor, struct engine_answer *ret);
void engine_failback(struct engine *e, const char *vm, const char *actor, bool dry_run,
		     struct engine_answer *ret);
void engine_cancel(struct engine *e, const char *vm, const char *actor,
		   const char *reason, struct engine_answer *ret);

#endif
