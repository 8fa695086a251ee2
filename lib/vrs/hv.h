/* hv.h - hypervisors behind one table of functions, chosen by URI.
 *
 *   qemu+ssh://..., qemu:///system, test:///..., esx://...   hypervisor/libvirt.c
 *   command:/path/to/program [ARG]...                        hypervisor/command.c
 *
 * A handle is connected to one host and used by one thread at a time (use one worker lane
 * per host, because a hung hypervisor blocks its callers). Every call has a deadline, is
 * idempotent, and returns 0 or VRS_E*: VRS_ENOENT no such VM, VRS_ECONFLICT exists with
 * other content, VRS_ECONN host not reachable, VRS_ETIMEOUT, VRS_EDENIED, VRS_ENOSPC,
 * VRS_EUNSUPPORTED. VMs are identified by UUID. */
#ifndef VRS_HV_H
#define VRS_HV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vrs/err.h"
#include "vrs/findings.h"

enum vrs_hv_state {
	VRS_HV_UNKNOWN,
	VRS_HV_OFF,
	VRS_HV_RUNNING,
	VRS_HV_PAUSED,
	VRS_HV_IO_ERROR,
	VRS_HV_CRASHED, /* off, after it was killed or crashed */
};

enum { VRS_HV_MAX_DISKS = 16, VRS_HV_MAX_NICS = 16 };

struct vrs_hv_disk {
	char path[512], format[16], bus[16], target[16];
	uint64_t virtual_bytes, allocated_bytes; /* 0: not known */
	char backing[512]; /* the image it is an overlay of; "": none known */
};

struct vrs_hv_nic {
	char mac[18], network[64], model[32];
};

struct vrs_hv_vm {
	char id[40], name[128]; /* id: UUID in lower case */
	enum vrs_hv_state state;
	bool unexplained; /* off for a reason unknown to the hypervisor, which has
			     restarted since */
	uint32_t vcpus;
	uint64_t ram_bytes;
	bool autostart;
	bool is_partial; /* its definition could not be read whole; native is NULL */
	bool has_saved_memory;
	uint32_t n_snapshots, n_checkpoints;
	double cpu_time_s; /* cumulative; NAN: not known */
	size_t n_disks, n_nics;
	struct vrs_hv_disk disk[VRS_HV_MAX_DISKS]; /* only disks with a file or device */
	struct vrs_hv_nic nic[VRS_HV_MAX_NICS];
	char *native; /* the unchanged definition; owned; may be NULL */
};

struct vrs_hv_store {
	char path[256];
	uint64_t total_bytes, free_bytes;
};

struct vrs_hv_host {
	uint32_t vcpus;
	uint64_t ram_total_bytes, ram_used_bytes;
	/* Cumulative over the calls on one handle: CPU load = delta busy / delta total.
	 * They may step back: use vrs_hv_cpu_ratio. */
	double cpu_busy, cpu_total;
	bool cpu_known;
	char boot_id[48]; /* changes with every boot; "": unknown */
};

/* How a definition changes when the VM is relocated: disks in order, networks by name. A
 * disk's bus may be virtio, pvscsi (a SCSI disk at VMware's paravirtual controller),
 * scsi, sata or ide; an empty field is kept unchanged. A target network may be written
 * bridge=NAME or network=NAME to change its libvirt kind; VRS_EINVAL if networks are
 * given and do not include each network of the VM. */
struct vrs_hv_move {
	const struct vrs_hv_disk *disk; /* new path, format and bus of each disk */
	size_t n_disks;
	const char *nic_model;           /* NULL: unchanged */
	const char *const *network_from; /* names at the source ... */
	const char *const *network_to;   /* ... and at the target; n_networks pairs */
	size_t n_networks;
	const char *domain_type; /* libvirt: kvm, qemu; NULL: unchanged */
};

struct vrs_hv;

/* Connects; known_hosts and key come from the URI or the user's SSH settings. */
int vrs_hv_open(struct vrs_hv **ret, const char *uri, int64_t timeout_ms,
		struct vrs_err *err);
void vrs_hv_close(struct vrs_hv *hv);

int vrs_hv_host(struct vrs_hv *hv, int64_t timeout_ms, struct vrs_hv_host *ret,
		struct vrs_err *err);
int vrs_hv_list(struct vrs_hv *hv, int64_t timeout_ms, struct vrs_hv_vm **ret,
		size_t *ret_n, struct vrs_err *err); /* free with vrs_hv_vms_free */
int vrs_hv_get(struct vrs_hv *hv, int64_t timeout_ms, const char *id,
	       struct vrs_hv_vm *ret, struct vrs_err *err); /* vrs_hv_vm_fini */
int vrs_hv_state(struct vrs_hv *hv, int64_t timeout_ms, const char *id,
		 enum vrs_hv_state *ret, struct vrs_err *err);
/* Defines a VM from its native definition, possibly of another libvirt host, changed by
 * move (NULL: unchanged); autostart is switched off. Repeating it has no effect;
 * VRS_ECONFLICT if a VM with this id is running. */
int vrs_hv_define(struct vrs_hv *hv, int64_t timeout_ms, const struct vrs_hv_vm *vm,
		  const struct vrs_hv_move *move, struct vrs_err *err);
enum vrs_hv_act {
	VRS_HV_START,
	VRS_HV_SHUTDOWN, /* by the guest; waits until it is off, else VRS_ETIMEOUT */
	VRS_HV_DESTROY,  /* powers it off */
	VRS_HV_UNDEFINE, /* keeps the disks; VRS_ECONFLICT if it is running */
	VRS_HV_AUTOSTART_OFF,
};
int vrs_hv_act(struct vrs_hv *hv, enum vrs_hv_act act, int64_t timeout_ms, const char *id,
	       struct vrs_err *err);
/* Free space of the file system that holds path, as that host sees it. */
int vrs_hv_store(struct vrs_hv *hv, int64_t timeout_ms, const char *path,
		 struct vrs_hv_store *ret, struct vrs_err *err);

/* Everything that the VM's move would run into: what vrs_hv_define would refuse, what it
 * would change, and what is left behind. Pure. */
void vrs_hv_preflight(const struct vrs_hv_vm *vm, const struct vrs_hv_move *move,
		      struct vrs_findings *found);

void vrs_hv_vm_fini(struct vrs_hv_vm *vm);
void vrs_hv_vms_free(struct vrs_hv_vm *vms, size_t n);
const char *vrs_hv_state_name(enum vrs_hv_state s);
enum vrs_hv_state vrs_hv_state_of_name(const char *name);

/* CPU load of a host between two readings, 0..1; NAN: unknown. */
double vrs_hv_cpu_ratio(const struct vrs_hv_host *before,
			const struct vrs_hv_host *after);

#endif
