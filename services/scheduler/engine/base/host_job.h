/* host_job.h - one operation on one host (host_ops.h), run by a worker.
 *
 * Embed struct host_job as the first member of what done() needs, create it with
 * host_job_new, fill in the operation, submit it. done() runs on the loop; the job is
 * freed afterwards. An operation does not start if the lease was lost meanwhile. */
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
/* Takes the job. Operations on one hypervisor run one after the other, and so do those on
 * one power controller; health checks of guests wait for neither. */
void host_job_submit(struct host_job *j, void (*done)(struct host_job *j));
/* Frees a job that was not submitted. */
void host_job_free(struct host_job *j);
/* Its result was obtained under the lease that is held now. */
bool host_job_is_current(const struct host_job *j);

#endif
