/* vrs-mover direct: a mover elsewhere has started us where the disks are. */
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

#define STATE(x) VRSAS__V1__TRANSFER_STATE__TRANSFER_STATE_##x

enum {
	NEWS_MS = 500,
	HOLD_MS = 2500,      /* without a word for so long nothing more is sent */
	GIVE_UP_MS = 600000, /* and then it is over */
	REST_MS = 50,
	EXIT_ALONE = 5,
};

struct remote_end {
	pthread_mutex_t lock; /* standard output, and: */
	bool told;            /* the last word was said */
	struct direct_reader reader;
	struct vrs_msg *order;
	struct copy_progress progress;
	_Atomic uint64_t rate;
	_Atomic bool cancelled;
	_Atomic int64_t word_mono_ms;
};

static const Vrsas__V1__DirectOrder *order_of(const struct remote_end *f)
{
	return (const Vrsas__V1__DirectOrder *)vrs_msg_get(f->order);
}

/* Nobody is there any more: not one byte more. What is at the target stays. */
static void leave(void)
{
	_exit(EXIT_ALONE);
}

/* --- what we say --- */

static void say(struct remote_end *f, const Vrsas__V1__DirectNews *news)
{
	size_t n, done = 0;
	uint8_t *bytes = direct_pack(&news->base, &n);

	while (done < n) {
		ssize_t k = write(STDOUT_FILENO, bytes + done, n - done);

		if (k <= 0)
			leave();
		done += (size_t)k;
	}
	free(bytes);
	f->told = direct_is_over(news);
}

static void fill(struct remote_end *f, Vrsas__V1__DirectNews *news,
		 Vrsas__V1__TransferStatus *s)
{
	struct copy_progress *p = &f->progress;

	news->version = VRS_VERSION;
	news->connected = atomic_load(&p->connected);
	news->status = s;
	s->state = atomic_load(&p->verifying) ? STATE(VERIFYING) : STATE(COPYING);
	s->bytes_total = atomic_load(&p->total_bytes);
	s->bytes_done = atomic_load(&p->done_bytes);
	s->bytes_compared = atomic_load(&p->compared_bytes);
	s->bytes_sent = atomic_load(&p->sent_bytes);
	s->bytes_resent = atomic_load(&p->resent_bytes);
}

static void say_news(struct remote_end *f)
{
	Vrsas__V1__DirectNews news = VRSAS__V1__DIRECT_NEWS__INIT;
	Vrsas__V1__TransferStatus s = VRSAS__V1__TRANSFER_STATUS__INIT;

	(void)pthread_mutex_lock(&f->lock);
	fill(f, &news, &s);
	if (!f->told)
		say(f, &news);
	(void)pthread_mutex_unlock(&f->lock);
}

static void say_end(struct remote_end *f, int status, const struct transfer_result *r,
		    const struct vrs_err *why)
{
	Vrsas__V1__DirectNews news = VRSAS__V1__DIRECT_NEWS__INIT;
	Vrsas__V1__TransferStatus s = VRSAS__V1__TRANSFER_STATUS__INIT;
	const Vrsas__V1__TransferJob *job = order_of(f)->job;
	size_t n = status == 0 ? r->n_disks : 0;
	Vrsas__V1__DiskResult *disk = vrs_calloc(n + 1, sizeof(*disk));
	Vrsas__V1__DiskResult **list = vrs_calloc(n + 1, sizeof(*list));
	protobuf_c_boolean *was_there = vrs_calloc(n + 1, sizeof(*was_there));

	(void)pthread_mutex_lock(&f->lock);
	fill(f, &news, &s);
	for (size_t i = 0; i < n; i++) {
		vrsas__v1__disk_result__init(&disk[i]);
		disk[i].virtual_bytes = r->disk[i].disk_bytes;
		disk[i].source_hash = r->disk[i].source_hash;
		disk[i].target_hash = r->disk[i].target_hash;
		disk[i].base_used = r->disk[i].base_used;
		disk[i].bytes_sent = r->disk[i].sent_bytes;
		was_there[i] = r->disk[i].was_there;
		if (r->disk[i].kept_aside)
			disk[i].kept_path =
				vrs_asprintf("%s.kept-%llu", job->disk[i]->target_path,
					     (unsigned long long)job->token);
		list[i] = &disk[i];
	}
	s.state = status == 0                ? STATE(DONE)
		  : status == VRS_ECANCELLED ? STATE(CANCELLED)
					     : STATE(FAILED);
	s.n_disk = n;
	s.disk = list;
	s.permanent = r->permanent;
	news.n_was_there = n;
	news.was_there = was_there;
	if (status < 0) {
		s.error = why->text;
		news.code = (uint32_t)-status;
	}
	say(f, &news);
	(void)pthread_mutex_unlock(&f->lock);
	for (size_t i = 0; i < n; i++)
		if (r->disk[i].kept_aside)
			free((char *)(uintptr_t)disk[i].kept_path);
	free(was_there);
	free(list);
	free(disk);
}

