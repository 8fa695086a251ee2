/* job_status.h - the state of a transfer in Redis: vrsas:v1:xfer:JOB.
 *
 * Fields: token, mover, beat (server's ms), rec (packed TransferStatus), state, order
 * (packed TransferJob, for a mover that takes a waiting job over); cancel, pause and rate
 * are others' words to the mover. One script writes them, and only for the newest token:
 * a mover that was thought dead learns there that it is not wanted any more. */
#ifndef MOVER_JOBS_JOB_STATUS_H
#define MOVER_JOBS_JOB_STATUS_H

#include <stdbool.h>
#include <stdint.h>

#include "jobs/eta.h"
#include "vrs/bus.h"
#include "vrs/store.h"
#include "vrsas/v1/transfer.pb-c.h"

struct job_orders {
	bool cancel, paused;
	bool has_rate;
	uint64_t rate_bytes_per_s;
};

/* Takes the job for this mover. VRS_ECONFLICT: a later token is there, or another mover
 * is at work with the same one. *ret_before (may stay NULL) is the status of the tries so
 * far; free with vrsas__v1__transfer_status__free_unpacked(.., NULL). */
int job_status_claim(struct vrs_store *s, const Vrsas__V1__TransferJob *job,
		     const char *mover, Vrsas__V1__TransferStatus **ret_before,
		     struct vrs_err *err);

/* Takes a job that waits at another mover, which learns it from its next write. *ret is
 * the order; VRS_ECONFLICT: it does not wait any more. */
int job_status_take_over(struct vrs_store *s, const char *job, const char *mover,
			 struct vrs_msg **ret, struct vrs_err *err);

/* VRS_ECONFLICT: no longer ours; stop. */
int job_status_write(struct vrs_store *s, const Vrsas__V1__TransferStatus *status,
		     struct job_orders *ret, struct vrs_err *err);

/* What was said before copies of this pair and what they took, newest first; at most
 * ETA_PAST_MAX. Lines that make no sense are left out. */
int job_status_past(struct vrs_store *s, const char *source_cluster,
		    const char *target_cluster, struct eta_past *ret, size_t *ret_n,
		    struct vrs_err *err);
int job_status_past_add(struct vrs_store *s, const char *source_cluster,
			const char *target_cluster, const struct eta_past *one,
			struct vrs_err *err);

/* Keeps what a transfer of n bytes took, newest first, for the next estimate. */
int job_status_rate(struct vrs_store *s, const char *source_cluster,
		    const char *target_cluster, uint64_t n_bytes, int64_t ms,
		    int64_t at_ms, struct vrs_err *err);

#endif
