/* drift_job.c - see drift_job.h. */
#include "service/drift_job.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "service/history.h"
#include "vrs/mem.h"

void drift_table_free(struct drift_table *t)
{
	for (size_t i = 0; i < t->n; i++)
		free(t->row[i].name);
	free(t->row);
	*t = (struct drift_table){0};
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct drift_row *)a)->name,
		      ((const struct drift_row *)b)->name);
}

const struct drift_row *drift_table_find(const struct drift_table *t, const char *cluster,
					 const char *host)
{
	char name[160];
	struct drift_row key = {.name = name};

	(void)snprintf(name, sizeof(name), "%s%s%s", cluster, host[0] ? "/" : "", host);
	return t->n ? bsearch(&key, t->row, t->n, sizeof(key), by_name) : NULL;
}

bool drift_event(const struct drift_row *before, const struct drift_row *now,
		 const char **kind, char *text, size_t size)
{
	const struct drift *d = &now->drift;
	enum drift_state was = before ? before->drift.state : DRIFT_FITS;

	if (d->jump != 0 && (!before || before->drift.jump == 0)) {
		*kind = "forecast.level";
		(void)snprintf(text, size,
			       "%s: the load has been %.0f points %s that of the last "
			       "two days for more than an hour",
			       now->name, (double)(d->jump > 0 ? d->jump : -d->jump),
			       d->jump > 0 ? "above" : "below");
		return true;
	}
	if (d->state == was || d->state == DRIFT_UNKNOWN)
		return false;
	*kind = "forecast.drift";
	if (d->state == DRIFT_TOO_NARROW)
		(void)snprintf(text, size,
			       "%s: only %.0f %% of the peaks in two days were at or "
			       "below their P90; quantiles are stretched by %.1f",
			       now->name, d->covered * 100, (double)d->widen);
	else if (d->state == DRIFT_TOO_WIDE)
		(void)snprintf(text, size,
			       "%s: all peaks in two days were far below their P90",
			       now->name);
	else if (was == DRIFT_UNKNOWN)
		return false;
	else
		(void)snprintf(text, size, "%s: forecasts match the load again",
			       now->name);
	return true;
}

struct check {
	struct drift_job *job;
	struct forecaster *f;
};

static int on_series(void *arg, const char *name, struct bins *b, int64_t origin)
{
	const struct check *c = arg;
	struct window w = window_of(b, origin, BINS_HISTORY, c->job->utc_min);
	struct drift_table *t = &c->job->table;

	t->row = vrs_realloc(t->row, t->n + 1, sizeof(*t->row));
	t->row[t->n] = (struct drift_row){.name = vrs_strdup(name)};
	drift_check(c->f, &w, &t->row[t->n++].drift);
	return c->job->stop;
}

void drift_job_run(void *arg)
{
	struct drift_job *job = arg;
	struct check check = {job, forecaster_new(job->model)};
	const struct history_walk walk = {job->max_series, on_series, &check};
	struct vrs_store *s = NULL;

	/* forecasts have priority */
	(void)setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), 10);
	if (vrs_store_open(&s, &job->store, &job->err) == 0)
		(void)history_walk(s, &walk, &job->err);
	if (job->table.n > 0)
		qsort(job->table.row, job->table.n, sizeof(*job->table.row), by_name);
	vrs_store_close(s);
	forecaster_free(check.f);
}

void drift_job_free(struct drift_job *job)
{
	if (!job)
		return;
	drift_table_free(&job->table);
	model_free(job->model);
	free(job);
}
