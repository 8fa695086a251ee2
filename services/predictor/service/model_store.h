/* model_store.h - models in Redis, shared by all replicas.
 *
 * vrsas:v1:model:NAME is a hash: weights, version, checksum, report. Saving keeps the
 * replaced model as NAME.before. */
#ifndef PREDICTOR_SERVICE_MODEL_STORE_H
#define PREDICTOR_SERVICE_MODEL_STORE_H

#include "net/model_file.h"
#include "service/train_queue.h"

/* The version of the stored model; "": none. */
int model_store_version(struct vrs_store *s, const char *name,
			char ret[MODEL_VERSION_LEN], struct vrs_err *err);

/* VRS_ENOENT: no model; VRS_EPARSE, VRS_EUNSUPPORTED: damaged, or of another format. */
int model_store_load(struct vrs_store *s, const char *name, struct model **ret,
		     struct vrs_err *err);

/* Stores the model of a training job under the queue's name and ends the job.
 * VRS_ECONFLICT: the claim is lost, nothing is stored. */
int model_store_save(const struct train_queue *q, const char *job_id, struct model *m,
		     struct vrs_err *err);

#endif
