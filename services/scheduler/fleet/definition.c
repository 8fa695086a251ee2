#include "fleet/definition.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "vrs/mem.h"

struct vrs_hv_vm *fleet_definition_new(const Vrsas__V1__VmFacts *f)
{
	struct vrs_hv_vm *vm = vrs_calloc(1, sizeof(*vm));

	(void)vrs_strcpy(vm->id, sizeof(vm->id), f->id);
	(void)vrs_strcpy(vm->name, sizeof(vm->name), f->name);
	vm->state = VRS_HV_OFF;
	vm->vcpus = f->vcpus;
	vm->ram_bytes = f->ram_bytes;
	vm->cpu_time_s = NAN;
	for (size_t i = 0; i < f->n_disk && i < VRS_HV_MAX_DISKS; i++) {
		struct vrs_hv_disk *d = &vm->disk[vm->n_disks++];

		(void)vrs_strcpy(d->path, sizeof(d->path), f->disk[i]->path);
		(void)vrs_strcpy(d->format, sizeof(d->format), f->disk[i]->format);
		(void)vrs_strcpy(d->bus, sizeof(d->bus), f->disk[i]->bus);
		(void)vrs_strcpy(d->target, sizeof(d->target), f->disk[i]->target);
		(void)vrs_strcpy(d->backing, sizeof(d->backing), f->disk[i]->backing);
		d->virtual_bytes = f->disk[i]->virtual_bytes;
		d->allocated_bytes = f->disk[i]->allocated_bytes;
	}
	for (size_t i = 0; i < f->n_nic && i < VRS_HV_MAX_NICS; i++) {
		struct vrs_hv_nic *n = &vm->nic[vm->n_nics++];

		(void)vrs_strcpy(n->mac, sizeof(n->mac), f->nic[i]->mac);
		(void)vrs_strcpy(n->network, sizeof(n->network), f->nic[i]->network);
		(void)vrs_strcpy(n->model, sizeof(n->model), f->nic[i]->model);
	}
	vm->is_partial = f->partial;
	vm->has_saved_memory = f->saved_memory;
	vm->n_snapshots = f->snapshots;
	vm->n_checkpoints = f->checkpoints;
	if (f->native && f->native[0])
		vm->native = vrs_strdup(f->native);
	return vm;
}

void fleet_definition_free(struct vrs_hv_vm *vm)
{
	vrs_hv_vm_fini(vm);
	free(vm);
}

struct fleet_move *fleet_move_new(const struct vrs_site_cluster *home,
				  const struct vrs_site_cluster *to,
				  Vrsas__V1__PlacedDisk *const *disk, size_t n_disks)
{
	struct fleet_move *m = vrs_calloc(1, sizeof(*m));
	struct vrs_hv_move *mv = &m->move;

	for (size_t i = 0; i < n_disks && i < VRS_HV_MAX_DISKS; i++) {
		struct vrs_hv_disk *d = &m->disk[mv->n_disks++];

		(void)vrs_strcpy(d->path, sizeof(d->path), disk[i]->path);
		(void)vrs_strcpy(d->format, sizeof(d->format), disk[i]->format);
		(void)vrs_strcpy(d->bus, sizeof(d->bus), disk[i]->bus);
	}
	mv->disk = m->disk;
	mv->network_from = m->from;
	mv->network_to = m->to;
	if (!home || !to || home == to)
		return m;
	mv->nic_model = to->nic_model;
	mv->domain_type = to->domain_type;
	for (size_t i = 0; i < home->n_networks && mv->n_networks < 32; i++)
		for (size_t k = 0; k < to->n_networks; k++)
			if (strcmp(home->network[i].key, to->network[k].key) == 0) {
				m->from[mv->n_networks] = home->network[i].value;
				m->to[mv->n_networks] = to->network[k].value;
				mv->n_networks++;
				break;
			}
	return m;
}