/* --- what we hear --- */

static int on_message(void *arg, const uint8_t *bytes, size_t n, struct vrs_err *err)
{
	struct remote_end *f = arg;
	struct vrs_msg *msg;
	int status;

	atomic_store(&f->word_mono_ms, vrs_now_mono_ms());
	if (!f->order) {
		status = vrs_msg_unpack(&f->order, &vrsas__v1__direct_order__descriptor,
					bytes, n, err);
		if (status == 0)
			atomic_store(&f->rate, order_of(f)->rate_limit_bytes_per_s);
		return status;
	}
	status = vrs_msg_unpack(&msg, &vrsas__v1__direct_word__descriptor, bytes, n, err);
	if (status < 0)
		return status;
	const Vrsas__V1__DirectWord *word =
		(const Vrsas__V1__DirectWord *)vrs_msg_get(msg);
	atomic_store(&f->rate, word->rate_limit_bytes_per_s);
	if (word->cancel)
		atomic_store(&f->cancelled, true);
	vrs_msg_free(msg);
	return 0;
}

/* Takes what is there; false: the other end is gone, or makes no sense. */
static bool hear(struct remote_end *f)
{
	uint8_t buf[4096];
	struct vrs_err err = {0};
	ssize_t n = read(STDIN_FILENO, buf, sizeof(buf));

	if (n <= 0)
		return false;
	if (direct_feed(&f->reader, buf, (size_t)n, on_message, f, &err) == 0)
		return true;
	log_error("%s", err.text);
	return false;
}

static void *hear_and_tell(void *arg)
{
	struct remote_end *f = arg;
	int64_t told_mono_ms = 0;

	for (;;) {
		struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};

		if (vrs_now_mono_ms() - told_mono_ms >= NEWS_MS) {
			told_mono_ms = vrs_now_mono_ms();
			say_news(f);
		}
		if ((poll(&in, 1, NEWS_MS) > 0 && !hear(f)) ||
		    vrs_now_mono_ms() - atomic_load(&f->word_mono_ms) > GIVE_UP_MS)
			leave();
	}
	return NULL;
}

/* --- the copy --- */

static int tick(void *arg, struct vrs_err *err)
{
	struct remote_end *f = arg;
	struct timespec rest = {0, REST_MS * 1000000};

	while (!atomic_load(&f->cancelled)) {
		if (vrs_now_mono_ms() - atomic_load(&f->word_mono_ms) < HOLD_MS)
			return 0;
		(void)nanosleep(&rest, NULL);
	}
	return vrs_fail(err, VRS_ECANCELLED, "cancelled");
}

static int copy(struct remote_end *f, const struct ssh_conf *conf,
		struct transfer_result *ret, struct vrs_err *err)
{
	static const char *here[] = {"local"};
	const Vrsas__V1__DirectOrder *order = order_of(f);
	struct transfer_env env = {
		.source_conf = *conf,
		.target_conf = *conf,
		.tries = 1, /* who started us tries again */
		.progress = &f->progress,
		.tick = tick,
		.arg = f,
		.rate_bytes_per_s = &f->rate,
	};

	ret->permanent = true;
	if (!order->job || order->job->n_disk == 0 ||
	    order->pack > AUTO_COMPRESS_ALWAYS ||
	    order->connections > REMOTE_MAX_CONNECTIONS)
		return vrs_fail(err, VRS_EINVAL, "it is no order for a copy");
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
	static struct remote_end f = {.lock = PTHREAD_MUTEX_INITIALIZER};
	struct transfer_result result = {0};
	struct vrs_err err = {0};
	pthread_t thread;

	(void)signal(SIGPIPE, SIG_IGN);
	atomic_store(&f.word_mono_ms, vrs_now_mono_ms());
	say_news(&f);
	while (!f.order)
		if (!hear(&f))
			return EXIT_ALONE;
	if (pthread_create(&thread, NULL, hear_and_tell, &f) != 0)
		return EXIT_ALONE;
	(void)pthread_detach(thread);
	int status = copy(&f, conf, &result, &err);
	say_end(&f, status, &result, &err);
	/* the thread may be anywhere; what it looks at stays until we have ended */
	transfer_result_fini(&result);
	return status < 0 ? 1 : 0;
}
