#include "fleet/preflight.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "fleet/definition.h"

/* --- the definition --- */

/* Of a restart on the same storage only what the other host itself lacks counts. */
static bool matters_locally(enum vrs_finding_code code)
{
	static const enum vrs_finding_code local[] = {
		VRS_FOUND_HOST_DEVICE,     VRS_FOUND_NO_DEFINITION,
		VRS_FOUND_SNAPSHOT,        VRS_FOUND_CHECKPOINT,
		VRS_FOUND_SAVED_MEMORY,    VRS_FOUND_TPM,
		VRS_FOUND_LAUNCH_SECURITY, VRS_FOUND_FIRMWARE_VARIABLES,
	};

	for (size_t i = 0; i < sizeof(local) / sizeof(*local); i++)
		if (local[i] == code)
			return true;
	return false;
}

static bool is_convertible(const char *format)
{
	static const char *const known[] = {"raw", "qcow2", "vmdk", "vhdx"};

	for (size_t i = 0; format && i < sizeof(known) / sizeof(*known); i++)
		if (strcmp(format, known[i]) == 0)
			return true;
	return false;
}

static void check_formats(const Vrsas__V1__VmFacts *vm, const struct vrs_site_cluster *to,
			  struct vrs_findings *found)
{
	for (size_t i = 0; i < vm->n_disk; i++) {
		const Vrsas__V1__Disk *d = vm->disk[i];

		if (!is_convertible(d->format) || !is_convertible(to->format))
			vrs_findings_add(found, VRS_FOUND_DISK_FORMAT, d->path,
					 "format %s cannot be converted to %s",
					 d->format[0] ? d->format : "(unknown)",
					 to->format ? to->format : "(unknown)");
	}
}

void fleet_preflight(const Vrsas__V1__VmFacts *facts, const struct vrs_site_cluster *home,
		     const struct vrs_site_cluster *to, struct vrs_findings *found)
{
	struct vrs_hv_vm *vm = fleet_definition_new(facts);
	struct fleet_move *m = fleet_move_new(home, to, NULL, 0);
	size_t n = 0;

	for (size_t i = 0; i < vm->n_disks && to && to->disk_bus; i++)
		(void)vrs_strcpy(m->disk[i].bus, sizeof(m->disk[i].bus), to->disk_bus);
	m->move.n_disks = to ? vm->n_disks : 0;
	vrs_hv_preflight(vm, &m->move, found);
	for (size_t i = 0; i < found->n; i++)
		if (to || matters_locally(found->item[i].code))
			found->item[n++] = found->item[i];
	found->n = n;
	if (to)
		check_formats(facts, to, found);
	free(m);
	fleet_definition_free(vm);
}

/* --- names and addresses --- */

static bool same_mac(const Vrsas__V1__VmFacts *a, const Vrsas__V1__VmFacts *b)
{
	for (size_t i = 0; i < a->n_nic; i++)
		for (size_t k = 0; k < b->n_nic; k++)
			if (a->nic[i]->mac[0] &&
			    strcasecmp(a->nic[i]->mac, b->nic[k]->mac) == 0)
				return true;
	return false;
}

bool fleet_mac_taken(const struct fleet *w, const struct fleet_cluster *to,
		     const Vrsas__V1__VmFacts *vm, const Vrsas__V1__VmFacts **other)
{
	for (size_t i = 0; i < to->n_hosts && vm->n_nic > 0; i++) {
		const struct fleet_host *h = &w->host[to->first_host + i];

		for (size_t k = 0; k < h->n_vms; k++) {
			const Vrsas__V1__VmFacts *there = w->vm[h->first_vm + k].facts;

			if (there->state == VRSAS__V1__VM_STATE__VM_STATE_OFF ||
			    !same_mac(vm, there) || strcmp(there->id, vm->id) == 0)
				continue;
			if (other)
				*other = there;
			return true;
		}
	}
	return false;
}

bool fleet_name_taken(const struct fleet *w, const struct fleet_host *to,
		      const Vrsas__V1__VmFacts *vm)
{
	for (size_t k = 0; k < to->n_vms; k++) {
		const Vrsas__V1__VmFacts *there = w->vm[to->first_vm + k].facts;

		if (strcmp(there->name, vm->name) == 0 && strcmp(there->id, vm->id) != 0)
			return true;
	}
	return false;
}

/* --- one target --- */

static bool is_home(const struct fleet *w, const struct fleet_vm *vm,
		    const struct fleet_cluster *c)
{
	return c == &w->cluster[w->host[vm->host].cluster];
}

bool fleet_is_target(const struct fleet *w, const struct fleet_vm *vm,
		     const struct fleet_cluster *to, bool local_restart)
{
	size_t others = 0;

	for (size_t i = 0; i < to->n_hosts; i++)
		others += w->host[to->first_host + i].site &&
			  to->first_host + i != vm->host;
	if (!to->site || others == 0)
		return false;
	return is_home(w, vm, to)
		       ? local_restart && fleet_vm_readable(vm->facts, to->site) ==
						  VRSAS__V1__ANSWER__ANSWER_YES
		       : to->site->accept;
}

void fleet_preflight_taken(const struct fleet *w, const struct fleet_vm *vm,
			   const struct fleet_cluster *to, struct vrs_findings *found)
{
	const Vrsas__V1__VmFacts *other;
	size_t hosts = 0, taken = 0;

	if (!is_home(w, vm, to) && fleet_mac_taken(w, to, vm->facts, &other))
		vrs_findings_add(found, VRS_FOUND_MAC_TAKEN, "",
				 "VM %.100s of %.40s has its MAC address", other->name,
				 to->name);
	for (size_t i = 0; i < to->n_hosts; i++) {
		const struct fleet_host *h = &w->host[to->first_host + i];

		if (!h->site || to->first_host + i == vm->host)
			continue;
		hosts++;
		taken += fleet_name_taken(w, h, vm->facts);
	}
	if (hosts > 0 && taken == hosts)
		vrs_findings_add(found, VRS_FOUND_NAME_TAKEN, "",
				 "every host of %.40s has another VM of its name",
				 to->name);
}

void fleet_preflight_cluster(const struct fleet *w, const struct fleet_vm *vm,
			     const struct fleet_cluster *to, struct vrs_findings *found)
{
	fleet_preflight(vm->facts, w->cluster[w->host[vm->host].cluster].site,
			is_home(w, vm, to) ? NULL : to->site, found);
	fleet_preflight_taken(w, vm, to, found);
}

bool fleet_is_protected_at(const struct fleet *w, const struct fleet_vm *vm)
{
	const struct fleet_host *h = &w->host[vm->host];
	const Vrsas__V1__Relocation *r;

	if (!vm->facts->protect)
		return false;
	r = fleet_relocation(w, vm->facts->id);
	return !r || !r->active_host || !r->active_host[0] ||
	       (strcmp(r->active_host, h->name) == 0 &&
		strcmp(r->active_cluster, fleet_cluster_name(w, h)) == 0);
}
