/* parts.h - functions that the files of engine/ share; for engine/ only. */
#ifndef SCHEDULER_ENGINE_PARTS_H
#define SCHEDULER_ENGINE_PARTS_H

#include "engine/base/base.h"
#include "engine/engine.h"

/* pump.c: starts every order of the records that is not in progress. */
void engine_pump(struct engine *e);

/* decide.c: decides for all VMs in DECIDING. */
void engine_decide(struct engine *e);

/* jobs.c: one order becomes a job, its result an event. */
void engine_order(struct engine *e, struct entry *en, const struct reloc_order *o);

/* fencing.c: powers a host off, once for all its VMs. */
void engine_fence(struct engine *e, struct host *h);
/* This host came on after its death was proven: it is not fenced before the detector
 * finds it down, or an operator declares it, on newer evidence. */
bool engine_fence_waits(const struct host *h);
/* Time from a fence that proved nothing to the next attempt. */
int64_t engine_fence_retry_ms(const struct engine *e);

/* recheck.c: reads all proofs again, right before a grant. */
void engine_recheck(struct engine *e, const struct entry *en,
		    const struct reloc_order *o);

/* transfers.c */
void engine_transfer_do(struct engine *e, struct entry *en);
void engine_transfer_cancel(struct engine *e, struct entry *en);
/* Where the good disks' copies go at the target; the caller frees each and the list. */
Vrsas__V1__PlacedDisk **engine_place_disks(const struct engine *e, const struct reloc *r,
					   const Vrsas__V1__Relocation *msg,
					   uint32_t target, size_t *ret_n);
void engine_disks_free(Vrsas__V1__PlacedDisk **disk, size_t n);
/* Hosts that can reach the disks of a copy, as user@host; best first. */
enum { ENGINE_MAX_ENDS = 16 };
size_t engine_ends_of(struct engine *e, const struct reloc_copy *c, const char **ret);
/* The mover's status in Redis; NULL: none. The caller frees it. */
Vrsas__V1__TransferStatus *engine_transfer_status(struct engine *e, const char *job,
						  bool *ret_known);

/* removal.c: removes disks that are not needed. */
enum { ENGINE_REMOVE_RETRY_MS = 60000 };
void engine_remove_do(struct engine *e, struct entry *en, const struct reloc_order *o);
/* The disks of this copy are not needed; false: ret_why names what needs them. */
bool engine_may_remove(struct engine *e, const struct fleet *w, const struct entry *en,
		       uint32_t copy, const char **ret_why);

#endif
