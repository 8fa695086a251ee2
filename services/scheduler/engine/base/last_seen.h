/* last_seen.h - what ran on a host when it was last seen.
 *
 * A host that boots faster than its silence is noticed leaves its VMs off: start at boot
 * is off for all of them, and no detector noticed. This memory tells such a VM from one
 * that its owner has shut down. It fell if it ran when it was last seen, is off
 * now, and one of these is so: its hypervisor says that it crashed, or does not know why
 * it is off, or its host was booted since.
 *
 * Pure: no I/O, no clock. */
#ifndef SCHEDULER_ENGINE_LAST_SEEN_H
#define SCHEDULER_ENGINE_LAST_SEEN_H

#include "fleet/fleet.h"
#include "vrsas/v1/relocation.pb-c.h"

enum { RAN_MAX_VMS = 4096 }; /* of one host */

struct ran_vm {
	char id[132], boot_id[64]; /* of its host, when it ran */
	/* for who acts on it */
	bool asking;
	int64_t again_mono_ms;
	unsigned asked; /* how often, since it fell */
};

struct ran {
	struct ran_vm *vm;
	size_t n;
};

/* Takes in what the newest inventory of its host says. A VM that fell is remembered until
 * it is seen running again, or off for a reason. True when the memory changed. */
bool ran_look(struct ran *r, const struct fleet *w, const struct fleet_host *h);
struct ran_vm *ran_find(const struct ran *r, const char *id); /* NULL: not remembered */
/* Did this VM go down with its host, according to these facts? */
bool ran_fell(const struct ran_vm *was, const Vrsas__V1__VmFacts *now,
	      const char *boot_id);

void ran_remember(struct ran *r, const char *id, const char *boot_id);
void ran_fini(struct ran *r);

#endif
