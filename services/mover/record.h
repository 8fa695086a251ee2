/* record.h - the state of a transfer in Redis: vrsas:v1:xfer:JOB.
 *
 * Fields: token, mover, beat (server's ms), rec (packed TransferStatus), state; cancel
 * and rate are others' words to the mover. One script writes them, and only for the
 * newest token: a mover that was thought dead learns there that it is not wanted any
 * more. */
#ifndef MOVER_RECORD_H
#define MOVER_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "vrs/err.h"
#include "vrs/store.h"
#include "vrsas/v1/transfer.pb-c.h"

struct record_word {
	bool cancel;
	bool has_rate;
	uint64_t rate_bytes_per_s;
};

/* Takes the job for this mover. VRS_ECONFLICT: a later token is there, or another mover
 * is at work with the same one. *ret_before (may stay NULL) is the status of the tries so
 * far; free with vrsas__v1__transfer_status__free_unpacked(.., NULL). */
int record_claim(struct vrs_store *s, const char *job, uint64_t token, const char *mover,
		 Vrsas__V1__TransferStatus **ret_before, struct vrs_err *err);

/* VRS_ECONFLICT: no longer ours; stop. */
int record_write(struct vrs_store *s, const Vrsas__V1__TransferStatus *status,
		 struct record_word *ret, struct vrs_err *err);

/* Keeps what a transfer of n bytes took, newest first, for the next estimate. */
int record_rate(struct vrs_store *s, const char *source_cluster,
		const char *target_cluster, uint64_t n_bytes, int64_t ms, int64_t at_ms,
		struct vrs_err *err);

#endif
