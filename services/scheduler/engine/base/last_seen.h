/* last_seen.h - which VMs ran on a host when it was last seen.
 *
 * A host that reboots faster than its silence is detected leaves its VMs off, because
 * start at boot is disabled. This memory distinguishes such a VM from one that its owner
 * has shut down: it ran when last seen, is off now, and its hypervisor reports that it
 * crashed, or gives no reason, or its host has booted since.
 *
 * Pure: no I/O, no clock. */
#ifndef SCHEDULER_ENGINE_LAST_SEEN_H
#define SCHEDULER_ENGINE_LAST_SEEN_H

#include "fleet/fleet.h"
#include "vrsas/v1/relocation.pb-c.h"

enum { LAST_SEEN_MAX_VMS = 4096 }; /* of one host */

struct last_seen_vm {
	char id[132], boot_id[64]; /* of its host, when it ran */
	/* for reboot_recovery.c */
	bool asking;
	int64_t again_mono_ms;
	unsigned asked; /* attempts since it fell */
};

struct last_seen {
	struct last_seen_vm *vm;
	size_t n;
};

/* Applies the newest inventory of the host. A VM that fell is kept until it is seen
 * running again, or off for a reason. True when the memory changed. */
bool last_seen_update(struct last_seen *r, const struct fleet *w,
		      const struct fleet_host *h);
struct last_seen_vm *last_seen_find(const struct last_seen *r,
				    const char *id); /* NULL: not remembered */
/* True when this VM went down with its host, according to these facts. */
bool last_seen_fell(const struct last_seen_vm *was, const Vrsas__V1__VmFacts *now,
		    const char *boot_id);

void last_seen_add(struct last_seen *r, const char *id, const char *boot_id);
void last_seen_fini(struct last_seen *r);

#endif
