/* job_limits.h - which job may run now: one table in Redis, shared by all movers
 * (vrsas:v1:xrun).
 *
 * A job is in the table while it waits or runs, with the hosts and the link (the pair of
 * clusters) that it uses. One script reads the whole table and starts a job when its
 * source, target and link are below their limits and no job before it could use that
 * capacity: higher priority first, among equals the one that has waited longest. An entry
 * that its mover stops refreshing is removed. */
#ifndef MOVER_JOBS_JOB_LIMITS_H
#define MOVER_JOBS_JOB_LIMITS_H

#include <stdbool.h>
#include <stdint.h>

#include "vrs/err.h"
#include "vrs/store.h"
#include "vrsas/v1/transfer.pb-c.h"

struct job_limits {
	const char *mover;        /* this instance */
	int source, target, link; /* jobs at a time */
};

struct job_limits_result {
	bool ready, go;
	uint32_t beside;     /* go: other jobs running on the same hosts or link */
	char waits_for[160]; /* not go: the limit that was reached, number of jobs ahead
			      */
	int64_t since_ms;    /* of the server, when it began to wait */
};

/* Enters a job or refreshes its entry, and starts it if it may run (ret->go). ret->ready
 * is set by the caller: this mover has a free worker; if not, the job holds no capacity
 * while it waits. */
int job_limits_request(struct vrs_store *s, const struct job_limits *limits,
		       const Vrsas__V1__TransferJob *job, struct job_limits_result *ret,
		       struct vrs_err *err);

/* Removes a job of this mover. */
int job_limits_leave(struct vrs_store *s, const struct job_limits *limits,
		     const char *job, struct vrs_err *err);

/* A job that could run but waits at a mover without a free worker; "" if there is none.
 */
int job_limits_find(struct vrs_store *s, const struct job_limits *limits,
		    char ret_job[132], struct vrs_err *err);

#endif
