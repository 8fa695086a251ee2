/* hv.h - hypervisors behind one table of functions, chosen by URI.
 *
 *   qemu+ssh://..., qemu:///system, test:///..., esx://...   libvirt
 * (vrs/hypervisor/libvirt.c) command:/path/to/program [ARG]...                        one
 * program (vrs/hypervisor/command.c)
 *
 * A handle talks to one host and belongs to one thread at a time (use a worker lane per
 * host: a hung hypervisor blocks its callers). Every call has a deadline, is idempotent,
 * and returns 0 or VRS_E*: VRS_ENOENT no such VM, VRS_ECONFLICT already so with other
 * content, VRS_ECONN host not reachable, VRS_ETIMEOUT, VRS_EDENIED, VRS_ENOSPC,
 * VRS_EUNSUPPORTED. VMs are named by UUID. */
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
	VRS_HV_CRASHED, /* off, after it was killed or fell over */
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
	bool unexplained; /* off, and its hypervisor does not know why: it, or the host,
			     was started anew since */
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
	char *native; /* definition as found; owned; may be NULL */
};

struct vrs_hv_store {
	char path[256];
	uint64_t total_bytes, free_bytes;
};

struct vrs_hv_host {
	uint32_t vcpus;
	uint64_t ram_total_bytes, ram_used_bytes;
	/* cumulative and comparable between two calls on one handle: busy share of CPU =
	 * clamp(delta busy / delta total); may step back: use vrs_hv_cpu_ratio */
	double cpu_busy, cpu_total;
	bool cpu_known;
	char boot_id[48]; /* another one after every boot; "": not known */
};

/* How a definition changes when the VM moves: disks in order, networks by name. A disk's
 * bus may be virtio, pvscsi (a SCSI disk behind VMware's paravirtual controller), scsi,
 * sata or ide; an empty field keeps what was. A network at the new place may be written
 * bridge=NAME or network=NAME to change its libvirt kind; VRS_EINVAL when networks are
 * given and one of the VM's is not among them. */
struct vrs_hv_move {
	const struct vrs_hv_disk *disk; /* new path, format, bus; one a disk of the VM */
	size_t n_disks;
	const char *nic_model;           /* NULL: as it was */
	const char *const *network_from; /* names at the old place ... */
	const char *const *network_to;   /* ... and at the new one; n_networks pairs */
	size_t n_networks;
	const char *domain_type; /* libvirt: kvm, qemu; NULL: as it was */
};

struct vrs_hv;

/* Connects; known_hosts and key are taken from the URI or the user's ssh settings. */
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
/* Defines from a native definition of (possibly) another host of a libvirt kind, changed
 * by move; with move NULL exactly as it was. Autostart off. The same definition again is
 * fine; a running VM of that id is VRS_ECONFLICT. */
int vrs_hv_define(struct vrs_hv *hv, int64_t timeout_ms, const struct vrs_hv_vm *vm,
		  const struct vrs_hv_move *move, struct vrs_err *err);
int vrs_hv_start(struct vrs_hv *hv, int64_t timeout_ms, const char *id,
		 struct vrs_err *err);
/* Asks the guest to shut down and waits until it is off; VRS_ETIMEOUT when it is not. */
int vrs_hv_shutdown(struct vrs_hv *hv, int64_t timeout_ms, const char *id,
		    struct vrs_err *err);
int vrs_hv_destroy(struct vrs_hv *hv, int64_t timeout_ms, const char *id,
		   struct vrs_err *err); /* off already: 0 */
int vrs_hv_undefine(
	struct vrs_hv *hv, int64_t timeout_ms, const char *id,
	struct vrs_err *err); /* disks stay; not there: 0; running: ECONFLICT */
int vrs_hv_autostart_off(struct vrs_hv *hv, int64_t timeout_ms, const char *id,
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

/* The busy share of a host's CPU between two readings, 0..1; NAN when not known. */
double vrs_hv_cpu_ratio(const struct vrs_hv_host *before,
			const struct vrs_hv_host *after);

#endif
