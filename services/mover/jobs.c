#include "jobs.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "record.h"
#include "vrs/clock.h"
#include "vrs/event.h"
#include "vrs/fault.h"
#include "vrs/log.h"
#include "vrs/mem.h"

enum { WRITE_EVERY_MS = 1000, STORE_RETRY_MS = 500, WORTH_REMEMBERING = 1 << 20 };

struct job *job_new(const struct job_conf *conf, struct vrs_msg *msg)
{
	struct job *j = vrs_calloc(1, sizeof(*j));

	j->conf = conf;
	j->msg = msg;
	j->order = (const Vrsas__V1__TransferJob *)vrs_msg_get(msg);
	atomic_init(&j->rate_bytes_per_s, j->order->rate_limit_bytes_per_s);
	return j;
}

void job_free(struct job *j)
{
	if (!j)
		return;
	vrs_msg_free(j->msg);
	free(j);
}

static int64_t now(void)
{
	return vrs_mono_ms(vrs_clock_system());
}

static void say(struct job *j, Vrsas__V1__Severity severity, const char *kind,
		const char *text)
{
	Vrsas__V1__Event ev = VRSAS__V1__EVENT__INIT;

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

static const char *vm_of(const struct job *j)
{
	return *j->order->vm_name ? j->order->vm_name : j->order->job_id;
}

/* --- the record --- */

static void fill(struct job *j, Vrsas__V1__TransferStatus *s,
		 Vrsas__V1__TransferState state)
{
	uint64_t sent = atomic_load(&j->progress.sent_bytes);
	int64_t ms = now() - j->begun_mono_ms;

	vrsas__v1__transfer_status__init(s);
	s->job_id = j->order->job_id;
	s->token = j->order->token;
	s->mover = j->conf->mover;
	s->state = state;
	s->bytes_total = atomic_load(&j->progress.total_bytes);
	s->bytes_done = atomic_load(&j->progress.done_bytes);
	s->bytes_compared = atomic_load(&j->progress.compared_bytes);
	s->bytes_sent = j->sent_before + sent;
	s->bytes_resent = j->resent_before + atomic_load(&j->progress.resent_bytes);
	s->rate_now_bytes_per_s = j->rate_now;
	s->rate_avg_bytes_per_s = ms > 0 ? (double)sent * 1e3 / (double)ms : 0;
	s->started_at_ms = j->begun_wall_ms;
	s->beat_at_ms = vrs_wall_ms(vrs_clock_system());
	s->eta_ms = -1;
	if (j->rate_now > 0 && s->bytes_total >= s->bytes_done)
		s->eta_ms = (int64_t)((double)(s->bytes_total - s->bytes_done) * 1e3 /
				      j->rate_now);
}

static void measure(struct job *j)
{
	uint64_t done = atomic_load(&j->progress.done_bytes);
	int64_t at = now(), ms = at - j->rate_mono_ms;

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

static void say_quarters(struct job *j)
{
	uint64_t total = atomic_load(&j->progress.total_bytes);
	uint64_t done = atomic_load(&j->progress.done_bytes);
	char text[200];

	int quarter = total ? (int)(done * 4 / total) : 0;
	if (quarter <= j->quarters || quarter > 3)
		return;
	if (j->quarters == 0 && j->rate_now > 0) {
		j->quarter_mono_ms = now();
		j->quarter_eta_ms = (int64_t)((double)(total - done) * 1e3 / j->rate_now);
	}
	j->quarters = quarter;
	(void)snprintf(text, sizeof(text), "%s: %d %% copied, %.1f MiB/s", vm_of(j),
		       quarter * 25, j->rate_now / (1 << 20));
	say(j, VRSAS__V1__SEVERITY__SEVERITY_INFO, "transfer.progress", text);
}

static int tick(void *arg, struct vrs_err *err)
{
	struct job *j = arg;
	Vrsas__V1__TransferStatus s;
	struct record_word word = {0};
	struct vrs_err why = {0};

	if (atomic_load(&j->stop))
		return vrs_fail(err, VRS_ECONFLICT, "a later hand-out came");
	if (now() - j->written_mono_ms < WRITE_EVERY_MS)
		return 0;
	j->written_mono_ms = now();
	measure(j);
	fill(j, &s,
	     atomic_load(&j->progress.verifying)
		     ? VRSAS__V1__TRANSFER_STATE__TRANSFER_STATE_VERIFYING
		     : VRSAS__V1__TRANSFER_STATE__TRANSFER_STATE_COPYING);
	int status = record_write(j->store, &s, &word, &why);
	(void)vrs_fault("mover.tick");
	if (status == VRS_ECONFLICT) {
		atomic_store(&j->stop, true);
		if (err)
			*err = why;
		return status;
	}
	if (status < 0) { /* the copy does not depend on it */
		log_warn("store does not answer, next try in %d ms: %s", WRITE_EVERY_MS,
			 why.text);
		return 0;
	}
	if (word.has_rate)
		atomic_store(&j->rate_bytes_per_s, word.rate_bytes_per_s);
	if (word.cancel)
		return vrs_fail(err, VRS_ECANCELLED, "cancelled");
	say_quarters(j);
	return 0;
}

static void pause_a_little(void)
{
	struct timespec t = {0, STORE_RETRY_MS * 1000000};

	(void)nanosleep(&t, NULL);
}

/* The last word must arrive, however long the store is away. */
static void write_last(struct job *j, const Vrsas__V1__TransferStatus *s)
{
	struct record_word word;
	struct vrs_complaint trouble = {0};
	struct vrs_err err = {0};
	int status;

	while ((status = record_write(j->store, s, &word, &err)) < 0 &&
	       status != VRS_ECONFLICT && !atomic_load(&j->stop)) {
		vrs_complain(&trouble, VRS_WARN,
			     "result cannot be stored, trying on job=%s: %s",
			     j->order->job_id, err.text);
		pause_a_little();
	}
	vrs_complaint_over(&trouble, "result is stored job=%s", j->order->job_id);
}

/* --- the run --- */

/* For the numbers: how it ended, and how good the ETA of its first quarter was. */
static void note_end(struct job *j, enum job_end end)
{
	int64_t at = now();
	int64_t real_ms = at - j->quarter_mono_ms;

	j->end = end;
	j->took_s = (double)(at - j->begun_mono_ms) / 1e3;
	j->eta_error_ratio = NAN;
	if (end == JOB_DONE && j->quarter_mono_ms && real_ms > 0)
		j->eta_error_ratio =
			fabs((double)(j->quarter_eta_ms - real_ms)) / (double)real_ms;
	atomic_store(&j->rate_seen_bytes_per_s, 0);
}

static void say_begin(struct job *j)
{
	char text[400];

	if (j->order->n_remove_path > 0)
		return; /* its end is told */
	(void)snprintf(text, sizeof(text), "%s: copying %zu disk%s from %s to %s",
		       vm_of(j), j->order->n_disk, j->order->n_disk > 1 ? "s" : "",
		       j->order->source_cluster, j->order->target_cluster);
	say(j, VRSAS__V1__SEVERITY__SEVERITY_NOTICE, "transfer.started", text);
	log_notice("transfer started job=%s token=%llu vm=%s", j->order->job_id,
		   (unsigned long long)j->order->token, vm_of(j));
}

static void report_done(struct job *j, const struct transfer_result *r)
{
	Vrsas__V1__TransferStatus s;
	size_t n = r->n_disks;
	Vrsas__V1__DiskResult *disk = vrs_calloc(n, sizeof(*disk));
	Vrsas__V1__DiskResult **list = vrs_calloc(n, sizeof(*list));
	uint64_t sent = atomic_load(&j->progress.sent_bytes);
	int64_t ms = now() - j->begun_mono_ms;
	bool full = true;
	char text[300];

	fill(j, &s, VRSAS__V1__TRANSFER_STATE__TRANSFER_STATE_DONE);
	s.bytes_done = s.bytes_total;
	s.eta_ms = 0;
	s.ended_at_ms = s.beat_at_ms;
	for (size_t i = 0; i < n; i++) {
		vrsas__v1__disk_result__init(&disk[i]);
		disk[i].target_path = j->order->disk[i]->target_path;
		disk[i].virtual_bytes = r->disk[i].disk_bytes;
		disk[i].source_hash = r->disk[i].source_hash;
		disk[i].target_hash = r->disk[i].target_hash;
		disk[i].base_used = r->disk[i].base_used;
		disk[i].bytes_sent = r->disk[i].sent_bytes;
		full = full && !r->disk[i].base_used;
		list[i] = &disk[i];
	}
	s.n_disk = n;
	s.disk = list;
	(void)vrs_fault("mover.before_done");
	write_last(j, &s);
	if (j->order->n_remove_path > 0) {
		(void)snprintf(text, sizeof(text), "%s: %zu image%s removed in %s",
			       vm_of(j), j->order->n_remove_path,
			       j->order->n_remove_path > 1 ? "s" : "",
			       j->order->target_cluster);
		say(j, VRSAS__V1__SEVERITY__SEVERITY_NOTICE, "image.removed", text);
		free(list);
		free(disk);
		return;
	}
	(void)snprintf(text, sizeof(text),
		       "%s: copy proven equal, %.1f MiB sent in %.1f s (%.1f MiB/s)",
		       vm_of(j), (double)sent / (1 << 20), (double)ms / 1e3,
		       s.rate_avg_bytes_per_s / (1 << 20));
	say(j, VRSAS__V1__SEVERITY__SEVERITY_NOTICE, "transfer.done", text);
	log_notice("transfer done job=%s sent=%llu resent=%llu ms=%lld", j->order->job_id,
		   (unsigned long long)s.bytes_sent, (unsigned long long)s.bytes_resent,
		   (long long)ms);
	if (full && sent >= WORTH_REMEMBERING && ms > 0)
		(void)record_rate(j->store, j->order->source_cluster,
				  j->order->target_cluster, sent, ms, s.beat_at_ms, NULL);
	free(list);
	free(disk);
}

static void report_failed(struct job *j, int status, bool permanent,
			  const struct vrs_err *why)
{
	Vrsas__V1__TransferStatus s;
	char text[600];
	bool cancelled = status == VRS_ECANCELLED;

	fill(j, &s,
	     cancelled ? VRSAS__V1__TRANSFER_STATE__TRANSFER_STATE_CANCELLED
		       : VRSAS__V1__TRANSFER_STATE__TRANSFER_STATE_FAILED);
	s.ended_at_ms = s.beat_at_ms;
	s.error = why->text;
	s.permanent = permanent;
	write_last(j, &s);
	(void)snprintf(text, sizeof(text), "%s: %s %s: %s", vm_of(j),
		       j->order->n_remove_path > 0 ? "removal" : "copy",
		       cancelled ? "cancelled" : "failed", why->text);
	say(j,
	    cancelled ? VRSAS__V1__SEVERITY__SEVERITY_NOTICE
		      : VRSAS__V1__SEVERITY__SEVERITY_ERROR,
	    cancelled ? "transfer.cancelled" : "transfer.failed", text);
	vrs_log(cancelled ? VRS_NOTICE : VRS_ERROR, "transfer %s job=%s permanent=%d: %s",
		cancelled ? "cancelled" : "failed", j->order->job_id, permanent,
		why->text);
}

/* Claims the job; false: it is not ours to do. */
static bool claim(struct job *j)
{
	Vrsas__V1__TransferStatus *before = NULL;
	struct vrs_complaint trouble = {0};
	struct vrs_err err = {0};
	int status;

	while ((status = record_claim(j->store, j->order->job_id, j->order->token,
				      j->conf->mover, &before, &err)) < 0 &&
	       status != VRS_ECONFLICT) {
		if (atomic_load(&j->stop))
			return false;
		vrs_complain(&trouble, VRS_WARN,
			     "transfer waits for the store job=%s: %s", j->order->job_id,
			     err.text);
		pause_a_little();
	}
	vrs_complaint_over(&trouble, "store answers again");
	if (status < 0) {
		log_notice("transfer is not ours, left alone: %s", err.text);
		return false;
	}
	bool done_already =
		before && before->token == j->order->token &&
		before->state == VRSAS__V1__TRANSFER_STATE__TRANSFER_STATE_DONE;
	if (before) {
		j->sent_before = before->bytes_sent;
		j->resent_before = before->bytes_resent;
		vrsas__v1__transfer_status__free_unpacked(before, NULL);
	}
	return !done_already;
}

void job_run(void *arg)
{
	struct job *j = arg;
	struct transfer_result result = {0};
	struct vrs_err err = {0};
	struct transfer_env env = {
		.source_conf = j->conf->far,
		.target_conf = j->conf->far,
		.tries = j->conf->tries,
		.progress = &j->progress,
		.tick = tick,
		.arg = j,
		.rate_bytes_per_s = &j->rate_bytes_per_s,
	};

	if (vrs_store_open(&j->store, &j->conf->store, &err) < 0) {
		log_error("transfer cannot begin: %s", err.text);
		return;
	}
	if (!atomic_load(&j->stop) && claim(j)) {
		j->begun_mono_ms = j->rate_mono_ms = now();
		j->begun_wall_ms = vrs_wall_ms(vrs_clock_system());
		say_begin(j);
		int status = tick(j, &err);
		if (status == VRS_ECANCELLED)
			transfer_abandon(&env, j->order);
		if (status == 0)
			status = transfer_run(&env, j->order, &result, &err);
		if (status == 0)
			note_end(j, JOB_DONE);
		else if (!atomic_load(&j->stop))
			note_end(j,
				 status == VRS_ECANCELLED ? JOB_CANCELLED : JOB_FAILED);
		if (status == 0)
			report_done(j, &result);
		else if (atomic_load(&j->stop))
			log_notice("transfer given up job=%s token=%llu: %s",
				   j->order->job_id, (unsigned long long)j->order->token,
				   err.text);
		else
			report_failed(j, status, result.permanent, &err);
	}
	transfer_result_fini(&result);
	vrs_store_close(j->store);
	j->store = NULL;
}
