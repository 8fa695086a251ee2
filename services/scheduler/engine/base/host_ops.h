/* host_ops.h - the hands of the engine: one job at one host, done on a worker.
 *
 * Jobs of one host run one after the other on its lane and share its connection to the
 * hypervisor. Every job may be done twice with the effect of once. */
#ifndef SCHEDULER_ENGINE_HOST_OPS_H
#define SCHEDULER_ENGINE_HOST_OPS_H

#include <stdbool.h>
#include <stdint.h>

#include "machine/machine.h"
#include "vrs/fence.h"
#include "vrs/hv.h"
#include "vrs/site.h"
#include "vrsas/v1/relocation.pb-c.h"

/* A host's connection; touched only on its lane. */
struct act_host {
	const struct vrs_site_host *site;
	struct vrs_hv *hv; /* NULL: not open */
};

struct act_rules {
	int64_t hv_timeout_ms, fence_timeout_ms, shutdown_ms, health_timeout_ms;
};

/* The scheduler's lease as its lanes see it: a process that slept may come to an order
 * when another one has long been given the lease. What changes something is not begun
 * then. */
struct act_lease {
	_Atomic uint64_t token; /* 0: not ours */
	_Atomic int64_t until_mono_ms;
};

enum act_kind {
	ACT_STATE,   /* what does its hypervisor say of the VM? */
	ACT_FENCE,   /* off by power, or the VM destroyed where there is no such thing */
	ACT_POWER,   /* what does the power controller say? */
	ACT_STOP,    /* shut down, then destroyed; ok: confirmed off */
	ACT_KILL,    /* destroyed; ok: confirmed off, with undefine: and not defined. With
			spare: not one whose guest answers */
	ACT_RESERVE, /* ok: it answers, has the disk and the memory, and not this VM */
	ACT_DEFINE,  /* ok: defined, autostart off */
	ACT_START,   /* ok: running */
	ACT_HEALTH,  /* ok: the guest answers */
	ACT_QUARANTINE, /* ok: off and not defined any more */
	ACT_AUTOSTART_OFF,
};

struct act_job {
	enum act_kind kind;
	struct act_host *host;
	const struct act_rules *rules;
	char vm_id[132];
	struct vrs_hv_vm *vm;           /* DEFINE, START: owned */
	struct act_move *move;          /* NULL: as it was; owned */
	bool undefine;                  /* FENCE, STOP, KILL; disks stay */
	bool spare;                     /* KILL; health: where to ask */
	uint64_t disk_bytes, ram_bytes; /* RESERVE */
	char images[256];
	char health[256];
	const struct act_lease *lease; /* NULL: at any time */
	uint64_t lease_token;          /* under which the order was given */

	/* what came of it */
	bool ok, permanent, reached; /* reached: its hypervisor answered */
	bool spared;                 /* its guest answers: not stopped */
	bool was_on;                 /* FENCE, STOP, KILL: it had to be stopped */
	bool exists;
	enum vrs_hv_state state;
	enum vrs_power power;
	char text[200];
};

/* How the VM changes at another cluster; filled by act_move_new. */
struct act_move {
	struct vrs_hv_move move;
	struct vrs_hv_disk disk[VRS_HV_MAX_DISKS];
	const char *from[32], *to[32];
};

void act_run(struct act_job *job);
/* What the answer of an ACT_STATE means for a record. */
enum reloc_seen act_seen(const struct act_job *job);
/* Its hypervisor has a process for it: running, or paused and able to go on. */
bool act_is_on(const struct act_job *job);
void act_job_fini(struct act_job *job);
void act_host_fini(struct act_host *h);

/* The VM as its home's hypervisor knew it. */
struct vrs_hv_vm *act_vm_new(const Vrsas__V1__VmFacts *facts);
/* What changes when it runs at `to` with these disks; NULL clusters:
 * nothing is mapped. */
struct act_move *act_move_new(const struct vrs_site_cluster *home,
			      const struct vrs_site_cluster *to,
			      Vrsas__V1__PlacedDisk *const *disk, size_t n_disks);

#endif
