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

struct backlog_conf {
	struct job_conf job;
	int hands; /* copies at a time */
};

struct backlog;
/* conf is borrowed. On the loop, changed is called when the counts did, over when a job
 * has worked and ended. */
int backlog_open(struct backlog **ret, struct vrs_loop *loop,
		 const struct backlog_conf *conf, void (*changed)(void *arg),
		 void (*over)(void *arg, const struct job *j), void *arg,
		 struct vrs_err *err);
/* Twice is once; an older token than one that is here is refused. */
int backlog_take(struct backlog *q, const Vrsas__V1__TransferJob *order,
		 struct vrs_err *err);
/* All that wait or work. */
const struct job *backlog_jobs(const struct backlog *q);
int backlog_working(const struct backlog *q);
int backlog_waiting(const struct backlog *q);
/* Only when nothing waits or works. */
void backlog_close(struct backlog *q);

#endif
