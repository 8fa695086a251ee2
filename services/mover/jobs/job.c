#include "jobs/job.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "vrs/clock.h"
#include "vrs/event.h"
#include "vrs/fault.h"
#include "vrs/log.h"
#include "vrs/mem.h"

enum { PAUSE_MS = 300 };

/* The share of the work that is done when the last byte was sent; the rest is reading
 * back. */
static const double sending_ratio = 0.8;

struct job *job_new(const struct job_conf *conf, struct vrs_msg *msg)
{
	struct job *j = vrs_calloc(1, sizeof(*j));

	j->conf = conf;
	j->msg = msg;
	j->order = (const Vrsas__V1__TransferJob *)vrs_msg_get(msg);
	j->queued_wall_ms = vrs_now_wall_ms();
	atomic_init(&j->rate_bytes_per_s, j->order->rate_limit_bytes_per_s);
	return j;
}

void job_free(struct job *j)
{
	if (!j)
		return;
	vrs_msg_free(j->msg);
	free(j->past);
	free(j);
}

void job_pause(void)
{
	struct timespec t = {0, PAUSE_MS * 1000000};

	(void)nanosleep(&t, NULL);
}

void job_event(struct job *j, Vrsas__V1__Severity severity, const char *kind,
	       const char *format, ...)
{
	Vrsas__V1__Event ev = VRSAS__V1__EVENT__INIT;
	char text[700];
	va_list args;

	int n = snprintf(text, sizeof(text), "%.160s: ", job_vm(j));
	va_start(args, format);
	(void)vsnprintf(text + n, sizeof(text) - (size_t)n, format, args);
	va_end(args);

	ev.service = "mover";
	ev.severity = severity;
	ev.kind = kind;
	ev.cluster = j->order->target_cluster;
	ev.vm_id = j->order->vm_id;
	ev.vm_name = j->order->vm_name;
	ev.relocation = j->order->job_id;
	ev.text = text;
	(void)vrs_event_put(j->store, &ev, NULL);
}

const char *job_vm(const struct job *j)
{
	return *j->order->vm_name ? j->order->vm_name : j->order->job_id;
}

int64_t job_elapsed_ms(const struct job *j)
{
	return j->begun_mono_ms ? vrs_now_mono_ms() - j->begun_mono_ms - j->held_ms : 0;
}

/* --- the ETA --- */

void job_predict(struct job *j)
{
	uint64_t total = atomic_load(&j->progress.total_bytes);
	bool base = false;

	if (j->predicted.seconds > 0 || total == 0)
		return;
	for (size_t i = 0; i < j->order->n_disk; i++)
		base = base || *j->order->disk[i]->base_path;
	struct eta_work work = {
		.data_bytes = (double)total,
		.changes_only = base,
		.limit_bytes_per_s = (double)atomic_load(&j->rate_bytes_per_s),
		.beside = j->limits.beside,
	};
	eta_predict(j->past, j->n_past, &work, &j->predicted);
}

static double done_ratio(const struct job *j)
{
	double total = (double)atomic_load(&j->progress.total_bytes);
	double done = (double)atomic_load(&j->progress.done_bytes);
	double compared = (double)atomic_load(&j->progress.compared_bytes);

	if (total <= 0)
		return 0;
	done = done > total ? total : done;
	compared = compared > total ? total : compared;
	return sending_ratio * done / total + (1 - sending_ratio) * compared / total;
}

static void fill_eta(const struct job *j, Vrsas__V1__TransferStatus *s)
{
	double elapsed_s = (double)job_elapsed_ms(j) / 1e3;
	struct eta e;

	s->eta_ms = s->eta_low_ms = s->eta_high_ms = -1;
	if (j->predicted.seconds <= 0)
		return;
	s->predicted_ms = (int64_t)(j->predicted.seconds * 1e3);
	s->predicted_low_ms = (int64_t)(j->predicted.low_s * 1e3);
	s->predicted_high_ms = (int64_t)(j->predicted.high_s * 1e3);
	eta_update(&j->predicted, elapsed_s, done_ratio(j), &e);
	s->eta_ms = (int64_t)((e.seconds - elapsed_s) * 1e3);
	s->eta_low_ms = (int64_t)((e.low_s - elapsed_s) * 1e3);
	s->eta_high_ms = (int64_t)((e.high_s - elapsed_s) * 1e3);
}

/* --- the record --- */

void job_fill(struct job *j, Vrsas__V1__TransferStatus *s, Vrsas__V1__TransferState state)
{
	uint64_t sent = atomic_load(&j->progress.sent_bytes);
	int64_t ms = job_elapsed_ms(j);

	vrsas__v1__transfer_status__init(s);
	s->job_id = j->order->job_id;
	s->token = j->order->token;
	s->mover = j->conf->limits.mover;
	s->state = state;
	s->vm_id = j->order->vm_id;
	s->vm_name = j->order->vm_name;
	s->source_cluster = j->order->source_cluster;
	s->target_cluster = j->order->target_cluster;
	s->priority = j->order->priority;
	s->rate_limit_bytes_per_s = atomic_load(&j->rate_bytes_per_s);
	s->queued_at_ms = j->queued_wall_ms;
	s->bytes_total = atomic_load(&j->progress.total_bytes);
	s->bytes_done = atomic_load(&j->progress.done_bytes);
	s->bytes_compared = atomic_load(&j->progress.compared_bytes);
	s->bytes_sent = j->sent_before + sent;
	s->bytes_resent = j->resent_before + atomic_load(&j->progress.resent_bytes);
	s->rate_now_bytes_per_s = j->rate_now;
	s->rate_avg_bytes_per_s = ms > 0 ? (double)sent * 1e3 / (double)ms : 0;
	s->started_at_ms = j->begun_wall_ms;
	s->beat_at_ms = vrs_now_wall_ms();
	fill_eta(j, s);
}

int job_claim(struct job *j, struct vrs_store *s, struct vrs_err *err)
{
	Vrsas__V1__TransferStatus *before = NULL;
	int status = job_status_claim(s, j->order, j->conf->limits.mover, &before, err);

	if (status < 0)
		return status;
	if (before) {
		if (before->token == j->order->token &&
		    before->state == TRANSFER_STATE(DONE))
			status =
				vrs_fail(err, VRS_ECONFLICT,
					 "transfer %s is already done", j->order->job_id);
		j->sent_before = before->bytes_sent;
		j->resent_before = before->bytes_resent;
		vrsas__v1__transfer_status__free_unpacked(before, NULL);
	}
	j->claimed = status == 0;
	return status;
}

int job_publish(struct job *j, struct vrs_store *s, Vrsas__V1__TransferState state,
		struct job_orders *ret, struct vrs_err *err)
{
	Vrsas__V1__TransferStatus st;

	job_fill(j, &st, state);
	st.waits_for = state == TRANSFER_STATE(QUEUED) ? j->limits.waits_for : "";
	int status = job_status_write(s, &st, ret, err);
	if (status == 0 && ret->has_rate)
		atomic_store(&j->rate_bytes_per_s, ret->rate_bytes_per_s);
	return status;
}

void job_leave_limits(struct job *j, struct vrs_store *s)
{
	(void)job_limits_leave(s, &j->conf->limits, j->order->job_id, NULL);
}
