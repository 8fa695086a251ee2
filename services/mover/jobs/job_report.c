/* The last word about a job, and what is learnt from it. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "jobs/job.h"
#include "vrs/clock.h"
#include "vrs/fault.h"
#include "vrs/log.h"
#include "vrs/mem.h"

#define STATE(x) VRSAS__V1__TRANSFER_STATE__TRANSFER_STATE_##x

enum { WORTH_REMEMBERING = 1 << 20 };

/* For the numbers: how it ended, and how good the ETA of its first quarter was. */
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

/* The last word must arrive, however long the store is away. */
static void write_last(struct job *j, const Vrsas__V1__TransferStatus *s)
{
	struct job_orders word;
	struct vrs_complaint trouble = {0};
	struct vrs_err err = {0};
	int status;

	while ((status = job_status_write(j->store, s, &word, &err)) < 0 &&
	       status != VRS_ECONFLICT && !atomic_load(&j->stop)) {
		vrs_complain(&trouble, VRS_WARN,
			     "result cannot be stored, trying on job=%s: %s",
			     j->order->job_id, err.text);
		job_rest();
	}
	vrs_complaint_over(&trouble, "result is stored job=%s", j->order->job_id);
}

/* What it took becomes part of what the next prediction is made from. */
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
				.beside = j->place.beside,
			},
		.sent_bytes = (double)sent,
		.took_s = (double)ms / 1e3,
		.said = j->said,
	};

	/* a part of a copy, or one that was held, says nothing */
	if (j->sent_before || j->was_held || ms <= 0 ||
	    one.work.data_bytes < WORTH_REMEMBERING)
		return;
	(void)vrs_strcpy(one.job, sizeof(one.job), o->job_id);
	(void)job_status_past_add(j->store, o->source_cluster, o->target_cluster, &one,
				  NULL);
	if (!changes_only && sent >= WORTH_REMEMBERING)
		(void)job_status_rate(j->store, o->source_cluster, o->target_cluster,
				      sent, ms, at_ms, NULL);
}

static void say_done(struct job *j, const Vrsas__V1__TransferStatus *s, int64_t ms)
{
	char text[300];

	(void)snprintf(
		text, sizeof(text),
		"%s: copy proven equal, %.1f MiB sent in %.1f s (%.1f MiB/s), "
		"%.1f s were expected",
		job_vm(j), (double)atomic_load(&j->progress.sent_bytes) / (1 << 20),
		(double)ms / 1e3, s->rate_avg_bytes_per_s / (1 << 20), j->said.seconds);
	job_event(j, VRSAS__V1__SEVERITY__SEVERITY_NOTICE, "transfer.done", text);
	log_notice("transfer done job=%s sent=%llu resent=%llu ms=%lld", j->order->job_id,
		   (unsigned long long)s->bytes_sent, (unsigned long long)s->bytes_resent,
		   (long long)ms);
}

static void say_removed(struct job *j)
{
	size_t n = j->order->n_remove_path;
	char text[300];

	(void)snprintf(text, sizeof(text), "%s: %zu image%s removed in %s", job_vm(j), n,
		       n > 1 ? "s" : "", j->order->target_cluster);
	job_event(j, VRSAS__V1__SEVERITY__SEVERITY_NOTICE, "image.removed", text);
}

/* It takes room, and nobody but a person can say that it is of no use. */
static char *say_kept(struct job *j, const char *target_path)
{
	char *path = vrs_asprintf("%s.kept-%llu", target_path,
				  (unsigned long long)j->order->token);
	char *text =
		vrs_asprintf("%s: what had the name of a disk in %s was not what was "
			     "expected there, and is kept as %s",
			     job_vm(j), j->order->target_cluster, path);

	job_event(j, VRSAS__V1__SEVERITY__SEVERITY_WARNING, "image.kept", text);
	log_warn("an image was put aside, remove it when nobody needs it job=%s path=%s",
		 j->order->job_id, path);
	free(text);
	return path;
}

void job_report_done(struct job *j, const struct transfer_result *r)
{
	Vrsas__V1__TransferStatus s;
	size_t n = r->n_disks;
	Vrsas__V1__DiskResult *disk = vrs_calloc(n, sizeof(*disk));
	Vrsas__V1__DiskResult **list = vrs_calloc(n, sizeof(*list));
	int64_t ms = job_elapsed_ms(j);
	bool base_used = false, was_there = false;

	note_end(j, JOB_DONE);
	job_predict(j); /* a short one may have ended before anybody asked */
	job_fill(j, &s, STATE(DONE));
	s.bytes_done = s.bytes_total;
	s.eta_ms = s.eta_low_ms = s.eta_high_ms = 0;
	s.ended_at_ms = s.beat_at_ms;
	for (size_t i = 0; i < n; i++) {
		vrsas__v1__disk_result__init(&disk[i]);
		disk[i].target_path = j->order->disk[i]->target_path;
		disk[i].virtual_bytes = r->disk[i].disk_bytes;
		disk[i].source_hash = r->disk[i].source_hash;
		disk[i].target_hash = r->disk[i].target_hash;
		disk[i].base_used = r->disk[i].base_used;
		disk[i].bytes_sent = r->disk[i].sent_bytes;
		if (r->disk[i].kept_aside)
			disk[i].kept_path = say_kept(j, disk[i].target_path);
		base_used = base_used || r->disk[i].base_used;
		was_there = was_there || r->disk[i].was_there;
		list[i] = &disk[i];
	}
	s.n_disk = n;
	s.disk = list;
	(void)vrs_fault("mover.before_done");
	write_last(j, &s);
	if (j->order->n_remove_path > 0) {
		say_removed(j);
	} else {
		say_done(j, &s, ms);
		if (!was_there)
			remember(j, base_used, ms, s.beat_at_ms);
	}
	for (size_t i = 0; i < n; i++)
		if (r->disk[i].kept_aside)
			free((char *)(uintptr_t)disk[i].kept_path);
	free(list);
	free(disk);
}

void job_report_failed(struct job *j, int status, bool permanent,
		       const struct vrs_err *why)
{
	Vrsas__V1__TransferStatus s;
	char text[600];
	bool cancelled = status == VRS_ECANCELLED;

	note_end(j, cancelled ? JOB_CANCELLED : JOB_FAILED);
	job_fill(j, &s, cancelled ? STATE(CANCELLED) : STATE(FAILED));
	s.ended_at_ms = s.beat_at_ms;
	s.error = why->text;
	s.permanent = permanent;
	write_last(j, &s);
	(void)snprintf(text, sizeof(text), "%s: %s %s: %s", job_vm(j),
		       j->order->n_remove_path > 0 ? "removal" : "copy",
		       cancelled ? "cancelled" : "failed", why->text);
	job_event(j,
		  cancelled ? VRSAS__V1__SEVERITY__SEVERITY_NOTICE
			    : VRSAS__V1__SEVERITY__SEVERITY_ERROR,
		  cancelled ? "transfer.cancelled" : "transfer.failed", text);
	vrs_log(cancelled ? VRS_NOTICE : VRS_ERROR, "transfer %s job=%s permanent=%d: %s",
		cancelled ? "cancelled" : "failed", j->order->job_id, permanent,
		why->text);
}
