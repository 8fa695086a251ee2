#include "far.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "link.h"
#include "remote_ssh.h"
#include "vrs/clock.h"
#include "vrs/mem.h"

enum { PING_MS = 8000, STEP_MS = 500 };

struct request {
	struct request *next;
	struct wire_head head;
	uint8_t *payload;
	void (*begun)(void *arg);
	far_done_fn done;
	void *arg;
};

struct queue {
	struct request *first, **last;
};

struct far {
	struct link *link;
	char name[400]; /* "target root@h1" */
	int64_t silence_ms;
	pthread_t thread;
	bool started;

	pthread_mutex_t lock; /* what follows */
	struct queue waiting; /* to be written */
	struct queue open;    /* written (or being written), not answered */
	uint32_t seq;
	bool stop;
	struct vrs_err dead;
	uint64_t bytes_out, bytes_in;
	uint64_t open_bytes; /* of open */

	/* the thread's */
	struct wire_reader reader;
	struct request *writing;
	uint8_t head_bytes[WIRE_HEAD_BYTES];
	size_t n_written;
	int64_t life_mono_ms;
};

static void queue_add(struct queue *q, struct request *r)
{
	r->next = NULL;
	if (!q->first)
		q->last = &q->first;
	*q->last = r;
	q->last = &r->next;
}

static struct request *queue_take(struct queue *q)
{
	struct request *r = q->first;

	if (r)
		q->first = r->next;
	return r;
}

static int64_t now(void)
{
	return vrs_mono_ms(vrs_clock_system());
}

static void request_free(struct request *r)
{
	if (r) {
		free(r->payload);
		free(r);
	}
}

static int on_frame(void *arg, const struct wire_head *head, uint8_t *payload,
		    struct vrs_err *err)
{
	struct far *f = arg;
	struct vrs_err why = {0};

	if (head->type == WIRE_ALIVE) {
		free(payload);
		return 0;
	}
	(void)pthread_mutex_lock(&f->lock);
	struct request *r = f->open.first;
	bool expected = r && r->head.seq == head->seq && r != f->writing &&
			(head->type == WIRE_OK || head->type == WIRE_ERR);
	if (expected) {
		(void)queue_take(&f->open);
		f->open_bytes -= r->head.len;
	}
	(void)pthread_mutex_unlock(&f->lock);
	if (!expected) {
		free(payload);
		return vrs_fail(err, VRS_EPARSE, "an answer that nobody asked for");
	}
	if (head->type == WIRE_ERR) {
		int code = head->a >= 1 && head->a <= 12 ? -(int)head->a : VRS_EIO;

		(void)vrs_fail(&why, code, "%s: %.*s", f->name,
			       payload ? (int)head->len : 0,
			       payload ? (const char *)payload : "");
		for (char *p = why.text; *p; p++) /* it is a line, whatever it says */
			if ((unsigned char)*p < ' ')
				*p = ' ';
		free(payload);
		r->done(r->arg, NULL, NULL, &why);
	} else {
		r->done(r->arg, head, payload, &why);
	}
	request_free(r);
	return 0;
}

static int on_bytes(void *arg, const void *bytes, size_t n, struct vrs_err *err)
{
	struct far *f = arg;

	f->life_mono_ms = now();
	(void)pthread_mutex_lock(&f->lock);
	f->bytes_in += n;
	(void)pthread_mutex_unlock(&f->lock);
	return wire_feed(&f->reader, bytes, n, on_frame, f, err);
}

/* Takes the next request for writing; it counts as open from its first byte. */
static bool next_request(struct far *f)
{
	(void)pthread_mutex_lock(&f->lock);
	struct request *r = f->waiting.first;
	if (r && f->open_bytes > 0 && f->open_bytes + r->head.len > FAR_WINDOW_BYTES)
		r = NULL;
	if (r) {
		(void)queue_take(&f->waiting);
		f->open_bytes += r->head.len;
		if (!f->open.first)
			f->life_mono_ms = now();
		queue_add(&f->open, r);
		f->writing = r;
	}
	(void)pthread_mutex_unlock(&f->lock);
	if (!r)
		return false;
	if (r->begun)
		r->begun(r->arg);
	wire_pack(f->head_bytes, &r->head);
	f->n_written = 0;
	return true;
}

