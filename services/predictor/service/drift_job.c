/* drift_job.c - see drift_job.h. */
#include "service/drift_job.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "service/history.h"
#include "vrs/keys.h"
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
		(void)snprintf(
			text, size,
			"%s runs %.0f points %s its last two days for more than an "
			"hour",
			now->name, (double)(d->jump > 0 ? d->jump : -d->jump),
			d->jump > 0 ? "above" : "below");
		return true;
	}
	if (d->state == was || d->state == DRIFT_UNKNOWN)
		return false;
	*kind = "forecast.drift";
	if (d->state == DRIFT_TOO_NARROW)
		(void)snprintf(
			text, size,
			"%s: only %.0f %% of the peaks of two days were at or below "
			"their P90: quantiles are stretched by %.1f",
			now->name, d->covered * 100, (double)d->widen);
	else if (d->state == DRIFT_TOO_WIDE)
		(void)snprintf(text, size,
			       "%s: all peaks of two days were far below their P90",
			       now->name);
	else if (was == DRIFT_UNKNOWN)
		return false;
	else
		(void)snprintf(text, size, "%s: the forecast fits again", now->name);
	return true;
}

static void look(struct drift_job *job, struct forecaster *f, const struct history *h,
		 const struct bins *b, char *name)
{
	struct window w = window_of(b, h->origin, BINS_HISTORY, job->utc_min);
	struct drift_table *t = &job->table;

	t->row = vrs_realloc(t->row, t->n + 1, sizeof(*t->row));
	t->row[t->n] = (struct drift_row){.name = name};
	drift_check(f, &w, &t->row[t->n].drift);
	t->n++;
}

static int look_at(struct drift_job *job, struct forecaster *f, struct vrs_store *s,
		   const char *cluster, struct vrs_err *err)
{
	struct history h;
	int status = history_open(&h, s, cluster, vrs_now_wall_ms(), err);

	if (status == VRS_ENOENT)
		return 0;
	if (status < 0)
		return status;
	status = history_read_cluster(&h, s, err);
	if (status == 0) {
		look(job, f, &h, &h.bins, vrs_strdup(cluster));
		for (size_t i = 0;
		     i < h.n && job->table.n < job->max_series && !job->stop; i++)
			look(job, f, &h, &h.host[i].bins,
			     vrs_asprintf("%s/%s", cluster, h.host[i].name));
	}
	history_close(&h);
	return status;
}

void drift_job_run(void *arg)
{
	struct drift_job *job = arg;
	struct forecaster *f = forecaster_new(job->model);
	struct vrs_store *s = NULL;
	struct vrs_reply *r = NULL;

	/* answering comes first */
	(void)setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), 10);
	int status = vrs_store_open(&s, &job->store, &job->err);
	if (status == 0)
		status = vrs_store_cmd(s, &r, &job->err, "SMEMBERS " VRS_KEY_CLUSTERS);
	for (size_t i = 0; status == 0 && i < r->n_items && !job->stop; i++)
		if (r->item[i].bytes && vrs_name_ok(r->item[i].bytes) &&
		    job->table.n < job->max_series)
			status = look_at(job, f, s, r->item[i].bytes, &job->err);
	if (job->table.n > 0)
		qsort(job->table.row, job->table.n, sizeof(*job->table.row), by_name);
	vrs_reply_free(r);
	vrs_store_close(s);
	forecaster_free(f);
}

void drift_job_free(struct drift_job *job)
{
	if (!job)
		return;
	drift_table_free(&job->table);
	model_free(job->model);
	free(job);
}
