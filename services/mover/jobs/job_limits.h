/* job_limits.h - who may copy now: one table in Redis, shared by all movers
 * (vrsas:v1:xrun).
 *
 * A job is there while it waits or works, with the ends and the link that it uses. One
 * script looks at all of them and lets a job begin when its source, its target and its
 * link (the pair of clusters) have room and nobody who comes before it could take that
 * room: the higher priority first, among equals who has waited longest. Who stops saying
 * that it is alive is forgotten. */
#ifndef MOVER_JOBS_JOB_LIMITS_H
#define MOVER_JOBS_JOB_LIMITS_H

#include <stdbool.h>
#include <stdint.h>

#include "vrs/err.h"
#include "vrs/store.h"
#include "vrsas/v1/transfer.pb-c.h"

struct job_limits_limits {
	int source, target, link; /* jobs at a time */
};

struct job_limits_answer {
	bool go;
	uint32_t beside;     /* go: others at work on the same ends or link */
	char waits_for[160]; /* not go: what is full, and how many are before it */
	int64_t since_ms;    /* server's, when it began to wait */
};

/* Says that the job waits, or still waits, and begins it when it may; that it works
 * still, when it was begun. can_begin: this mover has a hand free; if not, its waiting
 * keeps nobody from anything. */
int job_limits_ask(struct vrs_store *s, const Vrsas__V1__TransferJob *job,
		   const char *mover, bool can_begin,
		   const struct job_limits_limits *limits, struct job_limits_answer *ret,
		   struct vrs_err *err);

/* It neither works nor waits any more, or another mover has it. */
int job_limits_leave(struct vrs_store *s, const char *job, const char *mover,
		     struct vrs_err *err);

/* A job that waits at a mover whose hands are full, although it could begin here; ""
 * when there is none. */
int job_limits_find(struct vrs_store *s, const char *mover,
		    const struct job_limits_limits *limits, char ret_job[132],
		    struct vrs_err *err);

#endif
