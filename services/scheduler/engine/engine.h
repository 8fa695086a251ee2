/* engine.h - executes the orders of the state machine (machine/machine.h).
 *
 * Keeps one record per VM, feeds it events (detector, hypervisors, fences, movers,
 * operators) and executes the orders of its state on worker threads. Intent is durable
 * before its side effect: an order is executed only after the transition that requires it
 * is stored in Redis. Only the scheduler that holds the lease acts; one on standby
 * answers queries and refuses orders.
 *
 * All functions are called on the loop. */
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

/* --- state; owned by the engine, valid until the callback returns to the loop --- */

bool engine_active(const struct engine *e); /* holds the lease */
/* On standby, reads the active scheduler's records again; an active scheduler's own are
 * current. */
int engine_refresh(struct engine *e, struct vrs_err *err);
/* The holder of the lease at the last refresh; "": none. */
const char *engine_active_name(const struct engine *e);
/* The newest fleet with the states of hosts set (suspect, down); NULL: none yet. */
struct fleet *engine_fleet(struct engine *e);
/* The detector's data about a host; NULL: not known. */
const struct detector_host *engine_host(const struct engine *e, const char *cluster,
					const char *host);
/* The brake of a cluster; NULL: not known. */
const struct detector_brake *engine_brake(const struct engine *e, const char *cluster);

size_t engine_n_records(const struct engine *e);
const Vrsas__V1__Relocation *engine_record(const struct engine *e, size_t i);
/* By id or name of the VM; NULL: it has no record. */
const Vrsas__V1__Relocation *engine_find(const struct engine *e, const char *vm);
/* Status of the record's transfer; NULL: none. */
const Vrsas__V1__TransferStatus *engine_transfer(const struct engine *e,
						 const char *vm_id);
/* A relocation is in progress: neither PROTECTED nor RUNNING_AWAY. */
bool engine_is_open(const Vrsas__V1__Relocation *r);
int engine_movers(const struct engine *e);
void engine_bus_counts(const struct engine *e, struct vrs_bus_counts *ret);
const struct counters *engine_counters(const struct engine *e);
/* The protected VMs, and why some cannot be moved. */
const struct movability *engine_movability(const struct engine *e);

/* --- orders --- */

struct engine_answer {
	Vrsas__V1__ControlCode code;
	char done[400];  /* code OK: what was started */
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
