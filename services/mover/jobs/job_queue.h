/* job_queue.h - the jobs of this mover: what waits, what works, and who is next.
 *
 * A job is taken at once and waits until this mover has a hand free and its ends and its
 * link have room (job_limits.h). While it waits it says so in Redis every second, so
 * nobody thinks it lost. A mover with nothing to wait for takes over what waits at a full
 * one. Belongs to the loop; Redis is asked on a thread beside it. */
#ifndef MOVER_JOBS_JOB_QUEUE_H
#define MOVER_JOBS_JOB_QUEUE_H

#include "jobs/job.h"
#include "vrs/loop.h"

struct job_queue_conf {
	struct job_conf job;
	int hands; /* copies at a time */
};

struct job_queue;
/* conf is borrowed. On the loop, changed is called when the counts did, over when a job
 * has worked and ended. */
int job_queue_open(struct job_queue **ret, struct vrs_loop *loop,
		   const struct job_queue_conf *conf, void (*changed)(void *arg),
		   void (*over)(void *arg, const struct job *j), void *arg,
		   struct vrs_err *err);
/* Twice is once; an older token than one that is here is refused. */
int job_queue_take(struct job_queue *q, const Vrsas__V1__TransferJob *order,
		   struct vrs_err *err);
/* All that wait or work. */
const struct job *job_queue_jobs(const struct job_queue *q);
int job_queue_working(const struct job_queue *q);
int job_queue_waiting(const struct job_queue *q);
/* Only when nothing waits or works. */
void job_queue_close(struct job_queue *q);

#endif
