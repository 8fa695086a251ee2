/* train_queue.h - training jobs, shared among replicas: the stream vrsas:v1:q:train with
 * the consumer group "predictors".
 *
 * At most one open job a model. A job is claimed by one replica, which renews its claim
 * while it works; a claim that was not renewed for claim_ms goes to whoever asks next. A
 * job that was claimed three times without being done (it failed, or its replica died) is
 * moved to the stream vrsas:v1:q:train:dead with the newest reason. A finished job is
 * deleted in the same step that stores its model, and only by who holds the claim: what a
 * replica that was stopped for long has made is not stored over newer work. */
#ifndef PREDICTOR_SERVICE_TRAIN_QUEUE_H
#define PREDICTOR_SERVICE_TRAIN_QUEUE_H

#include <stdbool.h>

#include "vrs/store.h"

enum { TRAIN_QUEUE_ID_LEN = 48, TRAIN_QUEUE_TRIES = 3 };

struct train_queue_job {
	char id[TRAIN_QUEUE_ID_LEN];
	int tries; /* this one counted */
	char why[128];
};

/* Makes a job for the model unless one is open, or died within the last quiet_ms. 1:
 * made, 0: not. */
int train_queue_add(struct vrs_store *s, const char *model, const char *why,
		    int64_t quiet_ms, struct vrs_err *err);

/* 1: a job of the model is ours now; 0: there is none to be had. *ret_dead counts jobs
 * that were given up on the way; their last reason goes to dead_why. */
int train_queue_claim(struct vrs_store *s, const char *model, const char *who,
		      int64_t claim_ms, struct train_queue_job *ret, int *ret_dead,
		      char dead_why[128], struct vrs_err *err);

/* 1: still ours; 0: lost. */
int train_queue_renew(struct vrs_store *s, const char *who, const char *id,
		      struct vrs_err *err);

/* The job failed: kept for another try once the claim is over, with the reason. */
void train_queue_failed(struct vrs_store *s, const char *id, const char *reason);
/* We are asked to stop: the next one gets it at once, and it does not count as a try. */
void train_queue_release(struct vrs_store *s, const char *who,
			 const struct train_queue_job *job);
/* Done without a model (there is nothing to do, or not yet). 1: it was ours. */
int train_queue_drop(struct vrs_store *s, const char *who, const char *id,
		     struct vrs_err *err);

/* Runs train_queue.lua, which knows what args mean. model: the one to save, else "". */
int train_queue_eval(struct vrs_store *s, struct vrs_reply **ret, const char *model,
		     const struct vrs_arg *args, size_t n_args, struct vrs_err *err);

#endif
