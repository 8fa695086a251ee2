#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "vrs/hypervisor/driver.h"
#include "vrs/mem.h"

void vrs_hv_vm_fini(struct vrs_hv_vm *vm)
{
	if (!vm)
		return;
	free(vm->native);
	vm->native = NULL;
}

void vrs_hv_vms_free(struct vrs_hv_vm *vms, size_t n)
{
	for (size_t i = 0; vms && i < n; i++)
		vrs_hv_vm_fini(&vms[i]);
	free(vms);
}

static const char *const state_names[] = {
	[VRS_HV_UNKNOWN] = "unknown",   [VRS_HV_OFF] = "off",
	[VRS_HV_RUNNING] = "running",   [VRS_HV_PAUSED] = "paused",
	[VRS_HV_IO_ERROR] = "io_error", [VRS_HV_CRASHED] = "crashed",
};
enum { N_STATES = sizeof(state_names) / sizeof(state_names[0]) };

const char *vrs_hv_state_name(enum vrs_hv_state s)
{
	return (unsigned)s < N_STATES ? state_names[s] : "unknown";
}

enum vrs_hv_state vrs_hv_state_of_name(const char *name)
{
	for (unsigned i = 0; i < N_STATES; i++)
		if (strcmp(name, state_names[i]) == 0)
			return (enum vrs_hv_state)i;
	return VRS_HV_UNKNOWN;
}

/* Idle counters have been seen to step backwards, in containers (usage above the quota)
 * and on bare hosts (iowait is not monotonic). So the ratio is clamped, and an interval
 * without elapsed time has none. */
double vrs_hv_cpu_ratio(const struct vrs_hv_host *before, const struct vrs_hv_host *after)
{
	if (!before->cpu_known || !after->cpu_known)
		return NAN;

	double total = after->cpu_total - before->cpu_total;
	double busy = after->cpu_busy - before->cpu_busy;
	if (!(total > 0))
		return NAN;
	double ratio = busy / total;
	return ratio < 0 ? 0 : ratio > 1 ? 1 : ratio;
}

const char *vrs_hv_map_network(const struct vrs_hv_move *move, const char *name)
{
	if (move->n_networks == 0)
		return name;
	for (size_t i = 0; i < move->n_networks; i++)
		if (strcmp(move->network_from[i], name) == 0)
			return move->network_to[i];
	return NULL;
}

int vrs_hv_apply_move(const struct vrs_hv_vm *vm, const struct vrs_hv_move *move,
		      struct vrs_hv_vm *ret, struct vrs_err *err)
{
	struct vrs_hv_vm moved = *vm;

	if (move->n_disks > 0 && move->n_disks != vm->n_disks)
		return vrs_fail(err, VRS_EINVAL,
				"vm %s has %zu disks, but %zu new paths were given",
				vm->name, vm->n_disks, move->n_disks);

	for (size_t i = 0; i < move->n_disks; i++) {
		const struct vrs_hv_disk *to = &move->disk[i];
		struct vrs_hv_disk *d = &moved.disk[i];

		if (to->path[0])
			(void)vrs_strcpy(d->path, sizeof(d->path), to->path);
		if (to->format[0])
			(void)vrs_strcpy(d->format, sizeof(d->format), to->format);
		if (to->bus[0])
			(void)vrs_strcpy(d->bus, sizeof(d->bus), to->bus);
	}
	for (size_t i = 0; i < moved.n_nics; i++) {
		struct vrs_hv_nic *nic = &moved.nic[i];

		if (move->nic_model)
			(void)vrs_strcpy(nic->model, sizeof(nic->model), move->nic_model);
		if (!nic->network[0])
			continue;

		const char *to = vrs_hv_map_network(move, nic->network);
		if (!to)
			return vrs_fail(
				err, VRS_EINVAL,
				"vm %s: network %s has no counterpart at the target",
				vm->name, nic->network);
		/* to may be part of nic->network itself */
		char name[sizeof(nic->network)];
		(void)vrs_strcpy(name, sizeof(name), to);
		(void)vrs_strcpy(nic->network, sizeof(nic->network), name);
	}
	moved.native = NULL;
	*ret = moved;
	return 0;
}
