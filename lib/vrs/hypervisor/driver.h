/* driver.h - the functions that a hypervisor driver implements; for this room only.
 *
 * Each follows hv.h: it has a deadline, is idempotent, and leaves ret unchanged on
 * failure. */
#ifndef VRS_HYPERVISOR_DRIVER_H
#define VRS_HYPERVISOR_DRIVER_H

#include "vrs/hv.h"

struct vrs_hv_driver {
	int (*open)(void **ret, const char *uri, int64_t timeout_ms, struct vrs_err *err);
	void (*close)(void *h);
	int (*host)(void *h, int64_t timeout_ms, struct vrs_hv_host *ret,
		    struct vrs_err *err);
	int (*list)(void *h, int64_t timeout_ms, struct vrs_hv_vm **ret, size_t *ret_n,
		    struct vrs_err *err);
	int (*get)(void *h, int64_t timeout_ms, const char *id, struct vrs_hv_vm *ret,
		   struct vrs_err *err);
	int (*state)(void *h, int64_t timeout_ms, const char *id, enum vrs_hv_state *ret,
		     struct vrs_err *err);
	/* move NULL: exactly as vm says */
	int (*define)(void *h, int64_t timeout_ms, const struct vrs_hv_vm *vm,
		      const struct vrs_hv_move *move, struct vrs_err *err);
	int (*act)(void *h, enum vrs_hv_act act, int64_t timeout_ms, const char *id,
		   struct vrs_err *err);
	int (*store)(void *h, int64_t timeout_ms, const char *path,
		     struct vrs_hv_store *ret, struct vrs_err *err);
};

extern const struct vrs_hv_driver vrs_hv_libvirt, vrs_hv_command;

/* The VM after the move: new disks, mapped networks, new NIC model. VRS_EINVAL if the
 * number of disks differs or a network is not mapped. native is not copied. */
int vrs_hv_apply_move(const struct vrs_hv_vm *vm, const struct vrs_hv_move *move,
		      struct vrs_hv_vm *ret, struct vrs_err *err);

/* The network's name at the target; the same name if move has no networks; NULL if it is
 * not among them. */
const char *vrs_hv_map_network(const struct vrs_hv_move *move, const char *name);

#endif
