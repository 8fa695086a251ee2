/* drift_job.h - the drift check (drift.h) of all clusters and hosts in Redis, in a worker
 * thread; its result is a table for the event loop's thread. */
#ifndef PREDICTOR_SERVICE_DRIFT_JOB_H
#define PREDICTOR_SERVICE_DRIFT_JOB_H

#include <stdatomic.h>

#include "service/drift.h"
#include "vrs/store.h"

struct drift_row {
	char *name; /* cluster, or cluster/host */
	struct drift drift;
};

/* Sorted by name, bytewise. */
struct drift_table {
	struct drift_row *row;
	size_t n;
};
void drift_table_free(struct drift_table *t);
/* NULL: unknown. host "": the cluster. */
const struct drift_row *drift_table_find(const struct drift_table *t, const char *cluster,
					 const char *host);

/* Kind and text of an event about a series; false: nothing changed. before: its row in
 * the previous table; NULL: none. */
bool drift_event(const struct drift_row *before, const struct drift_row *now,
		 const char **kind, char *text, size_t size);

struct drift_job {
	void *owner; /* for the caller */
	struct vrs_store_conf store;
	struct model *model; /* owned */
	int32_t utc_min;
	size_t max_series;
	atomic_bool stop;
	/* results: */
	struct drift_table table;
	struct vrs_err err;
};

/* Runs in the worker thread. */
void drift_job_run(void *job);
void drift_job_free(struct drift_job *job);

#endif
