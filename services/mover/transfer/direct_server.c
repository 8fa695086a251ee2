/* vrs-mover direct: started by a mover on the host that has the disks. */
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "transfer/direct.h"
#include "transfer/direct_messages.h"
#include "vrs/bus.h"
#include "vrs/clock.h"
#include "vrs/log.h"
#include "vrs/mem.h"

enum {
	REPORT_MS = 500,
	HOLD_MS = 2500,      /* sending stops this long after the last message */
	GIVE_UP_MS = 600000, /* and the process exits */
	HOLD_STEP_MS = 50,
	EXIT_ALONE = 5,
};

struct direct_server {
	pthread_mutex_t lock; /* of standard output, and: */
	bool ended;           /* the last report was sent */
	struct direct_reader reader;
	struct vrs_msg *order;
	struct copy_progress progress;
	_Atomic uint64_t rate;
	_Atomic bool cancelled;
	_Atomic int64_t control_mono_ms;
};

static const Vrsas__V1__DirectOrder *order_of(const struct direct_server *f)
{
	return (const Vrsas__V1__DirectOrder *)vrs_msg_get(f->order);
}

/* The mover is gone: exits at once. The partial copy at the target stays. */
static void leave(void)
{
	_exit(EXIT_ALONE);
}

/* --- sending --- */

static void send_report(struct direct_server *f, const Vrsas__V1__DirectReport *report)
{
	size_t n, done = 0;
	uint8_t *bytes = direct_pack(&report->base, &n);

	while (done < n) {
		ssize_t k = write(STDOUT_FILENO, bytes + done, n - done);

		if (k <= 0)
			leave();
		done += (size_t)k;
	}
	free(bytes);
	f->ended = direct_has_ended(report);
}

static void fill(struct direct_server *f, Vrsas__V1__DirectReport *report,
		 Vrsas__V1__TransferStatus *s)
{
	struct copy_progress *p = &f->progress;

	report->version = VRS_VERSION;
	report->connected = atomic_load(&p->connected);
	report->status = s;
	s->state = atomic_load(&p->verifying) ? TRANSFER_STATE(VERIFYING)
					      : TRANSFER_STATE(COPYING);
	s->bytes_total = atomic_load(&p->total_bytes);
	s->bytes_done = atomic_load(&p->done_bytes);
	s->bytes_compared = atomic_load(&p->compared_bytes);
	s->bytes_sent = atomic_load(&p->sent_bytes);
	s->bytes_resent = atomic_load(&p->resent_bytes);
}

static void send_progress(struct direct_server *f)
{
	Vrsas__V1__DirectReport report = VRSAS__V1__DIRECT_REPORT__INIT;
	Vrsas__V1__TransferStatus s = VRSAS__V1__TRANSFER_STATUS__INIT;

	(void)pthread_mutex_lock(&f->lock);
	fill(f, &report, &s);
	if (!f->ended)
		send_report(f, &report);
	(void)pthread_mutex_unlock(&f->lock);
}

static void send_result(struct direct_server *f, int status,
			const struct transfer_result *r, const struct vrs_err *why)
{
	Vrsas__V1__DirectReport report = VRSAS__V1__DIRECT_REPORT__INIT;
	Vrsas__V1__TransferStatus s = VRSAS__V1__TRANSFER_STATUS__INIT;
	protobuf_c_boolean *was_there = vrs_calloc(r->n_disks + 1, sizeof(*was_there));

	(void)pthread_mutex_lock(&f->lock);
	fill(f, &report, &s);
	s.state = status == 0                ? TRANSFER_STATE(DONE)
		  : status == VRS_ECANCELLED ? TRANSFER_STATE(CANCELLED)
					     : TRANSFER_STATE(FAILED);
	s.permanent = r->permanent;
	if (status < 0) {
		s.error = why->text;
		report.code = (uint32_t)-status;
	} else {
		transfer_put_results(&s, order_of(f)->job, r);
		for (size_t i = 0; i < r->n_disks; i++)
			was_there[i] = r->disk[i].was_there;
		report.n_was_there = r->n_disks;
		report.was_there = was_there;
	}
	send_report(f, &report);
	(void)pthread_mutex_unlock(&f->lock);
	transfer_free_results(&s);
	free(was_there);
}

/* --- receiving --- */

