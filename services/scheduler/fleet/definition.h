/* definition.h - a VM as its home's hypervisor knew it, and how that changes at another
 * cluster. One translation of records and site.conf for the preflight, which finds what a
 * move would run into, and for the engine, which defines it. Pure. */
#ifndef SCHEDULER_FLEET_DEFINITION_H
#define SCHEDULER_FLEET_DEFINITION_H

#include "vrs/hv.h"
#include "vrs/site.h"
#include "vrsas/v1/relocation.pb-c.h"

/* Filled by fleet_move_new; one block, freed with free. */
struct fleet_move {
	struct vrs_hv_move move;
	struct vrs_hv_disk disk[VRS_HV_MAX_DISKS];
	const char *from[32], *to[32];
};

/* Freed with fleet_definition_free. */
struct vrs_hv_vm *fleet_definition_new(const Vrsas__V1__VmFacts *facts);
void fleet_definition_free(struct vrs_hv_vm *vm); /* NULL is fine */

/* What changes when it runs at `to` with these disks; NULL clusters: nothing is mapped.
 */
struct fleet_move *fleet_move_new(const struct vrs_site_cluster *home,
				  const struct vrs_site_cluster *to,
				  Vrsas__V1__PlacedDisk *const *disk, size_t n_disks);

#endif
