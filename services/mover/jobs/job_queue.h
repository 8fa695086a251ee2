/* job_queue.h - the jobs of this mover: which wait, which run, and which is next.
 *
 * A job is accepted at once and waits until this mover has a free worker and its hosts
 * and its link are below their limits (job_limits.h). While it waits, its status in Redis
 * is refreshed every second, so that it does not count as lost. A mover with a free
 * worker takes over jobs that wait at a busy one. Used from the loop; Redis is read on a
 * thread of its own. */
#ifndef MOVER_JOBS_JOB_QUEUE_H
#define MOVER_JOBS_JOB_QUEUE_H

#include "jobs/job.h"
#include "vrs/loop.h"

struct job_queue_conf {
	struct job_conf job;
	int workers; /* copies at a time */
	/* called on the loop: when the counts have changed, when a job has run and ended
	 */
	void (*changed)(void *arg);
	void (*ended)(void *arg, const struct job *j);
	void *arg;
};

struct job_queue;
/* conf is borrowed. */
int job_queue_open(struct job_queue **ret, struct vrs_loop *loop,
		   const struct job_queue_conf *conf, struct vrs_err *err);
/* A repeated request has no effect; a lower token than that of the job is refused. */
int job_queue_take(struct job_queue *q, const Vrsas__V1__TransferJob *order,
		   struct vrs_err *err);
/* All that wait or run. */
const struct job *job_queue_jobs(const struct job_queue *q);
int job_queue_working(const struct job_queue *q);
int job_queue_waiting(const struct job_queue *q);
/* Only when none waits or runs. */
void job_queue_close(struct job_queue *q);

#endif
