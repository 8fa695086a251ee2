#include "jobs/job_status.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vrs/clock.h"
#include "vrs/keys.h"
#include "vrs/mem.h"

enum { KEEP_RATES = 40, KEEP_INDEX = 1000, KEEP_RECORD_S = 30 * 24 * 3600 };

extern const char lua_job_claim[], lua_job_take_over[], lua_job_write[];

static const char *state_name(Vrsas__V1__TransferState s)
{
	switch (s) {
	case VRSAS__V1__TRANSFER_STATE__TRANSFER_STATE_QUEUED:
		return "queued";
	case VRSAS__V1__TRANSFER_STATE__TRANSFER_STATE_COPYING:
		return "copying";
	case VRSAS__V1__TRANSFER_STATE__TRANSFER_STATE_VERIFYING:
		return "verifying";
	case VRSAS__V1__TRANSFER_STATE__TRANSFER_STATE_DONE:
		return "done";
	case VRSAS__V1__TRANSFER_STATE__TRANSFER_STATE_FAILED:
		return "failed";
	case VRSAS__V1__TRANSFER_STATE__TRANSFER_STATE_CANCELLED:
		return "cancelled";
	case VRSAS__V1__TRANSFER_STATE__TRANSFER_STATE_PAUSED:
		return "paused";
	default:
		return "unknown";
	}
}

static bool says(const struct vrs_reply *r, const char *word)
{
	return r->bytes && strcmp(r->bytes, word) == 0;
}

static int run_script(struct vrs_store *s, const char *script, const char *job,
		      const struct vrs_arg *args, size_t n_args, size_t n_want,
		      struct vrs_reply **ret, struct vrs_err *err)
{
	struct vrs_key key = vrs_key_transfer(job);
	struct vrs_arg keys[] = {VRS_ARG(key.text)};
	int status = vrs_store_eval(s, ret,
				    &(struct vrs_script){.text = script,
							 .keys = keys,
							 .n_keys = 1,
							 .args = args,
							 .n_args = n_args},
				    err);
	if (status == 0 && (*ret)->n_items != n_want) {
		vrs_reply_free(*ret);
		return vrs_fail(err, VRS_EPARSE, "store: an answer makes no sense");
	}
	return status;
}

/* For lists: which jobs there are. Losing a line of it costs a view, nothing else. */
static void put_in_index(struct vrs_store *s, const char *job)
{
	int64_t now_ms = vrs_now_wall_ms();

	vrs_store_addf(s, "ZADD " VRS_KEY_TRANSFERS " %lld %s", (long long)now_ms, job);
	vrs_store_addf(s, "ZREMRANGEBYRANK " VRS_KEY_TRANSFERS " 0 %d", -KEEP_INDEX - 1);
	(void)vrs_store_run(s, NULL, NULL);
}

int job_status_claim(struct vrs_store *s, const Vrsas__V1__TransferJob *order,
		     const char *mover, Vrsas__V1__TransferStatus **ret_before,
		     struct vrs_err *err)
{
	const char *job = order->job_id;
	char token_text[24], keep[16];
	struct vrs_reply *r = NULL;
	size_t n;
	void *bytes = vrs_msg_pack(&order->base, &n);

	(void)snprintf(token_text, sizeof(token_text), "%llu",
		       (unsigned long long)order->token);
	(void)snprintf(keep, sizeof(keep), "%d", KEEP_RECORD_S);
	struct vrs_arg args[] = {
		VRS_ARG(token_text), VRS_ARG(mover), VRS_ARG(keep), {bytes, n}};
	int status = run_script(s, lua_job_claim, job, args, 4, 2, &r, err);
	free(bytes);
	if (status < 0)
		return status;
	if (says(&r->item[0], "late"))
		status = vrs_fail(err, VRS_ECONFLICT, "a later hand-out of %s exists",
				  job);
	else if (says(&r->item[0], "taken"))
		status = vrs_fail(err, VRS_ECONFLICT, "another mover is at work on %s",
				  job);
	else if (r->item[1].bytes && r->item[1].len > 0)
		*ret_before = vrsas__v1__transfer_status__unpack(
			NULL, r->item[1].len, (const uint8_t *)r->item[1].bytes);
	vrs_reply_free(r);
	if (status == 0)
		put_in_index(s, job);
	return status;
}

int job_status_take_over(struct vrs_store *s, const char *job, const char *mover,
			 struct vrs_msg **ret, struct vrs_err *err)
{
	struct vrs_arg args[] = {VRS_ARG(mover)};
	struct vrs_reply *r = NULL;
	int status = run_script(s, lua_job_take_over, job, args, 1, 2, &r, err);

