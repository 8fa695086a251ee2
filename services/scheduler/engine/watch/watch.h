/* watch.h - what the engine watches: hosts, alerts, claims, inventories. Each file turns
 * observations into events of the records; hosts.c calls the others. */
#ifndef SCHEDULER_ENGINE_WATCH_WATCH_H
#define SCHEDULER_ENGINE_WATCH_WATCH_H

#include "engine/base/base.h"

/* hosts.c: probes, the detector, and then everything below. Once per tick. */
void engine_watch(struct engine *e);

/* alerts.c: reads the firing alerts that the gateway keeps in Redis. */
void alerts_read(struct engine *e);

/* operator_claims.c: what operators declare about a host. Durable before it counts. */
int operator_claim_put(struct engine *e, struct host *h,
		       const Vrsas__V1__FailOrder *order, const char *actor,
		       struct vrs_err *err);
int operator_claim_drop(struct engine *e, struct host *h, struct vrs_err *err);
int operator_claims_load(struct engine *e, struct vrs_err *err);
/* Applies it to every record with a copy on this host; returns how many changed. */
unsigned operator_claim_apply(struct engine *e, struct fleet *w, struct host *h);
unsigned operator_claim_spread(struct engine *e, const struct reloc_place *p,
			       struct reloc_event *ev);
void operator_claims_watch(struct engine *e, struct fleet *w);

/* copies.c: copies that run without a grant, VMs that went down, start at boot. */
void copies_watch(struct engine *e, const struct fleet *w);

/* deletions.c: records of VMs that their owner deleted. */
void deletions_watch(struct engine *e, const struct fleet *w);

/* reboot_recovery.c: VMs that are off since their host rebooted. */
int reboot_recovery_load(struct engine *e, struct vrs_err *err);
void reboot_recovery_watch(struct engine *e, const struct fleet *w);
void reboot_recovery_close(struct engine *e);

#endif
