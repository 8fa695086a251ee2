#include <errno.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "image/serve/serve_parts.h"

enum { ALIVE_EVERY_S = 2 };

static int put_frame(int fd, const struct wire_head *head, const uint8_t *payload)
{
	uint8_t bytes[WIRE_HEAD_BYTES];
	size_t total = WIRE_HEAD_BYTES + head->len;

	wire_pack(bytes, head);
	for (size_t done = 0; done < total;) {
		bool in_head = done < WIRE_HEAD_BYTES;
		size_t at = in_head ? 0 : done - WIRE_HEAD_BYTES;
		struct iovec iov[2] = {
			{bytes + (in_head ? done : 0),
			 in_head ? WIRE_HEAD_BYTES - done : 0},
			{(uint8_t *)(uintptr_t)payload + at, head->len - at},
		};
		ssize_t n = writev(fd, iov, head->len ? 2 : 1);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		done += (size_t)n;
	}
	return 0;
}

static void *send_alive(void *arg)
{
	struct reply_writer *o = arg;
	uint64_t seen = 0;

	(void)pthread_mutex_lock(&o->lock);
	while (!o->stop) {
		struct timespec until;

		(void)clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_sec += ALIVE_EVERY_S;
		(void)pthread_cond_timedwait(&o->wake, &o->lock, &until);
		if (o->n_open > 0 && o->n_done == seen && !o->stop) {
			struct wire_head head = {.type = WIRE_ALIVE, .seq = o->seq};

			(void)put_frame(o->fd, &head, NULL);
		}
		seen = o->n_done;
	}
	(void)pthread_mutex_unlock(&o->lock);
	return NULL;
}

int reply_writer_open(struct reply_writer *o, int fd, struct vrs_err *err)
{
	pthread_condattr_t attr;

	*o = (struct reply_writer){.fd = fd};
	(void)pthread_mutex_init(&o->lock, NULL);
	(void)pthread_condattr_init(&attr);
	(void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&o->wake, &attr);
	(void)pthread_condattr_destroy(&attr);
	o->started = pthread_create(&o->thread, NULL, send_alive, o) == 0;
	return o->started ? 0 : vrs_fail(err, VRS_EIO, "cannot start a thread");
}

void reply_writer_close(struct reply_writer *o)
{
	(void)pthread_mutex_lock(&o->lock);
	o->stop = true;
	(void)pthread_cond_signal(&o->wake);
	(void)pthread_mutex_unlock(&o->lock);
	if (o->started)
		(void)pthread_join(o->thread, NULL);
	(void)pthread_mutex_destroy(&o->lock);
	(void)pthread_cond_destroy(&o->wake);
}

void reply_writer_begin(struct reply_writer *o, uint32_t seq)
{
	(void)pthread_mutex_lock(&o->lock);
	o->n_open++;
	o->seq = seq;
	(void)pthread_mutex_unlock(&o->lock);
}

int reply_writer_send(struct reply_writer *o, const struct wire_head *head,
		      const uint8_t *payload)
{
	(void)pthread_mutex_lock(&o->lock);
	o->n_open--;
	o->n_done++;
	int status = put_frame(o->fd, head, payload);
	(void)pthread_mutex_unlock(&o->lock);
	return status;
}

int reply_writer_serve(struct reply_writer *o, struct requests *a,
		       const struct wire_head *head, const uint8_t *payload, uint8_t *out)
{
	struct wire_head reply = {0};
	struct vrs_err why = {0};
	struct image_request r = {
		.head = head, .payload = payload, .reply = &reply, .out = out};
	int code = requests_run(a, &r, &why);

	reply.seq = head->seq;
	reply.type = WIRE_OK;
	if (code < 0) {
		reply = (struct wire_head){
			.type = WIRE_ERR,
			.seq = head->seq,
			.a = (uint64_t)-code,
			.len = (uint32_t)strnlen(why.text, sizeof(why.text)),
		};
		memcpy(out, why.text, reply.len);
	}
	return reply_writer_send(o, &reply, out);
}
