/* direct.h - a copy between two other hosts that does not pass through this one.
 *
 * The mover logs in at the source host and starts the vrs-mover that is installed there
 * (same version), which copies to the target with its own keys and known hosts. Progress,
 * result and errors are returned as for any copy. If the connection is lost, that
 * vrs-mover stops at once; the partial copy stays, and the next attempt of the job
 * resumes it, directly or not. */
#ifndef MOVER_TRANSFER_DIRECT_H
#define MOVER_TRANSFER_DIRECT_H

#include "transfer/transfer.h"

enum direct_end {
	DIRECT_ENDED,      /* the returned status is the result of the attempt */
	DIRECT_IMPOSSIBLE, /* nothing was begun: there is no such vrs-mover, or it cannot
			    * reach the target; the copy may pass through here */
	DIRECT_UNKNOWN     /* it may still be copying, with this token */
};

/* Are all sources and targets remote hosts? */
bool direct_fits(const Vrsas__V1__TransferJob *job);

/* One attempt. The result is filled as by transfer_run. */
int direct_run(const struct transfer_env *env, const Vrsas__V1__TransferJob *job,
	       struct transfer_result *ret, enum direct_end *ret_end,
	       struct vrs_err *err);

/* The other side: `vrs-mover direct`. Returns the exit code. */
int direct_serve(const struct ssh_conf *conf);

#endif
