#include "image/serve.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "image/answer.h"
#include "vrs/fault.h"
#include "vrs/mem.h"

enum {
	IDLE_MS = 60 * 1000, /* a mover pings every few seconds */
	ALIVE_EVERY_MS = 2000,
	PIPE_BYTES = 1 << 20,
};

/* What the thread that says "still alive" shares with the one that works. */
struct output {
	int fd;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool working, stop;
	uint32_t seq;
	uint64_t n_done;
};

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

static void *say_alive(void *arg)
{
	struct output *o = arg;
	uint64_t seen = 0;

	(void)pthread_mutex_lock(&o->lock);
	while (!o->stop) {
		struct timespec until;

		(void)clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_sec += ALIVE_EVERY_MS / 1000;
		(void)pthread_cond_timedwait(&o->wake, &o->lock, &until);
		if (o->working && o->n_done == seen && !o->stop) {
			struct wire_head head = {.type = WIRE_ALIVE, .seq = o->seq};

			(void)put_frame(o->fd, &head, NULL);
		}
		seen = o->n_done;
	}
	(void)pthread_mutex_unlock(&o->lock);
	return NULL;
}

static void work_begins(struct output *o, uint32_t seq)
{
	(void)pthread_mutex_lock(&o->lock);
	o->working = true;
	o->seq = seq;
	(void)pthread_mutex_unlock(&o->lock);
}

static int work_ends(struct output *o, const struct wire_head *head,
		     const uint8_t *payload)
{
	(void)pthread_mutex_lock(&o->lock);
	o->working = false;
	o->n_done++;
	int status = put_frame(o->fd, head, payload);
	(void)pthread_mutex_unlock(&o->lock);
	return status;
}

/* 1: got all, 0: the pipe ended before the first byte, negative: failed. */
static int get(int fd, uint8_t *buf, size_t len, struct vrs_err *err)
{
	for (size_t done = 0; done < len;) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		int ready = poll(&p, 1, IDLE_MS);

		if (ready < 0 && errno == EINTR)
			continue;
		if (ready == 0)
			return vrs_fail(err, VRS_ETIMEOUT, "the mover is silent");
		ssize_t n = read(fd, buf + done, len - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return vrs_fail_errno(err, "read");
		if (n == 0 && done == 0)
			return 0;
		if (n == 0)
			return vrs_fail(err, VRS_EPARSE, "the pipe ended in a frame");
		done += (size_t)n;
	}
	return 1;
}

static int serve_frames(struct answerer *a, int in_fd, struct output *o,
			struct vrs_err *err)
{
	uint8_t head_bytes[WIRE_HEAD_BYTES];
	uint8_t *in = vrs_calloc(1, WIRE_MAX_PAYLOAD), *out = vrs_calloc(1, ANSWER_BYTES);
	int status;

	while ((status = get(in_fd, head_bytes, sizeof(head_bytes), err)) > 0) {
		struct wire_head head, reply = {0};
		struct vrs_err why = {0};

		if ((status = wire_unpack(&head, head_bytes, err)) < 0)
			break;
		if (head.type > WIRE_LAST_REQUEST) {
			status = vrs_fail(err, VRS_EPARSE,
					  "frame of type %u is no "
					  "request",
					  head.type);
			break;
		}
		if (head.len > 0 && (status = get(in_fd, in, head.len, err)) <= 0) {
			if (status == 0)
				status = vrs_fail(err, VRS_EPARSE,
						  "the pipe ended in a frame");
			break;
		}
		(void)vrs_fault("mover.far.request");
		work_begins(o, head.seq);
		int code = answer(a, &head, in, &reply, out, &why);
		reply.seq = head.seq;
		reply.type = WIRE_OK;
		if (code < 0) {
			reply = (struct wire_head){
				.type = WIRE_ERR,
				.seq = head.seq,
				.a = (uint64_t)-code,
				.len = (uint32_t)strnlen(why.text, sizeof(why.text)),
			};
			memcpy(out, why.text, reply.len);
		}
		if (work_ends(o, &reply, out) < 0) {
			status = vrs_fail_errno(err, "write");
			break;
		}
	}
	free(in);
	free(out);
	return status;
}

int serve(const struct beneath *b, int in_fd, int out_fd, struct vrs_err *err)
{
	struct output o = {.fd = out_fd, .lock = PTHREAD_MUTEX_INITIALIZER};
	struct answerer *a = answer_open(b);
	pthread_condattr_t attr;
	pthread_t thread;

	(void)fcntl(in_fd, F_SETPIPE_SZ, PIPE_BYTES);
	(void)fcntl(out_fd, F_SETPIPE_SZ, PIPE_BYTES);
	(void)pthread_condattr_init(&attr);
	(void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&o.wake, &attr);
	if (pthread_create(&thread, NULL, say_alive, &o) != 0)
		return vrs_fail(err, VRS_EIO, "cannot start a thread");
	int status = serve_frames(a, in_fd, &o, err);
	answer_close(a);
	(void)pthread_mutex_lock(&o.lock);
	o.stop = true;
	(void)pthread_cond_signal(&o.wake);
	(void)pthread_mutex_unlock(&o.lock);
	(void)pthread_join(thread, NULL);
	return status;
}
