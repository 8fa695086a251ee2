/* plan.h - which host takes each VM of a failed host, and why.
 *
 * Pure: the same fleet gives the same plan, on any machine, at any time. That is what
 * lets tests/scenario/ keep every past decision as a file.
 *
 * VMs are placed by class, the most urgent first; what earlier ones were promised counts
 * for later ones, whichever host they were on.
 * A host may take a VM when the P90 of its CPU peak over the stay, and its cluster's,
 * stay below the cluster's max_cpu_ratio with the VM on it. Among those that may, the
 * lowest P50 of the peak with the VM on it wins; then the larger margin of the P90, then
 * the name. Every candidate keeps its reasons for and against. */
#ifndef SCHEDULER_PLAN_PLAN_H
#define SCHEDULER_PLAN_PLAN_H

#include "fleet/fleet.h"
#include "plan/cost_model.h"

struct plan_rules {
	double disk_reserve_ratio;   /* of the target's file system, kept free; 0.05 */
	double ram_reserve_ratio;    /* of the target's RAM, kept free; 0.02 */
	int64_t forecast_max_age_ms; /* older: the newest reading counts; 10 min */
	int64_t sample_max_age_ms;   /* older: CPU is unknown; 10 min */
	int64_t stable_ms;           /* time a host must be back before the failback */
	double blind_ratio;          /* added to the newest reading without a forecast;
					0.15 */
	int64_t overload_class;      /* up to this class a VM is placed on the least
					 overloaded host if none admits it; 0: never; 2 */
	bool local_restart;          /* own cluster's hosts are candidates; true */
	struct cost_model_rules cost;
};

struct plan_ask {
	const char *cluster, *host; /* where the VMs are (or were) */
	const Vrsas__V1__VmFacts *const *vm;
	size_t n_vms;
	bool source_alive;          /* a planned move: the host reads the disks itself */
	const char *pinned_cluster; /* NULL or "": any */
	const char *const *tried;   /* "cluster/host" that failed already */
	size_t n_tried;
	int64_t repair_ms; /* expected time until the host is back; 0: as in site.conf */
};

/* n_vms decisions, in the order in which they were placed. Freed one by one with
 * plan_decision_free, or all with plan_free. */
struct plan {
	Vrsas__V1__Decision **decision;
	size_t n;
};

/* Fills ret for the VMs of all asks together, the most urgent first. Promises their
 * capacity in w, so that a second call counts the first. VRS_ENOENT: no such cluster or
 * host. */
int plan_make(struct fleet *w, const struct plan_rules *rules, const struct plan_ask *ask,
	      size_t n_asks, struct plan *ret, struct vrs_err *err);

/* The protected VMs in a host's newest inventory, without those that run elsewhere
 * according to their records. The caller frees the list; facts belong to w. */
const Vrsas__V1__VmFacts **plan_vms_of(const struct fleet *w, const struct fleet_host *h,
				       size_t *ret_n);

void plan_decision_free(Vrsas__V1__Decision *d); /* NULL is fine */
void plan_free(struct plan *p);

#endif