/* Writes what the link takes. *ret_more: it took less than there is. */
static int write_some(struct far *f, bool *ret_more, struct vrs_err *err)
{
	*ret_more = false;
	while (f->writing || next_request(f)) {
		struct request *r = f->writing;
		bool in_head = f->n_written < WIRE_HEAD_BYTES;
		size_t at = in_head ? f->n_written : f->n_written - WIRE_HEAD_BYTES;
		size_t n = in_head ? WIRE_HEAD_BYTES - at : r->head.len - at;
		const uint8_t *from = in_head ? f->head_bytes : r->payload;
		ssize_t done = f->link->ops->write(f->link, from + at, n, err);

		if (done < 0)
			return (int)done;
		if (done == 0) {
			*ret_more = true;
			return 0;
		}
		f->n_written += (size_t)done;
		f->life_mono_ms = now();
		if (f->n_written == WIRE_HEAD_BYTES + r->head.len) {
			(void)pthread_mutex_lock(&f->lock);
			f->bytes_out += f->n_written;
			f->writing = NULL;
			(void)pthread_mutex_unlock(&f->lock);
			free(r->payload);
			r->payload = NULL;
		}
	}
	return 0;
}

static void ignore(void *arg, const struct wire_head *reply, uint8_t *payload,
		   const struct vrs_err *err)
{
	(void)arg;
	(void)reply;
	(void)err;
	free(payload);
}

static int look_for_life(struct far *f, struct vrs_err *err)
{
	int64_t quiet_ms = now() - f->life_mono_ms;

	(void)pthread_mutex_lock(&f->lock);
	bool waits = f->open.first || f->waiting.first;
	(void)pthread_mutex_unlock(&f->lock);
	if (waits && quiet_ms > f->silence_ms)
		return vrs_fail(err, VRS_ETIMEOUT, "no sign of life for %lld s",
				(long long)quiet_ms / 1000);
	if (!waits && quiet_ms > PING_MS) {
		struct wire_head ping = {.type = WIRE_PING};

		f->life_mono_ms = now();
		return far_send(f, &ping, NULL, ignore, NULL, err);
	}
	return 0;
}

static bool told_to_stop(struct far *f)
{
	(void)pthread_mutex_lock(&f->lock);
	bool stop = f->stop;
	(void)pthread_mutex_unlock(&f->lock);
	return stop;
}

/* Tells everybody who waits. */
static void die(struct far *f, struct vrs_err *why)
{
	struct queue left[2];

	if (strncmp(why->text, f->name, strlen(f->name)) != 0)
		(void)vrs_context(why, "%s", f->name);
	(void)pthread_mutex_lock(&f->lock);
	f->dead = *why;
	left[0] = f->open;
	left[1] = f->waiting;
	f->open.first = f->waiting.first = NULL;
	f->writing = NULL;
	(void)pthread_mutex_unlock(&f->lock);
	for (int i = 0; i < 2; i++)
		for (struct request *r = left[i].first; r;) {
			struct request *next = r->next;

			r->done(r->arg, NULL, NULL, why);
			request_free(r);
			r = next;
		}
}

static void *carry(void *arg)
{
	struct far *f = arg;
	struct vrs_err err = {0};
	int status = 0;

	f->life_mono_ms = now();
	while (status == 0 && !told_to_stop(f)) {
		bool more;

		if ((status = write_some(f, &more, &err)) == 0)
			status = f->link->ops->step(f->link, more, STEP_MS, &err);
		if (status == 0)
			status = look_for_life(f, &err);
	}
	if (status == 0)
		(void)vrs_fail(&err, VRS_ECANCELLED, "connection closed");
	die(f, &err);
	return NULL;
}

static int greet(struct far *f, struct vrs_err *err)
{
	struct wire_head hello = {.type = WIRE_HELLO, .a = WIRE_VERSION}, reply = {0};
	int status = far_ask(f, &hello, NULL, &reply, NULL, err);

	if (status == 0 && reply.a != WIRE_VERSION)
		return vrs_fail(err, VRS_EUNSUPPORTED,
				"%s: its vrs-image is of another "
				"version",
				f->name);
	return status;
}

int far_open(struct far **ret, const struct far_conf *conf, const char *side,
	     const struct place *place, const char *const *roots, size_t n_roots,
	     struct vrs_err *err)
{
	char where[360];
	struct far *f = vrs_calloc(1, sizeof(*f));

