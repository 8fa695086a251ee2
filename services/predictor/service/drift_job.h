/* drift_job.h - the drift check (drift.h) over all clusters and hosts in Redis, in a
 * worker thread, and what came of it: a table for the loop's thread. */
#ifndef PREDICTOR_SERVICE_DRIFT_JOB_H
#define PREDICTOR_SERVICE_DRIFT_JOB_H

#include <stdatomic.h>

#include "service/drift.h"
#include "vrs/clock.h"
#include "vrs/store.h"

struct drift_row {
	char *name; /* cluster, or cluster/host */
	struct drift drift;
};

/* By name, bytewise. */
struct drift_table {
	struct drift_row *row;
	size_t n;
};
void drift_table_free(struct drift_table *t);
/* NULL: not known. host may be "". */
const struct drift_row *drift_table_find(const struct drift_table *t, const char *cluster,
					 const char *host);

/* What is worth telling of a series, given what was known of it before (NULL: nothing):
 * false when nothing changed. kind is that of an event. */
bool drift_event(const struct drift_row *before, const struct drift_row *now,
		 const char **kind, char *text, size_t size);

struct drift_job {
	void *owner; /* not looked at here */
	struct vrs_store_conf store;
	struct model *model; /* its own */
	int32_t utc_min;
	size_t max_series;
	atomic_bool stop;
	/* when done: */
	struct drift_table table;
	struct vrs_err err;
};

/* Runs in the worker thread. Free the job with drift_job_free. */
void drift_job_run(void *job);
void drift_job_free(struct drift_job *job);

#endif
