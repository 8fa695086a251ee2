/* movability.h - the protected VMs that no cluster can take.
 *
 * Follows the inventories: a definition is examined again when it has changed, names and
 * addresses when any inventory has. A tick without a new inventory costs nothing. Pure.
 */
#ifndef SCHEDULER_FLEET_MOVABILITY_H
#define SCHEDULER_FLEET_MOVABILITY_H

#include "fleet/preflight.h"

struct movability_vm {
	char id[132], name[132], cluster[65], host[65];
	bool is_movable;
	/* otherwise, of its first target: */
	const char *reason; /* name of the finding; "no-target": no cluster accepts it */
	char text[256];
	/* private */
	bool seen, known;
	uint64_t hash;
	struct vrs_finding *stop; /* of each cluster of the site; VRS_N_FINDINGS: none */
};

struct movability {
	struct movability_vm **vm; /* protected VMs that live in clusters of the site */
	size_t n, cap;
	uint64_t fingerprint;
};

/* Calls changed for each VM that can no longer be moved, or can again. */
void movability_update(struct movability *m, const struct fleet *w, bool local_restart,
		       void (*changed)(void *arg, const struct movability_vm *vm),
		       void *arg);
void movability_fini(struct movability *m);
size_t movability_count(const struct movability *m, const char *reason); /* NULL: any */

#endif
