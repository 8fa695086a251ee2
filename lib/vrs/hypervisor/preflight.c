/* What a VM's move would run into: vrs_hv_preflight of hv.h. */
#include <stdio.h>
#include <string.h>

#include "vrs/hypervisor/driver.h"
#include "vrs/hypervisor/xml.h"

static void check_facts(const struct vrs_hv_vm *vm, struct vrs_findings *found)
{
	if (vm->is_partial)
		vrs_findings_add(found, VRS_FOUND_NO_DEFINITION, "", "%s", "");
	if (vm->n_snapshots > 0)
		vrs_findings_add(found, VRS_FOUND_SNAPSHOT, "", "has %u snapshot%s",
				 vm->n_snapshots, vm->n_snapshots == 1 ? "" : "s");
	if (vm->n_checkpoints > 0)
		vrs_findings_add(found, VRS_FOUND_CHECKPOINT, "",
				 "has %u checkpoint%s of an incremental backup",
				 vm->n_checkpoints, vm->n_checkpoints == 1 ? "" : "s");
	if (vm->has_saved_memory)
		vrs_findings_add(found, VRS_FOUND_SAVED_MEMORY, "", "%s", "");
	for (size_t i = 0; i < vm->n_disks; i++) {
		const struct vrs_hv_disk *d = &vm->disk[i];
		char subject[32];

		(void)snprintf(subject, sizeof(subject), "disk %s", d->target);
		if (d->backing[0])
			vrs_findings_add(found, VRS_FOUND_DISK_BACKING, subject,
					 "has a backing file %.120s", d->backing);
	}
}

/* Definitions of other kinds of hypervisors: what their facts say of networks. */
static void check_networks(const struct vrs_hv_vm *vm, const struct vrs_hv_move *move,
			   struct vrs_findings *found)
{
	for (size_t i = 0; i < vm->n_nics; i++) {
		const struct vrs_hv_nic *nic = &vm->nic[i];
		char subject[40];

		if (!nic->network[0] || vrs_hv_map_network(move, nic->network))
			continue;
		(void)snprintf(subject, sizeof(subject), "network card %s", nic->mac);
		vrs_findings_add(found, VRS_FOUND_NETWORK_UNMAPPED, subject,
				 "network %s has no counterpart at the target",
				 nic->network);
	}
}

void vrs_hv_preflight(const struct vrs_hv_vm *vm, const struct vrs_hv_move *move,
		      struct vrs_findings *found)
{
	const char *native = vm->native;
	struct vrs_err err = {0};

	*found = (struct vrs_findings){0};
	if (native && native[strspn(native, " \t\r\n")] == '<') {
		int status = vrs_hv_xml_rewrite(native, strlen(native), move, found, NULL,
						&err);

		if (status < 0 && !vrs_findings_stop(found))
			vrs_findings_add(found, VRS_FOUND_NO_DEFINITION, "", "%s",
					 err.text);
	} else {
		check_networks(vm, move, found);
	}
	check_facts(vm, found);
}
