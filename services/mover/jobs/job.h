/* job.h - one transfer of the service: what it says in Redis while it waits, works, is
 * held and ends, and the worker thread that copies. Who works when is job_queue.h's. */
#ifndef MOVER_JOBS_JOB_H
#define MOVER_JOBS_JOB_H

#include <stdatomic.h>
#include <stdbool.h>

#include "jobs/eta.h"
#include "jobs/job_limits.h"
#include "jobs/job_status.h"
#include "transfer/transfer.h"
#include "vrs/bus.h"
#include "vrs/store.h"
#include "vrsas/v1/event.pb-c.h"

struct job_conf {
	struct ssh_conf far;
	enum transfer_way way;
	const char *remote_mover;
	int tries;
	struct vrs_store_conf store;
	const char *mover; /* this instance */
	struct job_limits_limits limits;
};

/* How a job ended, for the numbers; set before it is over. */
enum job_end { JOB_GIVEN_UP, JOB_DONE, JOB_FAILED, JOB_CANCELLED };

struct job {
	struct job *next;
	struct vrs_msg *msg;
	const Vrsas__V1__TransferJob *order; /* inside msg */
	const struct job_conf *conf;
	_Atomic bool stop; /* a later hand-out exists: not one word more */
	_Atomic bool held; /* paused while it works: its hand is free */

	/* the backlog's, until it works */
	bool claimed, cancelled, running;
	struct job_limits_answer place;
	int64_t queued_wall_ms;

	/* the worker's */
	struct vrs_store *store;
	struct copy_progress progress;
	_Atomic uint64_t rate_bytes_per_s;
	uint64_t sent_before, resent_before;
	int64_t begun_mono_ms, begun_wall_ms, written_mono_ms, rate_mono_ms, held_ms;
	uint64_t rate_sent;
	double rate_now;
	int quarters;                            /* told so far */
	_Atomic uint64_t rate_seen_bytes_per_s;  /* for the numbers, at any time */
	int64_t quarter_mono_ms, quarter_eta_ms; /* what was said at a quarter */
	/* for the numbers, when it is over */
	enum job_end end;
	double took_s, eta_error_ratio; /* NAN: not known */
	struct eta_past *past;
	size_t n_past;
	struct eta said; /* seconds 0: nothing yet */
	bool was_held;
};

/* Takes msg. */
struct job *job_new(const struct job_conf *conf, struct vrs_msg *msg);
void job_free(struct job *j);

/* Makes the job this mover's. VRS_ECONFLICT: it is not ours to do, or done already. */
int job_claim(struct job *j, struct vrs_store *s, struct vrs_err *err);
/* "It waits", or is held, or begins now; what others want of it comes back. */
int job_say(struct job *j, struct vrs_store *s, Vrsas__V1__TransferState state,
	    struct job_orders *ret, struct vrs_err *err);

/* On a worker thread, from its begin to the last word. */
void job_run(void *job);

/* job_report.c: how it ends */
void job_report_done(struct job *j, const struct transfer_result *r);
void job_report_failed(struct job *j, int status, bool permanent,
		       const struct vrs_err *why);
/* What job.c and job_report.c share. */
int64_t job_elapsed_ms(const struct job *j); /* without what it was held */
void job_fill(struct job *j, Vrsas__V1__TransferStatus *s,
	      Vrsas__V1__TransferState state);
void job_event(struct job *j, Vrsas__V1__Severity severity, const char *kind,
	       const char *text);
const char *job_vm(const struct job *j);
void job_predict(struct job *j);
void job_rest(void); /* a little, before the store is asked again */

#endif