	if (status < 0)
		return status;
	if (!says(&r->item[0], "yours"))
		status = vrs_fail(err, VRS_ECONFLICT, "%s does not wait any more", job);
	else
		status = vrs_msg_unpack(ret, &vrsas__v1__transfer_job__descriptor,
					r->item[1].bytes, r->item[1].len, err);
	vrs_reply_free(r);
	return status;
}

int job_status_write(struct vrs_store *s, const Vrsas__V1__TransferStatus *status,
		     struct job_orders *ret, struct vrs_err *err)
{
	char token_text[24], keep[16];
	struct vrs_reply *r = NULL;
	size_t n;
	void *bytes = vrs_msg_pack(&status->base, &n);

	(void)snprintf(token_text, sizeof(token_text), "%llu",
		       (unsigned long long)status->token);
	(void)snprintf(keep, sizeof(keep), "%d", KEEP_RECORD_S);
	struct vrs_arg args[] = {VRS_ARG(token_text),
				 VRS_ARG(status->mover),
				 {bytes, n},
				 VRS_ARG(state_name(status->state)),
				 VRS_ARG(keep)};
	int code = run_script(s, lua_job_write, status->job_id, args, 5, 4, &r, err);
	free(bytes);
	if (code < 0)
		return code;
	if (says(&r->item[0], "late")) {
		code = vrs_fail(err, VRS_ECONFLICT, "a later hand-out of %s exists",
				status->job_id);
	} else {
		const char *cancel = r->item[1].bytes, *rate = r->item[2].bytes;
		const char *pause = r->item[3].bytes;

		*ret = (struct job_orders){0};
		ret->cancel = cancel && *cancel && strcmp(cancel, "0") != 0;
		ret->paused = pause && *pause && strcmp(pause, "0") != 0;
		if (rate && *rate) {
			ret->has_rate = true;
			ret->rate_bytes_per_s = strtoull(rate, NULL, 10);
		}
	}
	vrs_reply_free(r);
	if (code == 0 && status->ended_at_ms)
		put_in_index(s, status->job_id);
	return code;
}

/* --- what copies took --- */

int job_status_past(struct vrs_store *s, const char *source_cluster,
		    const char *target_cluster, struct eta_past *ret, size_t *ret_n,
		    struct vrs_err *err)
{
	struct vrs_reply *r = NULL;

	*ret_n = 0;
	if (!vrs_name_ok(source_cluster) || !vrs_name_ok(target_cluster))
		return 0;
	int status = vrs_store_cmd(s, &r, err, "LRANGE %s 0 %d",
				   vrs_key_eta(source_cluster, target_cluster).text,
				   ETA_PAST_MAX - 1);
	if (status < 0)
		return status;
	for (size_t i = 0; i < r->n_items && *ret_n < ETA_PAST_MAX; i++)
		if (r->item[i].bytes &&
		    eta_past_parse(&ret[*ret_n], r->item[i].bytes, NULL) == 0)
			(*ret_n)++;
	vrs_reply_free(r);
	return 0;
}

int job_status_past_add(struct vrs_store *s, const char *source_cluster,
			const char *target_cluster, const struct eta_past *one,
			struct vrs_err *err)
{
	char line[ETA_LINE_MAX];

	if (!vrs_name_ok(source_cluster) || !vrs_name_ok(target_cluster))
		return 0;
	struct vrs_key key = vrs_key_eta(source_cluster, target_cluster);
	eta_past_print(line, one);
	vrs_store_addf(s, "LPUSH %s %s", key.text, line);
	vrs_store_addf(s, "LTRIM %s 0 %d", key.text, ETA_PAST_MAX - 1);
	return vrs_store_run(s, NULL, err);
}

int job_status_rate(struct vrs_store *s, const char *source_cluster,
		    const char *target_cluster, uint64_t n_bytes, int64_t ms,
		    int64_t at_ms, struct vrs_err *err)
{
	char text[96];

	if (!vrs_name_ok(source_cluster) || !vrs_name_ok(target_cluster))
		return 0;
	struct vrs_key key = vrs_key_rate(source_cluster, target_cluster);
	(void)snprintf(text, sizeof(text), "%llu %lld %lld", (unsigned long long)n_bytes,
		       (long long)ms, (long long)at_ms);
	vrs_store_addf(s, "LPUSH %s %s", key.text, text);
	vrs_store_addf(s, "LTRIM %s 0 %d", key.text, KEEP_RATES - 1);
	return vrs_store_run(s, NULL, err);
}
