/* train_job.h - does a training job (train_queue.h) on what Redis holds, in a worker
 * thread. */
#ifndef PREDICTOR_SERVICE_TRAIN_JOB_H
#define PREDICTOR_SERVICE_TRAIN_JOB_H

#include <stdatomic.h>
#include <stdbool.h>

#include "service/train_queue.h"
#include "training/train.h"
#include "vrs/clock.h"
#include "vrs/store.h"

struct train_job_conf {
	struct vrs_store_conf store; /* the thread opens its own connection */
	const char *who, *model_name;
	struct train_conf train;
	int64_t min_history_ms;
	size_t max_series;
	struct train_queue_job job; /* claimed by who */
	int64_t claim_ms;
	/* A stored model younger than this, made of at least so many series, makes
	 * training needless. */
	int64_t retrain_ms;
	size_t known_series;
};

struct train_job {
	void *owner; /* not looked at here */
	struct train_job_conf conf;
	atomic_bool stop;
	atomic_int percent;
	/* when done: */
	struct model *model; /* NULL: none was made; err says why */
	struct vrs_err err;  /* ENOENT: too little history; ECONFLICT: needless or lost */
	int64_t took_ms;
	size_t n_series;
};

/* There are clearly more hosts and clusters now than it was made of. */
bool train_job_outgrown(const struct model *m, size_t known_series);

/* Runs in the worker thread. Free the job with train_job_free. */
void train_job_run(void *job);
void train_job_free(struct train_job *job);

#endif
