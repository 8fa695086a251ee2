/* parts.h - what the files of transfer.h share: connecting to the two ends of a job. */
#ifndef MOVER_TRANSFER_PARTS_H
#define MOVER_TRANSFER_PARTS_H

#include "transfer/transfer.h"

enum { TRANSFER_MAX_DISKS = WIRE_MAX_SLOTS - 1 };

/* Connect to the first source or target of a job that answers; its vrs-image serves the
 * directories that the job names there. The error is that of the first one. */
int transfer_connect_source(struct remote **ret, const struct transfer_env *env,
			    const Vrsas__V1__TransferJob *job, struct vrs_err *err);
int transfer_connect_target(struct remote **ret, const struct transfer_env *env,
			    const Vrsas__V1__TransferJob *job, struct vrs_err *err);
/* Removes what any attempt of this job left beside its targets. */
void transfer_discard_all(struct remote *target, const Vrsas__V1__TransferJob *job);

#endif
