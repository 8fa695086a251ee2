/* train_queue.h - training jobs, shared by all replicas: the stream vrsas:v1:q:train with
 * the consumer group "predictors".
 *
 * A model has at most one open job. A job is claimed by one replica, which renews its
 * claim while it works; a claim not renewed for claim_ms can be taken over by any
 * replica. A job that was claimed three times without success is moved to the stream
 * vrsas:v1:q:train:dead with the reason of its last failure. A finished job is deleted in
 * the same step that stores its model, and only by the holder of the claim: a replica
 * that was suspended cannot overwrite newer work. */
#ifndef PREDICTOR_SERVICE_TRAIN_QUEUE_H
#define PREDICTOR_SERVICE_TRAIN_QUEUE_H

#include "vrs/store.h"

enum { TRAIN_QUEUE_ID_LEN = 48, TRAIN_QUEUE_TRIES = 3 };

/* The jobs of one model, as one replica sees them. */
struct train_queue {
	struct vrs_store *store;
	const char *model, *predictor;
};

struct train_queue_job {
	char id[TRAIN_QUEUE_ID_LEN];
	int tries; /* including this one */
	char why[128];
};

struct train_queue_dead {
	int n;
	char reason[128]; /* of the last one */
};

/* Adds a job unless one is open, or was given up within the last quiet_ms. 1: added. */
int train_queue_add(const struct train_queue *q, const char *why, int64_t quiet_ms,
		    struct vrs_err *err);

/* 1: claimed a job; 0: there is none. ret_dead: jobs given up by this call. */
int train_queue_claim(const struct train_queue *q, int64_t claim_ms,
		      struct train_queue_job *ret, struct train_queue_dead *ret_dead,
		      struct vrs_err *err);

/* 1: renewed; 0: the claim is lost. */
int train_queue_renew(const struct train_queue *q, const char *id, struct vrs_err *err);

/* The job failed: it is retried when the claim expires. */
void train_queue_failed(const struct train_queue *q, const char *id, const char *reason);
/* Gives the job to the next replica at once, without counting this try. */
void train_queue_release(const struct train_queue *q, const struct train_queue_job *job);
/* Ends the job without a model. 1: done; 0: the claim is lost. */
int train_queue_drop(const struct train_queue *q, const char *id, struct vrs_err *err);

/* Runs train_queue.lua, which documents the arguments. */
int train_queue_eval(const struct train_queue *q, struct vrs_reply **ret,
		     const struct vrs_arg *args, size_t n_args, struct vrs_err *err);

#endif
