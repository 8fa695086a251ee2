/* One job on its worker thread: the copy, a status each second, requests of operators. */
#include <stdio.h>
#include <stdlib.h>

#include "jobs/job.h"
#include "vrs/clock.h"
#include "vrs/fault.h"
#include "vrs/log.h"
#include "vrs/mem.h"

enum { WRITE_EVERY_MS = 1000 };

static void measure(struct job *j)
{
	uint64_t done = atomic_load(&j->progress.done_bytes);
	int64_t at = vrs_now_mono_ms(), ms = at - j->rate_mono_ms;

	if (ms < WRITE_EVERY_MS / 2)
		return;
	double rate = done > j->rate_sent
			      ? (double)(done - j->rate_sent) * 1e3 / (double)ms
			      : 0;
	j->rate_now = j->rate_now > 0 ? 0.6 * j->rate_now + 0.4 * rate : rate;
	atomic_store(&j->rate_seen_bytes_per_s, (uint64_t)j->rate_now);
	j->rate_sent = done;
	j->rate_mono_ms = at;
}

static void report_quarters(struct job *j)
{
	uint64_t total = atomic_load(&j->progress.total_bytes);
	uint64_t done = atomic_load(&j->progress.done_bytes);

	int quarter = total ? (int)(done * 4 / total) : 0;
	if (quarter <= j->quarters || quarter > 3)
		return;
	if (j->quarters == 0 && j->rate_now > 0) {
		Vrsas__V1__TransferStatus st;

		job_fill(j, &st, TRANSFER_STATE(COPYING));
		j->quarter_mono_ms = vrs_now_mono_ms();
		j->quarter_eta_ms = st.eta_ms;
	}
	j->quarters = quarter;
	job_event(j, VRSAS__V1__SEVERITY__SEVERITY_INFO, "transfer.progress",
		  "%d %% copied, %.1f MiB/s", quarter * 25, j->rate_now / (1 << 20));
}

/* Writes the status once; an error ends the copy. If the store is unavailable, the copy
 * continues. */
static int write_status(struct job *j, Vrsas__V1__TransferState state,
			struct job_orders *ret, struct vrs_err *err)
{
	struct vrs_err why = {0};
	int status = job_publish(j, j->store, state, ret, &why);

	(void)vrs_fault("mover.tick");
	if (status == VRS_ECONFLICT) {
		atomic_store(&j->stop, true);
		if (err)
			*err = why;
		return status;
	}
	if (status < 0) {
		log_warn("cannot write the transfer status, next attempt in %d ms: %s",
			 WRITE_EVERY_MS, why.text);
		*ret = (struct job_orders){0};
		return 0;
	}
	if (ret->cancel)
		return vrs_fail(err, VRS_ECANCELLED, "cancelled");
	return 0;
}

/* Waits until it is resumed, then for the limits like any other job. */
static int hold(struct job *j, struct vrs_err *err)
{
	struct job_orders orders = {.paused = true};
	int64_t since = vrs_now_mono_ms();
	int status = 0;

	j->was_held = true;
	j->rate_now = 0;
	atomic_store(&j->held, true);
	job_leave_limits(j, j->store);
	job_event(j, VRSAS__V1__SEVERITY__SEVERITY_NOTICE, "transfer.paused",
		  "copy paused");
	while (status == 0 && orders.paused) {
		if (atomic_load(&j->stop))
			status = vrs_fail(err, VRS_ECONFLICT,
					  "superseded: the transfer was reassigned");
		else
			status = write_status(j, TRANSFER_STATE(PAUSED), &orders, err);
		if (status == 0 && orders.paused)
			job_pause();
	}
	struct job_limits_result a = {.ready = true, .go = status < 0};
	while (!a.go &&
	       job_limits_request(j->store, &j->conf->limits, j->order, &a, NULL) == 0 &&
	       !a.go) {
		j->limits = a;
		job_pause();
		status = write_status(j, TRANSFER_STATE(QUEUED), &orders, err);
		a.go = status < 0 || atomic_load(&j->stop);
	}
	atomic_store(&j->held, false);
	j->held_ms += vrs_now_mono_ms() - since;
	j->rate_mono_ms = vrs_now_mono_ms();
	return status;
}

static int tick(void *arg, struct vrs_err *err)
{
	struct job *j = arg;
	struct job_orders orders = {0};
	struct job_limits_result refreshed = {.ready = true};

	if (atomic_load(&j->stop))
		return vrs_fail(err, VRS_ECONFLICT,
				"superseded: the transfer was reassigned");
	job_predict(j);
	if (vrs_now_mono_ms() - j->written_mono_ms < WRITE_EVERY_MS)
		return 0;
	j->written_mono_ms = vrs_now_mono_ms();
	measure(j);
	int status = write_status(j,
				  atomic_load(&j->progress.verifying)
					  ? TRANSFER_STATE(VERIFYING)
					  : TRANSFER_STATE(COPYING),
				  &orders, err);
	if (status < 0)
		return status;
	if (j->order->n_remove_path == 0)
		(void)job_limits_request(j->store, &j->conf->limits, j->order, &refreshed,
					 NULL);
	if (orders.paused)
		return hold(j, err);
	report_quarters(j);
	return 0;
}

static void begin(struct job *j)
{
	j->begun_mono_ms = j->rate_mono_ms = vrs_now_mono_ms();
	j->begun_wall_ms = vrs_now_wall_ms();
	if (j->order->n_remove_path > 0)
		return; /* only its result is reported */
	j->past = vrs_calloc(ETA_PAST_MAX, sizeof(*j->past));
	(void)job_status_past(j->store, j->order, j->past, &j->n_past, NULL);
	job_event(j, VRSAS__V1__SEVERITY__SEVERITY_NOTICE, "transfer.started",
		  "copying %zu disk%s from %s to %s", j->order->n_disk,
		  j->order->n_disk > 1 ? "s" : "", j->order->source_cluster,
		  j->order->target_cluster);
	log_notice("transfer started job=%s token=%llu vm=%s", j->order->job_id,
		   (unsigned long long)j->order->token, job_vm(j));
}

void job_run(void *arg)
{
	struct job *j = arg;
	struct transfer_result result = {0};
	struct vrs_err err = {0};
	struct transfer_env env = {
		.source_conf = j->conf->ssh,
		.target_conf = j->conf->ssh,
		.tries = j->conf->tries,
		.progress = &j->progress,
		.tick = tick,
		.arg = j,
		.rate_bytes_per_s = &j->rate_bytes_per_s,
		.way = j->conf->way,
		.remote_mover = j->conf->remote_mover,
	};

	if (vrs_store_open(&j->store, &j->conf->store, &err) < 0) {
		log_error("cannot start transfer: %s", err.text);
		return;
	}
	if (!atomic_load(&j->stop)) {
		begin(j);
		int status = j->cancelled ? vrs_fail(&err, VRS_ECANCELLED, "cancelled")
					  : tick(j, &err);
		if (status == VRS_ECANCELLED)
			transfer_abandon(&env, j->order);
		if (status == 0)
			status = transfer_run(&env, j->order, &result, &err);
		if (status == 0)
			job_report_done(j, &result);
		else if (atomic_load(&j->stop))
			log_notice("transfer left to another mover job=%s token=%llu: %s",
				   j->order->job_id, (unsigned long long)j->order->token,
				   err.text);
		else
			job_report_failed(j, status, result.permanent, &err);
	}
	if (!atomic_load(&j->stop)) /* otherwise the entry is another mover's */
		job_leave_limits(j, j->store);
	transfer_result_fini(&result);
	vrs_store_close(j->store);
	j->store = NULL;
}
