/* preflight.h - what the move of a VM would run into, known before anything is stopped.
 *
 * One place for the plan, for the preflight that operators request, and for the list of
 * VMs that no cluster can take (movability.h): what rejects a target there is a finding
 * here. Pure. */
#ifndef SCHEDULER_FLEET_PREFLIGHT_H
#define SCHEDULER_FLEET_PREFLIGHT_H

#include "fleet/fleet.h"
#include "vrs/findings.h"

/* What the definition runs into at another cluster, or, with `to` NULL, at a restart on
 * another host of its own cluster. */
void fleet_preflight(const Vrsas__V1__VmFacts *facts, const struct vrs_site_cluster *home,
		     const struct vrs_site_cluster *to, struct vrs_findings *found);

/* Another VM has its MAC address in the cluster, or its name on the host. other (may be
 * NULL): that VM. */
bool fleet_mac_taken(const struct fleet *w, const struct fleet_cluster *to,
		     const Vrsas__V1__VmFacts *vm, const Vrsas__V1__VmFacts **other);
bool fleet_name_taken(const struct fleet *w, const struct fleet_host *to,
		      const Vrsas__V1__VmFacts *vm);

/* VMs move to clusters that accept them, and restart in their own if another host of it
 * can read their disks. */
bool fleet_is_target(const struct fleet *w, const struct fleet_vm *vm,
		     const struct fleet_cluster *to, bool local_restart);

/* Adds what is taken there: the MAC address, or the name on every host. */
void fleet_preflight_taken(const struct fleet *w, const struct fleet_vm *vm,
			   const struct fleet_cluster *to, struct vrs_findings *found);

/* All of it, for one target. */
void fleet_preflight_cluster(const struct fleet *w, const struct fleet_vm *vm,
			     const struct fleet_cluster *to, struct vrs_findings *found);

/* The VM is protected and lives here: it did not leave for another host. */
bool fleet_is_protected_at(const struct fleet *w, const struct fleet_vm *vm);

#endif
