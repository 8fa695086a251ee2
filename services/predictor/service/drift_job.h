/* drift_job.h - the drift check (drift.h) over all clusters and hosts in Redis, in a
 * worker thread, and what came of it: a table for the loop's thread. */
#ifndef PREDICTOR_SERVICE_DRIFT_JOB_H
#define PREDICTOR_SERVICE_DRIFT_JOB_H

#include <stdatomic.h>

#include "service/drift.h"
#include "vrs/clock.h"
#include "vrs/store.h"

struct watched {
	char *name; /* cluster, or cluster/host */
	struct drift drift;
};

/* By name, bytewise. */
struct watch_table {
	struct watched *row;
	size_t n;
};
void watch_table_free(struct watch_table *t);
/* NULL: not known. host may be "". */
const struct watched *watch_find(const struct watch_table *t, const char *cluster,
				 const char *host);

/* What is worth telling of a series, given what was known of it before (NULL: nothing):
 * false when nothing changed. kind is that of an event. */
bool watch_news(const struct watched *before, const struct watched *now,
		const char **kind, char *text, size_t size);

struct watch_job {
	void *owner; /* not looked at here */
	struct vrs_store_conf store;
	struct model *model; /* its own */
	int32_t utc_min;
	size_t max_series;
	atomic_bool stop;
	/* when done: */
	struct watch_table table;
	struct vrs_err err;
};

/* Runs in the worker thread. Free the job with watch_free. */
void watch_work(void *job);
void watch_free(struct watch_job *job);

#endif
