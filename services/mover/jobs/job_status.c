#include "jobs/job_status.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "jobs/script.h"
#include "transfer/transfer.h"
#include "vrs/clock.h"
#include "vrs/keys.h"
#include "vrs/mem.h"

enum { KEEP_RATES = 40, KEEP_INDEX = 1000, KEEP_RECORD_S = 30 * 24 * 3600 };

extern const char lua_job_claim[], lua_job_take_over[], lua_job_write[];

static const char *state_name(Vrsas__V1__TransferState s)
{
	switch (s) {
	case TRANSFER_STATE(QUEUED):
		return "queued";
	case TRANSFER_STATE(COPYING):
		return "copying";
	case TRANSFER_STATE(VERIFYING):
		return "verifying";
	case TRANSFER_STATE(DONE):
		return "done";
	case TRANSFER_STATE(FAILED):
		return "failed";
	case TRANSFER_STATE(CANCELLED):
		return "cancelled";
	case TRANSFER_STATE(PAUSED):
		return "paused";
	default:
		return "unknown";
	}
}

static bool is(const struct vrs_reply *r, const char *text)
{
	return strcmp(r->bytes, text) == 0;
}

/* The index for lists of jobs. A lost entry affects only those lists. */
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
	struct vrs_key key = vrs_key_transfer(job);
	struct vrs_script script = {.text = lua_job_claim,
				    .keys = &VRS_ARG(key.text),
				    .n_keys = 1,
				    .args = args,
				    .n_args = 4};
	int status = script_run(s, &script, 2, &r, err);
	free(bytes);
	if (status < 0)
		return status;
	if (is(&r->item[0], "late"))
		status = vrs_fail(err, VRS_ECONFLICT,
				  "transfer %s is superseded: it was reassigned", job);
	else if (is(&r->item[0], "taken"))
		status = vrs_fail(err, VRS_ECONFLICT,
				  "another mover is running transfer %s", job);
	else if (r->item[1].len > 0)
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
	struct vrs_key key = vrs_key_transfer(job);
	struct vrs_script script = {.text = lua_job_take_over,
				    .keys = &VRS_ARG(key.text),
				    .n_keys = 1,
				    .args = args,
				    .n_args = 1};
	int status = script_run(s, &script, 2, &r, err);

	if (status < 0)
		return status;
	if (!is(&r->item[0], "yours"))
		status = vrs_fail(err, VRS_ECONFLICT, "transfer %s is no longer waiting",
				  job);
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
	struct vrs_key key = vrs_key_transfer(status->job_id);
	struct vrs_script script = {.text = lua_job_write,
				    .keys = &VRS_ARG(key.text),
				    .n_keys = 1,
				    .args = args,
				    .n_args = 5};
	int code = script_run(s, &script, 4, &r, err);
	free(bytes);
	if (code < 0)
		return code;
	if (is(&r->item[0], "late")) {
		code = vrs_fail(err, VRS_ECONFLICT,
				"transfer %s is superseded: it was reassigned",
				status->job_id);
	} else {
		const char *cancel = r->item[1].bytes, *rate = r->item[2].bytes;
		const char *pause = r->item[3].bytes;

		*ret = (struct job_orders){0};
		ret->cancel = *cancel && strcmp(cancel, "0") != 0;
		ret->paused = *pause && strcmp(pause, "0") != 0;
		if (*rate) {
			ret->has_rate = true;
			ret->rate_bytes_per_s = strtoull(rate, NULL, 10);
		}
	}
	vrs_reply_free(r);
	if (code == 0 && status->ended_at_ms)
		put_in_index(s, status->job_id);
	return code;
}

/* --- past copies --- */

static bool has_clusters(const Vrsas__V1__TransferJob *job)
{
	return vrs_name_ok(job->source_cluster) && vrs_name_ok(job->target_cluster);
}

int job_status_past(struct vrs_store *s, const Vrsas__V1__TransferJob *job,
		    struct eta_past *ret, size_t *ret_n, struct vrs_err *err)
{
	struct vrs_reply *r = NULL;

	*ret_n = 0;
	if (!has_clusters(job))
		return 0;
	struct vrs_key key = vrs_key_eta(job->source_cluster, job->target_cluster);
	int status =
		vrs_store_cmd(s, &r, err, "LRANGE %s 0 %d", key.text, ETA_PAST_MAX - 1);
	if (status < 0)
		return status;
	for (size_t i = 0; i < r->n_items && *ret_n < ETA_PAST_MAX; i++)
		if (r->item[i].bytes &&
		    eta_past_parse(&ret[*ret_n], r->item[i].bytes, NULL) == 0)
			(*ret_n)++;
	vrs_reply_free(r);
	return 0;
}

static int put_first(struct vrs_store *s, struct vrs_key key, const char *line, int keep,
		     struct vrs_err *err)
{
	vrs_store_addf(s, "LPUSH %s %s", key.text, line);
	vrs_store_addf(s, "LTRIM %s 0 %d", key.text, keep - 1);
	return vrs_store_run(s, NULL, err);
}

int job_status_past_add(struct vrs_store *s, const Vrsas__V1__TransferJob *job,
			const struct eta_past *one, struct vrs_err *err)
{
	char line[ETA_LINE_MAX];

	if (!has_clusters(job))
		return 0;
	eta_past_print(line, one);
	return put_first(s, vrs_key_eta(job->source_cluster, job->target_cluster), line,
			 ETA_PAST_MAX, err);
}

int job_status_rate_add(struct vrs_store *s, const Vrsas__V1__TransferJob *job,
			const struct eta_past *one, struct vrs_err *err)
{
	char line[96];

	if (!has_clusters(job))
		return 0;
	(void)snprintf(line, sizeof(line), "%.0f %.0f %lld", one->sent_bytes,
		       one->took_s * 1e3, (long long)one->at_ms);
	return put_first(s, vrs_key_rate(job->source_cluster, job->target_cluster), line,
			 KEEP_RATES, err);
}
