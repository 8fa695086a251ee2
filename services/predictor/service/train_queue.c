/* train_queue.c - see train_queue.h. */
#include "service/train_queue.h"

#include <stdio.h>
#include <string.h>

#include "vrs/keys.h"
#include "vrs/mem.h"

enum { DEAD_KEPT = 1000 };

extern const char lua_train_queue[];

int train_queue_eval(const struct train_queue *q, struct vrs_reply **ret,
		     const struct vrs_arg *args, size_t n_args, struct vrs_err *err)
{
	struct vrs_key model = vrs_key_model(q->model);
	struct vrs_key before = vrs_key_model_before(q->model);
	const struct vrs_arg keys[] = {
		VRS_ARG(VRS_KEY_TRAIN_QUEUE), VRS_ARG(VRS_KEY_TRAIN_DEAD),
		VRS_ARG(VRS_KEY_TRAIN_WHY), VRS_ARG(model.text), VRS_ARG(before.text)};

	return vrs_store_eval(q->store, ret,
			      &(struct vrs_script){.text = lua_train_queue,
						   .keys = keys,
						   .n_keys = 5,
						   .args = args,
						   .n_args = n_args},
			      err);
}

static int eval_flag(const struct train_queue *q, const struct vrs_arg *args,
		     size_t n_args, struct vrs_err *err)
{
	struct vrs_reply *r = NULL;
	int status = train_queue_eval(q, &r, args, n_args, err);

	if (status < 0)
		return status;
	status = r->type == VRS_REPLY_INT && r->integer == 1;
	vrs_reply_free(r);
	return status;
}

static const char *number(char ret[24], int64_t x)
{
	(void)snprintf(ret, 24, "%lld", (long long)x);
	return ret;
}

int train_queue_add(const struct train_queue *q, const char *why, int64_t quiet_ms,
		    struct vrs_err *err)
{
	char quiet[24];
	const struct vrs_arg args[] = {VRS_ARG("add"), VRS_ARG(q->model), VRS_ARG(why),
				       VRS_ARG(number(quiet, quiet_ms))};

	return eval_flag(q, args, 4, err);
}

int train_queue_claim(const struct train_queue *q, int64_t claim_ms,
		      struct train_queue_job *ret, struct train_queue_dead *ret_dead,
		      struct vrs_err *err)
{
	char claim[24], tries[24], kept[24];
	struct vrs_reply *r = NULL;
	const struct vrs_arg args[] = {VRS_ARG("claim"),
				       VRS_ARG(q->predictor),
				       VRS_ARG(q->model),
				       VRS_ARG(number(claim, claim_ms)),
				       VRS_ARG(number(tries, TRAIN_QUEUE_TRIES)),
				       VRS_ARG(number(kept, DEAD_KEPT))};
	int status = train_queue_eval(q, &r, args, 6, err);

	if (status < 0)
		return status;
	if (r->n_items != 5 || !r->item[0].bytes || !r->item[2].bytes ||
	    !r->item[4].bytes) {
		vrs_reply_free(r);
		return vrs_fail(err, VRS_EPARSE,
				"training jobs: malformed reply from Redis");
	}
	ret_dead->n = (int)r->item[3].integer;
	(void)vrs_strcpy(ret_dead->reason, sizeof(ret_dead->reason), r->item[4].bytes);
	status = r->item[0].len > 0;
	if (status == 1) {
		ret->tries = (int)r->item[1].integer;
		(void)vrs_strcpy(ret->id, sizeof(ret->id), r->item[0].bytes);
		(void)vrs_strcpy(ret->why, sizeof(ret->why), r->item[2].bytes);
	}
	vrs_reply_free(r);
	return status;
}

int train_queue_renew(const struct train_queue *q, const char *id, struct vrs_err *err)
{
	const struct vrs_arg args[] = {VRS_ARG("renew"), VRS_ARG(q->predictor),
				       VRS_ARG(id)};

	return eval_flag(q, args, 3, err);
}

void train_queue_failed(const struct train_queue *q, const char *id, const char *reason)
{
	const struct vrs_arg argv[] = {VRS_ARG("HSET"), VRS_ARG(VRS_KEY_TRAIN_WHY),
				       VRS_ARG(id), VRS_ARG(reason)};

	(void)vrs_store_do(q->store, NULL, argv, 4, NULL);
}

void train_queue_release(const struct train_queue *q, const struct train_queue_job *job)
{
	char tries[24];
	const struct vrs_arg args[] = {VRS_ARG("release"), VRS_ARG(q->predictor),
				       VRS_ARG(job->id),
				       VRS_ARG(number(tries, job->tries - 1))};

	(void)eval_flag(q, args, 4, NULL);
}

int train_queue_drop(const struct train_queue *q, const char *id, struct vrs_err *err)
{
	const struct vrs_arg args[] = {VRS_ARG("drop"), VRS_ARG(q->predictor),
				       VRS_ARG(id)};

	return eval_flag(q, args, 3, err);
}
