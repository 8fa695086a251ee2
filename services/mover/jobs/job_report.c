/* The result of a job, and what later predictions learn from it. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "jobs/job.h"
#include "vrs/clock.h"
#include "vrs/fault.h"
#include "vrs/log.h"
#include "vrs/mem.h"

enum { MIN_BYTES = 1 << 20 };

/* For the metrics: how it ended, and the error of the ETA at its first quarter. */
static void note_end(struct job *j, enum job_end end)
{
	int64_t at = vrs_now_mono_ms();
	int64_t real_ms = at - j->quarter_mono_ms;

	j->end = end;
	j->took_s = (double)job_elapsed_ms(j) / 1e3;
	j->eta_error_ratio = NAN;
	if (end == JOB_DONE && j->quarter_mono_ms && real_ms > 0)
		j->eta_error_ratio =
			fabs((double)(j->quarter_eta_ms - real_ms)) / (double)real_ms;
	atomic_store(&j->rate_seen_bytes_per_s, 0);
}

/* The result must be stored, however long the store is unavailable. */
static void write_result(struct job *j, const Vrsas__V1__TransferStatus *s)
{
	struct job_orders orders;
	struct vrs_complaint trouble = {0};
	struct vrs_err err = {0};
	int status;

	while ((status = job_status_write(j->store, s, &orders, &err)) < 0 &&
	       status != VRS_ECONFLICT && !atomic_load(&j->stop)) {
		vrs_complain(&trouble, VRS_WARN,
			     "cannot store the result, retrying job=%s: %s",
			     j->order->job_id, err.text);
		job_pause();
	}
	vrs_complaint_over(&trouble, "result stored job=%s", j->order->job_id);
}

/* Adds the duration to the data of later predictions. */
static void remember(struct job *j, bool changes_only, int64_t ms, int64_t at_ms)
{
	const Vrsas__V1__TransferJob *o = j->order;
	uint64_t sent = atomic_load(&j->progress.sent_bytes);
	struct eta_past one = {
		.at_ms = at_ms,
		.work =
			{
				.data_bytes =
					(double)atomic_load(&j->progress.total_bytes),
				.changes_only = changes_only,
				.limit_bytes_per_s =
					(double)atomic_load(&j->rate_bytes_per_s),
				.beside = j->limits.beside,
			},
		.sent_bytes = (double)sent,
		.took_s = (double)ms / 1e3,
		.predicted = j->predicted,
	};

	/* a resumed or a paused copy is not representative */
	if (j->sent_before || j->was_held || ms <= 0 || one.work.data_bytes < MIN_BYTES)
		return;
	(void)vrs_strcpy(one.job, sizeof(one.job), o->job_id);
	(void)job_status_past_add(j->store, o, &one, NULL);
	if (!changes_only && sent >= MIN_BYTES)
		(void)job_status_rate_add(j->store, o, &one, NULL);
}

static void report_copied(struct job *j, const Vrsas__V1__TransferStatus *s, int64_t ms)
{
	job_event(j, VRSAS__V1__SEVERITY__SEVERITY_NOTICE, "transfer.done",
		  "copy proven equal, %.1f MiB sent in %.1f s (%.1f MiB/s), "
		  "%.1f s were expected",
		  (double)atomic_load(&j->progress.sent_bytes) / (1 << 20),
		  (double)ms / 1e3, s->rate_avg_bytes_per_s / (1 << 20),
		  j->predicted.seconds);
	log_notice("transfer done job=%s sent=%llu resent=%llu ms=%lld", j->order->job_id,
		   (unsigned long long)s->bytes_sent, (unsigned long long)s->bytes_resent,
		   (long long)ms);
}

static void report_removed(struct job *j)
{
	size_t n = j->order->n_remove_path;

	job_event(j, VRSAS__V1__SEVERITY__SEVERITY_NOTICE, "image.removed",
		  "%zu image%s removed in %s", n, n > 1 ? "s" : "",
		  j->order->target_cluster);
}

/* It takes space, and only an operator can decide that it is not needed. */
static void report_displaced(struct job *j, const char *path)
{
	job_event(j, VRSAS__V1__SEVERITY__SEVERITY_WARNING, "image.kept",
		  "an image in %s had unexpected content; kept as %s",
		  j->order->target_cluster, path);
	log_warn("displaced image kept, remove it when it is not needed job=%s path=%s",
		 j->order->job_id, path);
}

void job_report_done(struct job *j, const struct transfer_result *r)
{
	Vrsas__V1__TransferStatus s;
	int64_t ms = job_elapsed_ms(j);
	bool base_used = false, was_there = false;

	note_end(j, JOB_DONE);
	job_predict(j); /* a short copy may have ended before its first tick */
	job_fill(j, &s, TRANSFER_STATE(DONE));
	s.bytes_done = s.bytes_total;
	s.eta_ms = s.eta_low_ms = s.eta_high_ms = 0;
	s.ended_at_ms = s.beat_at_ms;
	transfer_put_results(&s, j->order, r);
	for (size_t i = 0; i < r->n_disks; i++) {
		if (*s.disk[i]->kept_path)
			report_displaced(j, s.disk[i]->kept_path);
		base_used = base_used || r->disk[i].base_used;
		was_there = was_there || r->disk[i].was_there;
	}
	(void)vrs_fault("mover.before_done");
	write_result(j, &s);
	if (j->order->n_remove_path > 0) {
		report_removed(j);
	} else {
		report_copied(j, &s, ms);
		if (!was_there)
			remember(j, base_used, ms, s.beat_at_ms);
	}
	transfer_free_results(&s);
}

void job_report_failed(struct job *j, int status, bool permanent,
		       const struct vrs_err *why)
{
	Vrsas__V1__TransferStatus s;
	bool cancelled = status == VRS_ECANCELLED;

	note_end(j, cancelled ? JOB_CANCELLED : JOB_FAILED);
	job_fill(j, &s, cancelled ? TRANSFER_STATE(CANCELLED) : TRANSFER_STATE(FAILED));
	s.ended_at_ms = s.beat_at_ms;
	s.error = why->text;
	s.permanent = permanent;
	write_result(j, &s);
	job_event(j,
		  cancelled ? VRSAS__V1__SEVERITY__SEVERITY_NOTICE
			    : VRSAS__V1__SEVERITY__SEVERITY_ERROR,
		  cancelled ? "transfer.cancelled" : "transfer.failed", "%s %s: %s",
		  j->order->n_remove_path > 0 ? "removal" : "copy",
		  cancelled ? "cancelled" : "failed", why->text);
	vrs_log(cancelled ? VRS_NOTICE : VRS_ERROR, "transfer %s job=%s permanent=%d: %s",
		cancelled ? "cancelled" : "failed", j->order->job_id, permanent,
		why->text);
}
