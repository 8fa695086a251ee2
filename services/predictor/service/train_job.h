/* train_job.h - runs a training job (train_queue.h) on the history in Redis, in a worker
 * thread. */
#ifndef PREDICTOR_SERVICE_TRAIN_JOB_H
#define PREDICTOR_SERVICE_TRAIN_JOB_H

#include <stdatomic.h>
#include <stdbool.h>

#include "service/train_queue.h"
#include "training/train.h"

struct train_job_conf {
	struct vrs_store_conf store; /* the thread opens its own connection */
	const char *predictor, *model_name;
	struct train_conf train;
	int64_t min_history_ms;
	size_t max_series;
	struct train_queue_job job; /* claimed by predictor */
	int64_t claim_ms;
	/* No training if the stored model is younger than this and was trained on enough
	 * of the series that are known now. */
	int64_t retrain_ms;
	size_t known_series;
};

struct train_job {
	void *owner; /* for the caller */
	struct train_job_conf conf;
	atomic_bool stop;
	atomic_int percent;
	/* results: */
	struct model *model; /* NULL: none; the reason is in err */
	/* VRS_ENOENT: not enough history; VRS_ECONFLICT: not needed, or claim lost */
	struct vrs_err err;
	int64_t took_ms;
	size_t n_series;
};

/* There are clearly more hosts and clusters than the model was trained on. */
bool train_job_outgrown(const struct model *m, size_t known_series);

/* Runs in the worker thread. */
void train_job_run(void *job);
void train_job_free(struct train_job *job);

#endif
