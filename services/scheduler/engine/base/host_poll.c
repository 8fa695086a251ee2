/* Queries several hosts at once whether a VM runs there: inventories may be old, the
 * answer of a hypervisor is not. */
#include <stdlib.h>

#include "engine/base/base.h"
#include "vrs/mem.h"

struct poll_job {
	struct host_job job;
	struct host_poll *poll;
	size_t at;
};

static void one_is_done(struct host_poll *p)
{
	if (--p->open > 0)
		return;
	p->done(p);
	free(p->answer);
	free(p);
}

static void answered(struct host_job *job)
{
	struct poll_job *j = (void *)job;

	j->poll->answer[j->at].seen = host_op_seen(&job->op);
	one_is_done(j->poll);
}

struct host_poll *host_poll_new(struct engine *e, const char *vm_id, struct host *home,
				void (*done)(struct host_poll *p))
{
	struct host_poll *p = vrs_calloc(1, sizeof(*p));

	p->e = e;
	p->home = home;
	p->done = done;
	(void)vrs_strcpy(p->vm_id, sizeof(p->vm_id), vm_id);
	return p;
}

void host_poll_add(struct host_poll *p, struct host *h)
{
	p->answer = vrs_realloc(p->answer, p->n + 1, sizeof(*p->answer));
	p->answer[p->n++] = (struct host_poll_answer){.h = h};
}

void host_poll_start(struct host_poll *p)
{
	p->open = (unsigned)p->n + 1; /* one more, until all are submitted */
	for (size_t i = 0; i < p->n; i++) {
		struct poll_job *j = host_job_new(sizeof(*j), p->e, p->answer[i].h,
						  HOST_OP_STATE, p->vm_id);

		j->poll = p;
		j->at = i;
		host_job_submit(&j->job, answered);
	}
	one_is_done(p);
}
