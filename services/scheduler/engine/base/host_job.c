#include "engine/base/host_job.h"

#include <stdio.h>
#include <stdlib.h>

#include "engine/base/state.h"
#include "vrs/mem.h"

static void run(void *arg)
{
	struct host_job *j = arg;

	host_op_run(&j->op);
}

void host_job_free(struct host_job *j)
{
	host_op_fini(&j->op);
	free(j);
}

static void done(void *arg)
{
	struct host_job *j = arg;

	j->done(j);
	host_job_free(j);
}

void *host_job_new(size_t size, struct engine *e, struct host *h, enum host_op_kind kind,
		   const char *vm_id)
{
	struct host_job *j = vrs_calloc(1, size);

	j->e = e;
	j->h = h;
	j->op.kind = kind;
	j->op.host = &h->conn;
	j->op.rules = &e->op_rules;
	j->op.lease = &e->worker_lease;
	j->op.lease_token = e->lease.token;
	(void)vrs_strcpy(j->op.vm_id, sizeof(j->op.vm_id), vm_id);
	return j;
}

void host_job_submit(struct host_job *j, void (*fn)(struct host_job *j))
{
	const struct host *h = j->h;
	char lane[320];

	j->done = fn;
	if (j->op.kind == HOST_OP_HEALTH)
		(void)snprintf(lane, sizeof(lane), "health:%s", j->op.vm_id);
	else
		(void)snprintf(lane, sizeof(lane), "%s:%s/%s",
			       j->op.kind == HOST_OP_POWER ||
					       (j->op.kind == HOST_OP_FENCE &&
						engine_has_fence(h))
				       ? "fence"
				       : "hv",
			       h->cluster, h->name);
	vrs_workers_submit(j->e->workers, lane, run, done, j);
}

bool host_job_is_current(const struct host_job *j)
{
	return j->op.lease_token == j->e->lease.token;
}
