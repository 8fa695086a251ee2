/* parts.h - what the files of transfer.h share: reaching the two ends of a job. */
#ifndef MOVER_TRANSFER_PARTS_H
#define MOVER_TRANSFER_PARTS_H

#include "transfer/transfer.h"

enum { TRANSFER_MAX_DISKS = WIRE_MAX_SLOTS - 1 };

/* The directories that a job names on one side. */
struct transfer_roots {
	char *dir[2 * TRANSFER_MAX_DISKS];
	size_t n;
};

void transfer_add_root(struct transfer_roots *r,
		       const char *path); /* its directory, once */
void transfer_target_roots(const Vrsas__V1__TransferJob *job, struct transfer_roots *ret);
void transfer_roots_fini(struct transfer_roots *r);

/* Connects to the first place that answers. The error is that of the first one. */
int transfer_connect(struct remote **ret, const struct ssh_conf *conf, const char *side,
		     char *const *places, size_t n, const struct transfer_roots *roots,
		     struct vrs_err *err);
int transfer_connect_source(struct remote **ret, const struct transfer_env *env,
			    const Vrsas__V1__TransferJob *job, struct vrs_err *err);
int transfer_connect_target(struct remote **ret, const struct transfer_env *env,
			    const Vrsas__V1__TransferJob *job, struct vrs_err *err);
/* Removes what any attempt of this job left beside its targets. */
void transfer_forget_all(struct remote *target, const Vrsas__V1__TransferJob *job);

#endif
