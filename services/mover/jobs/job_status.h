/* job_status.h - the status of a transfer in Redis: vrsas:v1:xfer:JOB.
 *
 * Fields: token, mover, beat (ms of the server), rec (packed TransferStatus), state,
 * order (packed TransferJob, for a mover that takes over a waiting job); operators set
 * cancel, pause and rate. One script writes them, and only for the newest token: a mover
 * that was presumed dead learns there that it has been replaced. */
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

/* Claims a job for this mover. VRS_ECONFLICT: a higher token exists, or another mover
 * runs it with the same token. *ret_before (may stay NULL) is its status so far; free it
 * with vrsas__v1__transfer_status__free_unpacked(.., NULL). */
int job_status_claim(struct vrs_store *s, const Vrsas__V1__TransferJob *job,
		     const char *mover, Vrsas__V1__TransferStatus **ret_before,
		     struct vrs_err *err);

/* Takes over a job that waits at another mover, which learns it with its next write. *ret
 * is the order; VRS_ECONFLICT: it no longer waits. */
int job_status_take_over(struct vrs_store *s, const char *job, const char *mover,
			 struct vrs_msg **ret, struct vrs_err *err);

/* VRS_ECONFLICT: the job has been taken over; stop. */
int job_status_write(struct vrs_store *s, const Vrsas__V1__TransferStatus *status,
		     struct job_orders *ret, struct vrs_err *err);

/* Past copies between the clusters of this job, newest first, at most ETA_PAST_MAX.
 * Malformed records are skipped. */
int job_status_past(struct vrs_store *s, const Vrsas__V1__TransferJob *job,
		    struct eta_past *ret, size_t *ret_n, struct vrs_err *err);
int job_status_past_add(struct vrs_store *s, const Vrsas__V1__TransferJob *job,
			const struct eta_past *one, struct vrs_err *err);

/* Keeps the bytes and the duration of a copy for the scheduler's estimates. */
int job_status_rate_add(struct vrs_store *s, const Vrsas__V1__TransferJob *job,
			const struct eta_past *one, struct vrs_err *err);

#endif
