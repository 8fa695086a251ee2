/* host_job.h - one operation on one host (host_ops.h), run by a worker.
 *
 * Embed struct host_job as the first member of what done() needs, make it with
 * host_job_new, fill in the operation, submit it. done() runs on the loop; the job is
 * freed after it. An operation is not begun under a lease that has been lost since. */
#ifndef SCHEDULER_ENGINE_BASE_HOST_JOB_H
#define SCHEDULER_ENGINE_BASE_HOST_JOB_H

#include "engine/base/host_ops.h"

struct engine;
struct host;

struct host_job {
	struct host_op op;
	struct engine *e;
	struct host *h;
	void (*done)(struct host_job *j);
};

void *host_job_new(size_t size, struct engine *e, struct host *h, enum host_op_kind kind,
		   const char *vm_id);
/* Takes it. Operations on one hypervisor run one after the other, and so do those on one
 * power controller; questions to a guest's health address wait for neither. */
void host_job_submit(struct host_job *j, void (*done)(struct host_job *j));
/* Frees one that was not submitted. */
void host_job_free(struct host_job *j);
/* What it saw was seen under the lease that is held now. */
bool host_job_is_current(const struct host_job *j);

#endif