	(void)snprintf(f->name, sizeof(f->name), "%s %s", side, place_text(where, place));
	f->silence_ms = conf->silence_ms ? conf->silence_ms : 30000;
	(void)pthread_mutex_init(&f->lock, NULL);
	int status =
		*place->host
			? remote_ssh_open(&f->link, conf, place, roots, n_roots, err)
			: link_local_open(&f->link, conf->program, roots, n_roots, err);
	if (status < 0) {
		(void)vrs_context(err, "%s", f->name);
	} else {
		f->link->on_bytes = on_bytes;
		f->link->arg = f;
		f->started = pthread_create(&f->thread, NULL, carry, f) == 0;
		status = f->started ? greet(f, err)
				    : vrs_fail(err, VRS_EIO, "cannot start a thread");
	}
	if (status < 0) {
		far_close(f);
		return status;
	}
	*ret = f;
	return 0;
}

void far_close(struct far *f)
{
	if (!f)
		return;
	if (f->started) {
		(void)pthread_mutex_lock(&f->lock);
		f->stop = true;
		(void)pthread_mutex_unlock(&f->lock);
		link_wake(f->link);
		(void)pthread_join(f->thread, NULL);
	}
	if (f->link)
		f->link->ops->close(f->link);
	wire_reader_fini(&f->reader);
	(void)pthread_mutex_destroy(&f->lock);
	free(f);
}

int far_send(struct far *f, const struct wire_head *head, uint8_t *payload,
	     far_done_fn done, void *arg, struct vrs_err *err)
{
	return far_send_told(f, head, payload, NULL, done, arg, err);
}

int far_send_told(struct far *f, const struct wire_head *head, uint8_t *payload,
		  void (*begun)(void *arg), far_done_fn done, void *arg,
		  struct vrs_err *err)
{
	struct request *r = vrs_calloc(1, sizeof(*r));
	int status = 0;

	*r = (struct request){.head = *head,
			      .payload = payload,
			      .begun = begun,
			      .done = done,
			      .arg = arg};
	(void)pthread_mutex_lock(&f->lock);
	if (f->dead.code) {
		if (err)
			*err = f->dead;
		status = f->dead.code;
	} else {
		r->head.seq = ++f->seq;
		queue_add(&f->waiting, r);
	}
	(void)pthread_mutex_unlock(&f->lock);
	if (status < 0)
		request_free(r);
	else
		link_wake(f->link);
	return status;
}

struct waiter {
	pthread_mutex_t lock;
	pthread_cond_t answered;
	bool done, ok;
	struct wire_head reply;
	uint8_t *payload;
	struct vrs_err err;
};

static void on_answer(void *arg, const struct wire_head *reply, uint8_t *payload,
		      const struct vrs_err *err)
{
	struct waiter *w = arg;

	(void)pthread_mutex_lock(&w->lock);
	w->done = true;
	w->ok = reply != NULL;
	if (reply)
		w->reply = *reply;
	else
		w->err = *err;
	w->payload = payload;
	(void)pthread_cond_signal(&w->answered);
	(void)pthread_mutex_unlock(&w->lock);
}

int far_ask(struct far *f, const struct wire_head *head, const uint8_t *payload,
	    struct wire_head *ret_reply, uint8_t **ret_payload, struct vrs_err *err)
{
	struct waiter w = {.lock = PTHREAD_MUTEX_INITIALIZER,
			   .answered = PTHREAD_COND_INITIALIZER};
	uint8_t *copy = head->len ? vrs_calloc(1, head->len) : NULL;

	if (copy)
		memcpy(copy, payload, head->len);
	int status = far_send(f, head, copy, on_answer, &w, err);
	if (status < 0)
		return status;
	(void)pthread_mutex_lock(&w.lock);
	while (!w.done)
		(void)pthread_cond_wait(&w.answered, &w.lock);
	(void)pthread_mutex_unlock(&w.lock);
	if (!w.ok) {
		if (err)
			*err = w.err;
		return w.err.code;
	}
	*ret_reply = w.reply;
	if (ret_payload)
		*ret_payload = w.payload;
	else
		free(w.payload);
	return 0;
}

void far_traffic(struct far *f, uint64_t *ret_out, uint64_t *ret_in)
{
	(void)pthread_mutex_lock(&f->lock);
	*ret_out = f->bytes_out;
	*ret_in = f->bytes_in;
	(void)pthread_mutex_unlock(&f->lock);
}
