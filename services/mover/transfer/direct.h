/* direct.h - a copy between two other machines that does not go through this one.
 *
 * The mover logs in at the source's host and starts the vrs-mover that is installed there
 * (of the same version), which copies straight to the target with keys and known hosts of
 * its own. Progress, result and errors come back as if the copy were ours. When our end
 * of the connection is gone, that one stops at once; what is at the target stays, and any
 * further try of the job goes on with it, by either way. */
#ifndef MOVER_TRANSFER_DIRECT_H
#define MOVER_TRANSFER_DIRECT_H

#include "transfer/transfer.h"

enum direct_end {
	DIRECT_OVER,   /* what the call returns is how the job's try ended */
	DIRECT_NO_WAY, /* nothing was begun: no such vrs-mover there, or it cannot reach
			* the target; the copy may go through here */
	DIRECT_LOST_SIGHT /* it is not known whether it still works, with this token */
};

/* Is there a host at both ends? */
bool direct_fits(const Vrsas__V1__TransferJob *job);

/* One try. Results are filled as transfer_run's. */
int direct_run(const struct transfer_env *env, const Vrsas__V1__TransferJob *job,
	       struct transfer_result *ret, enum direct_end *ret_end,
	       struct vrs_err *err);

/* The other end: `vrs-mover direct`. Returns the exit code. */
int direct_serve(const struct ssh_conf *conf);

#endif
