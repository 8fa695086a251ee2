/* jobs.h - one transfer of the service: a worker thread that copies, says in
 * Redis how far it is every second, and stops when it is told to or when
 * somebody else has the job. */
#ifndef MOVER_JOBS_H
#define MOVER_JOBS_H

#include <stdatomic.h>
#include <stdbool.h>

#include "transfer.h"
#include "vrs/bus.h"
#include "vrs/store.h"

struct job_conf {
	struct far_conf far;
	int tries;
	struct vrs_store_conf store;
	const char *mover; /* this instance */
};

/* How a job ended, for the numbers; set before it is over. */
enum job_end { JOB_GIVEN_UP, JOB_DONE, JOB_FAILED, JOB_CANCELLED };

struct job {
	struct job *next;
	struct vrs_msg *msg;
	const Vrsas__V1__TransferJob *order; /* inside msg */
	const struct job_conf *conf;
	_Atomic bool stop; /* a later hand-out exists: not one word more */

	/* the worker's */
	struct vrs_store *store;
	struct copy_progress progress;
	_Atomic uint64_t rate_bytes_per_s;
	uint64_t sent_before, resent_before;
	int64_t begun_mono_ms, begun_wall_ms, written_mono_ms, rate_mono_ms;
	uint64_t rate_sent;
	double rate_now;
	int quarters;                            /* told so far */
	_Atomic uint64_t rate_seen_bytes_per_s;  /* for the numbers, at any time */
	int64_t quarter_mono_ms, quarter_eta_ms; /* what was said at a quarter */
	/* for the numbers, when it is over */
	enum job_end end;
	double took_s, eta_error_ratio; /* NAN: not known */
};

/* Takes msg. */
struct job *job_new(const struct job_conf *conf, struct vrs_msg *msg);
void job_free(struct job *j);
/* On a worker thread, from claim to the last word. */
void job_run(void *job);

#endif
