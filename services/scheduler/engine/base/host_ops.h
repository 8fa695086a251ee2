/* host_ops.h - runs one operation on one host, on a worker thread.
 *
 * Operations on one host run one after the other and share its connection to the
 * hypervisor. Each is idempotent. */
#ifndef SCHEDULER_ENGINE_HOST_OPS_H
#define SCHEDULER_ENGINE_HOST_OPS_H

#include <stdbool.h>
#include <stdint.h>

#include "fleet/definition.h"
#include "machine/machine.h"
#include "vrs/fence.h"
#include "vrs/hv.h"

/* A host's connection; used by the jobs of this host only. */
struct host_op_host {
	const struct vrs_site_host *site;
	struct vrs_hv *hv; /* NULL: not open */
};

struct host_op_rules {
	int64_t hv_timeout_ms, fence_timeout_ms, shutdown_ms, health_timeout_ms;
};

/* The scheduler's lease as the workers see it: a process that was suspended may reach a
 * job after another scheduler took the lease. No job starts then. */
struct host_op_lease {
	_Atomic uint64_t token; /* 0: not held */
	_Atomic int64_t until_mono_ms;
};

enum host_op_kind {
	HOST_OP_STATE,   /* state of the VM according to its hypervisor */
	HOST_OP_FENCE,   /* power off, or without a power controller, destroy the VM */
	HOST_OP_POWER,   /* state of the power controller */
	HOST_OP_STOP,    /* shut down, then destroyed; ok: confirmed off */
	HOST_OP_KILL,    /* destroyed; ok: confirmed off, with undefine: and not defined.
			    With spare: unless its guest answers */
	HOST_OP_RESERVE, /* ok: it answers, has disk space and memory, and not this VM */
	HOST_OP_DEFINE,  /* ok: defined, autostart off */
	HOST_OP_START,   /* ok: running */
	HOST_OP_HEALTH,  /* ok: the guest answers */
	HOST_OP_QUARANTINE, /* ok: off and no longer defined */
	HOST_OP_AUTOSTART_OFF,
};

struct host_op {
	enum host_op_kind kind;
	struct host_op_host *host;
	const struct host_op_rules *rules;
	char vm_id[132];
	struct vrs_hv_vm *vm;           /* DEFINE, START: owned */
	struct fleet_move *move;        /* NULL: as it was; owned */
	bool undefine;                  /* FENCE, STOP, KILL; disks stay */
	bool keep_paused;               /* STOP: a paused VM is left alone */
	bool spare;                     /* KILL; health: the guest's address */
	uint64_t disk_bytes, ram_bytes; /* RESERVE */
	char images[256];
	char health[256];
	const struct host_op_lease *lease; /* NULL: at any time */
	uint64_t lease_token;              /* under which the order was given */

	/* the result */
	bool ok, permanent, reached; /* reached: its hypervisor answered */
	bool spared;                 /* its guest answers, or it is paused: not stopped */
	bool was_on;                 /* FENCE, STOP, KILL: it had to be stopped */
	bool exists;
	enum vrs_hv_state state;
	enum vrs_power power;
	char text[200];
};

void host_op_run(struct host_op *job);
/* The result of HOST_OP_STATE for a record. */
enum reloc_seen host_op_seen(const struct host_op *job);
/* Its hypervisor has a process for it: running, or paused and able to continue. */
bool host_op_is_on(const struct host_op *job);
void host_op_fini(struct host_op *job);
void host_op_host_fini(struct host_op_host *h);

#endif