static int on_message(void *arg, const uint8_t *bytes, size_t n, struct vrs_err *err)
{
	struct direct_server *f = arg;
	struct vrs_msg *msg;
	int status;

	atomic_store(&f->control_mono_ms, vrs_now_mono_ms());
	if (!f->order) {
		status = vrs_msg_unpack(&f->order, &vrsas__v1__direct_order__descriptor,
					bytes, n, err);
		if (status == 0)
			atomic_store(&f->rate, order_of(f)->rate_limit_bytes_per_s);
		return status;
	}
	status = vrs_msg_unpack(&msg, &vrsas__v1__direct_control__descriptor, bytes, n,
				err);
	if (status < 0)
		return status;
	const Vrsas__V1__DirectControl *control =
		(const Vrsas__V1__DirectControl *)vrs_msg_get(msg);
	atomic_store(&f->rate, control->rate_limit_bytes_per_s);
	if (control->cancel)
		atomic_store(&f->cancelled, true);
	vrs_msg_free(msg);
	return 0;
}

/* Reads what has arrived; false: the mover is gone, or sent something invalid. */
static bool read_control(struct direct_server *f)
{
	uint8_t buf[4096];
	struct vrs_err err = {0};
	ssize_t n = read(STDIN_FILENO, buf, sizeof(buf));

	if (n <= 0)
		return false;
	if (direct_reader_feed(&f->reader, buf, (size_t)n, &err) == 0)
		return true;
	log_error("%s", err.text);
	return false;
}

static void *run_control(void *arg)
{
	struct direct_server *f = arg;
	int64_t sent_mono_ms = 0;

	for (;;) {
		struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};

		if (vrs_now_mono_ms() - sent_mono_ms >= REPORT_MS) {
			sent_mono_ms = vrs_now_mono_ms();
			send_progress(f);
		}
		if ((poll(&in, 1, REPORT_MS) > 0 && !read_control(f)) ||
		    vrs_now_mono_ms() - atomic_load(&f->control_mono_ms) > GIVE_UP_MS)
			leave();
	}
	return NULL;
}

/* --- the copy --- */

static int tick(void *arg, struct vrs_err *err)
{
	struct direct_server *f = arg;
	struct timespec step = {0, HOLD_STEP_MS * 1000000};

	while (!atomic_load(&f->cancelled)) {
		if (vrs_now_mono_ms() - atomic_load(&f->control_mono_ms) < HOLD_MS)
			return 0;
		(void)nanosleep(&step, NULL);
	}
	return vrs_fail(err, VRS_ECANCELLED, "cancelled");
}

static int copy(struct direct_server *f, const struct ssh_conf *conf,
		struct transfer_result *ret, struct vrs_err *err)
{
	static const char *here[] = {"local"};
	const Vrsas__V1__DirectOrder *order = order_of(f);
	struct transfer_env env = {
		.source_conf = *conf,
		.target_conf = *conf,
		.tries = 1, /* the mover that started it retries */
		.progress = &f->progress,
		.tick = tick,
		.arg = f,
		.rate_bytes_per_s = &f->rate,
	};

	ret->permanent = true;
	if (!order->job || order->job->n_disk == 0 ||
	    order->pack > AUTO_COMPRESS_ALWAYS ||
	    order->connections > REMOTE_MAX_CONNECTIONS)
		return vrs_fail(err, VRS_EINVAL, "malformed order");
	Vrsas__V1__TransferJob job = *order->job;
	job.source = here;
	job.n_source = 1;
	env.pack = (enum auto_compress_mode)order->pack;
	env.target_conf.connections = (int)order->connections;
	if (*order->vrs_image)
		env.target_conf.remote_program = order->vrs_image;
	if (order->sftp)
		env.target_conf.sftp = REMOTE_SFTP_ALWAYS;
	return transfer_run(&env, &job, ret, err);
}

int direct_serve(const struct ssh_conf *conf)
{
	static struct direct_server f = {
		.lock = PTHREAD_MUTEX_INITIALIZER,
		.reader = {.on_message = on_message, .arg = &f},
	};
	struct transfer_result result = {0};
	struct vrs_err err = {0};
	pthread_t thread;

	(void)signal(SIGPIPE, SIG_IGN);
	atomic_store(&f.control_mono_ms, vrs_now_mono_ms());
	send_progress(&f);
	while (!f.order)
		if (!read_control(&f))
			return EXIT_ALONE;
	if (pthread_create(&thread, NULL, run_control, &f) != 0)
		return EXIT_ALONE;
	(void)pthread_detach(thread);
	int status = copy(&f, conf, &result, &err);
	send_result(&f, status, &result, &err);
	/* the thread is still running, so f stays until the process exits */
	transfer_result_fini(&result);
	return status < 0 ? 1 : 0;
}
