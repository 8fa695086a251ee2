/* job.h - one transfer of the service: its status in Redis while it waits, runs, is
 * paused and ends, and the worker thread that copies. job_queue.h decides when it runs.
 */
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
	struct ssh_conf ssh;
	enum transfer_way way;
	const char *remote_mover;
	int tries;
	struct vrs_store_conf store;
	struct job_limits limits;
};

/* How a job ended, for the metrics; set before it ends. */
enum job_end { JOB_GIVEN_UP, JOB_DONE, JOB_FAILED, JOB_CANCELLED };

struct job {
	struct job *next;
	struct vrs_msg *msg;
	const Vrsas__V1__TransferJob *order; /* inside msg */
	const struct job_conf *conf;
	_Atomic bool
		stop; /* another mover or a higher token has it: nothing is written */
	_Atomic bool held; /* paused while it runs: its worker counts as free */

	/* of the queue, until it runs */
	bool claimed, cancelled, running;
	struct job_limits_result limits;
	int64_t queued_wall_ms;

	/* of its worker */
	struct vrs_store *store;
	struct copy_progress progress;
	_Atomic uint64_t rate_bytes_per_s;
	uint64_t sent_before, resent_before;
	int64_t begun_mono_ms, begun_wall_ms, written_mono_ms, rate_mono_ms, held_ms;
	uint64_t rate_sent;
	double rate_now;
	int quarters;                            /* reported so far */
	_Atomic uint64_t rate_seen_bytes_per_s;  /* for the metrics, at any time */
	int64_t quarter_mono_ms, quarter_eta_ms; /* the ETA at the first quarter */
	/* for the metrics, when it has ended */
	enum job_end end;
	double took_s, eta_error_ratio; /* NAN: not known */
	struct eta_past *past;
	size_t n_past;
	struct eta predicted; /* seconds 0: not yet */
	bool was_held;
};

/* Takes msg. */
struct job *job_new(const struct job_conf *conf, struct vrs_msg *msg);
void job_free(struct job *j);

/* Claims the job for this mover. VRS_ECONFLICT: another mover has it, or it is done. */
int job_claim(struct job *j, struct vrs_store *s, struct vrs_err *err);
/* Writes its status in this state; reads what operators request of it. */
int job_publish(struct job *j, struct vrs_store *s, Vrsas__V1__TransferState state,
		struct job_orders *ret, struct vrs_err *err);
void job_leave_limits(struct job *j, struct vrs_store *s);

/* On a worker thread, from its start to its result. */
void job_run(void *job);

/* Its result (job_report.c). */
void job_report_done(struct job *j, const struct transfer_result *r);
void job_report_failed(struct job *j, int status, bool permanent,
		       const struct vrs_err *why);
/* Shared by job.c, job_run.c and job_report.c. */
int64_t job_elapsed_ms(const struct job *j); /* without the time it was paused */
void job_fill(struct job *j, Vrsas__V1__TransferStatus *s,
	      Vrsas__V1__TransferState state);
/* Publishes an event whose text begins with the name of the VM. */
void job_event(struct job *j, Vrsas__V1__Severity severity, const char *kind,
	       const char *format, ...) __attribute__((format(printf, 4, 5)));
const char *job_vm(const struct job *j);
void job_predict(struct job *j);
void job_pause(void); /* a little, before the store is read again */

#endif
