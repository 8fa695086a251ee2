/* model_store.h - where the model lives: in Redis for all replicas, and a file for day
 * one.
 *
 * vrsas:v1:model:NAME is a hash: weights, version, checksum, report. Saving keeps what
 * was there as NAME.before. A damaged one is refused with the reason; the one before it,
 * then the file, take its place. */
#ifndef PREDICTOR_SERVICE_MODEL_STORE_H
#define PREDICTOR_SERVICE_MODEL_STORE_H

#include "net/model_file.h"
#include "vrs/store.h"

/* The version that Redis holds; "" when there is none. */
int model_store_version(struct vrs_store *s, const char *name,
			char ret[MODEL_VERSION_LEN], struct vrs_err *err);

/* VRS_ENOENT: no model. Otherwise, on failure, err says what is wrong with it. */
int model_store_load(struct vrs_store *s, const char *name, struct model **ret,
		     struct vrs_err *err);

/* Stores what was made for a training job (train_queue.h), and ends the job.
 * VRS_ECONFLICT: the job is not who's any more, nothing is stored. */
int model_store_save(struct vrs_store *s, const char *name, struct model *m,
		     const char *who, const char *job_id, struct vrs_err *err);

#endif
