/* A roll call: several hosts are asked at once whether a VM runs there. Inventories may
 * be old; a host's own word, asked now, is not. */
#include <stdio.h>
#include <stdlib.h>

#include "engine/base/base.h"
#include "vrs/mem.h"

struct roll_job {
	struct roll *roll;
	size_t at;
	struct act_job act;
};

static void ask(void *arg)
{
	struct roll_job *j = arg;

	act_run(&j->act);
}

static void one_is_over(struct roll *r)
{
	if (--r->open > 0)
		return;
	r->over(r);
	free(r->said);
	free(r);
}

static void answered(void *arg)
{
	struct roll_job *j = arg;
	struct roll *r = j->roll;

	r->said[j->at].seen = act_seen(&j->act);
	act_job_fini(&j->act);
	free(j);
	one_is_over(r);
}

struct roll *roll_new(struct engine *e, const char *vm_id, struct host *home,
		      void (*over)(struct roll *r))
{
	struct roll *r = vrs_calloc(1, sizeof(*r));

	r->e = e;
	r->home = home;
	r->over = over;
	(void)vrs_strcpy(r->vm_id, sizeof(r->vm_id), vm_id);
	return r;
}

void roll_add(struct roll *r, struct host *h)
{
	r->said = vrs_realloc(r->said, r->n + 1, sizeof(*r->said));
	r->said[r->n++] = (struct roll_said){.h = h};
}

void roll_call(struct roll *r)
{
	r->open = (unsigned)r->n + 1; /* ours, until all are asked */
	for (size_t i = 0; i < r->n; i++) {
		struct host *h = r->said[i].h;
		struct roll_job *j = vrs_calloc(1, sizeof(*j));
		char lane[160];

		j->roll = r;
		j->at = i;
		j->act.kind = ACT_STATE;
		j->act.host = &h->act;
		j->act.rules = &r->e->act;
		(void)vrs_strcpy(j->act.vm_id, sizeof(j->act.vm_id), r->vm_id);
		(void)snprintf(lane, sizeof(lane), "hv:%s/%s", h->cluster, h->name);
		vrs_workers_submit(r->e->workers, lane, ask, answered, j);
	}
	one_is_over(r);
}

struct reloc_place engine_place_of(const struct host *h)
{
	struct reloc_place p = {0};

	(void)vrs_strcpy(p.cluster, sizeof(p.cluster), h->cluster);
	(void)vrs_strcpy(p.host, sizeof(p.host), h->name);
	return p;
}
