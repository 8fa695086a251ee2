/* One connection to a vrs-image, and the thread that sends and receives on it. */
#include <stdlib.h>
#include <string.h>

#include "remote/parts.h"
#include "ssh/ssh.h"
#include "vrs/clock.h"
#include "vrs/log.h"
#include "vrs/mem.h"

enum { PING_MS = 8000, STEP_MS = 500 };

/* Takes the open request with this seq; NULL: there is none. */
static struct remote_request *take_open(struct remote_connection *l, uint32_t seq)
{
	struct remote_request *found = NULL;

	(void)pthread_mutex_lock(&l->remote->lock);
	for (struct remote_request **p = &l->open.first; *p; p = &(*p)->next) {
		if ((*p)->head.seq != seq || *p == l->writing)
			continue;
		found = *p;
		*p = found->next;
		if (l->open.last == &found->next)
			l->open.last = p;
		l->open_bytes -= found->head.len;
		break;
	}
	(void)pthread_mutex_unlock(&l->remote->lock);
	return found;
}

static int on_frame(void *arg, const struct wire_head *head, uint8_t *payload,
		    struct vrs_err *err)
{
	struct remote_connection *l = arg;
	struct vrs_err why = {0};

	if (head->type == WIRE_ALIVE) {
		free(payload);
		return 0;
	}
	struct remote_request *r = head->type == WIRE_OK || head->type == WIRE_ERR
					   ? take_open(l, head->seq)
					   : NULL;
	if (!r) {
		free(payload);
		return vrs_fail(err, VRS_EPARSE, "received a reply without a request");
	}
	if (head->type == WIRE_ERR) {
		int code = head->a >= 1 && head->a <= 12 ? -(int)head->a : VRS_EIO;

		(void)vrs_fail(&why, code, "%s: %.*s", l->remote->name,
			       payload ? (int)head->len : 0,
			       payload ? (const char *)payload : "");
		for (char *p = why.text; *p; p++) /* keep it one line */
			if ((unsigned char)*p < ' ')
				*p = ' ';
		free(payload);
		r->done(r->arg, NULL, NULL, &why);
	} else {
		r->done(r->arg, head, payload, &why);
	}
	remote_request_free(r);
	return 0;
}

static int on_bytes(void *arg, const void *bytes, size_t n, struct vrs_err *err)
{
	struct remote_connection *l = arg;

	l->heard_mono_ms = vrs_now_mono_ms();
	return wire_reader_feed(&l->reader, bytes, n, err);
}

/* Takes the next request to send; it is open from its first byte on. */
static bool next_request(struct remote_connection *l)
{
	struct remote *f = l->remote;

	(void)pthread_mutex_lock(&f->lock);
	struct remote_queue *q = l->own.first || !l->ready ? &l->own : &f->waiting;
	struct remote_request *r = q->first;
	l->idle = !r;
	if (r && l->open_bytes > 0 &&
	    l->open_bytes + r->head.len > remote_connection_window(f))
		r = NULL;
	if (r) {
		(void)remote_queue_take(q);
		l->open_bytes += r->head.len;
		if (!l->open.first)
			l->heard_mono_ms = vrs_now_mono_ms();
		remote_queue_add(&l->open, r);
		l->writing = r;
	}
	(void)pthread_mutex_unlock(&f->lock);
	if (!r)
		return false;
	if (r->begun)
		r->begun(r->arg);
	wire_pack(l->head_bytes, &r->head);
	l->n_written = 0;
	return true;
}

/* Writes as much as the channel accepts. *ret_more: not all was accepted. */
static int write_some(struct remote_connection *l, bool *ret_more, struct vrs_err *err)
{
	*ret_more = false;
	while (l->writing || next_request(l)) {
		struct remote_request *r = l->writing;
		bool in_head = l->n_written < WIRE_HEAD_BYTES;
		size_t at = in_head ? l->n_written : l->n_written - WIRE_HEAD_BYTES;
		size_t n = in_head ? WIRE_HEAD_BYTES - at : r->head.len - at;
		const uint8_t *from = in_head ? l->head_bytes : r->payload;
		ssize_t done = l->channel->ops->write(l->channel, from + at, n, err);

		if (done < 0)
			return (int)done;
		if (done == 0) {
			*ret_more = true;
			return 0;
		}
		l->n_written += (size_t)done;
		l->heard_mono_ms = vrs_now_mono_ms();
		if (l->n_written == WIRE_HEAD_BYTES + r->head.len) {
			free(r->payload);
			r->payload = NULL;
			(void)pthread_mutex_lock(&l->remote->lock);
			l->writing = NULL;
			(void)pthread_mutex_unlock(&l->remote->lock);
		}
	}
	return 0;
}

static void send_own(struct remote_connection *l, enum wire_type type, uint8_t *payload,
		     size_t len, remote_done_fn done)
{
	struct remote_request *r = vrs_calloc(1, sizeof(*r));

	*r = (struct remote_request){
		.head = {.type = (uint8_t)type, .len = (uint32_t)len},
		.payload = payload,
		.done = done,
		.arg = l};
	(void)pthread_mutex_lock(&l->remote->lock);
	r->head.seq = ++l->remote->seq;
	remote_queue_add(&l->own, r);
	(void)pthread_mutex_unlock(&l->remote->lock);
}

static void ignore(void *arg, const struct wire_head *reply, uint8_t *payload,
		   const struct vrs_err *err)
{
	(void)arg;
	(void)reply;
	(void)err;
	free(payload);
}

static int check_alive(struct remote_connection *l, struct vrs_err *err)
{
	int64_t quiet_ms = vrs_now_mono_ms() - l->heard_mono_ms;

	(void)pthread_mutex_lock(&l->remote->lock);
	bool waits = l->open.first != NULL;
	(void)pthread_mutex_unlock(&l->remote->lock);
	if (waits && quiet_ms > l->remote->conf.silence_ms)
		return vrs_fail(err, VRS_ETIMEOUT, "no response for %lld s",
				(long long)quiet_ms / 1000);
	if (!waits && quiet_ms > PING_MS) {
		l->heard_mono_ms = vrs_now_mono_ms();
		send_own(l, WIRE_PING, NULL, 0, ignore);
	}
	return 0;
}

static bool must_stop(struct remote *f)
{
	(void)pthread_mutex_lock(&f->lock);
	bool stop = f->stop || f->failed.code;
	(void)pthread_mutex_unlock(&f->lock);
	return stop;
}

/* When one connection is lost, the remote is: all requests fail and the other connections
 * end. A further connection that has not joined yet ends alone. */
static void end_connection(struct remote_connection *l, struct vrs_err *why)
{
	struct remote *f = l->remote;
	struct remote_queue left[3];

	remote_name_error(f, why);
	(void)pthread_mutex_lock(&f->lock);
	bool alone = !l->ready && l != &f->connection[0] && !f->stop;
	if (!alone && !f->failed.code)
		f->failed = *why;
	if (f->failed.code)
		*why = f->failed;
	left[0] = l->open;
	left[1] = l->own;
	left[2] = f->waiting;
	if (alone)
		left[2].first = NULL;
	else
		f->waiting.first = NULL;
	l->open.first = l->own.first = NULL;
	l->writing = NULL;
	l->ready = false;
	for (size_t i = 0; i < f->n_connections && !alone; i++)
		if (&f->connection[i] != l && f->connection[i].channel)
			channel_wake(f->connection[i].channel);
	(void)pthread_mutex_unlock(&f->lock);
	if (alone && why->code != VRS_ECANCELLED)
		log_warn("copying with one connection fewer: %s", why->text);
	for (int i = 0; i < 3; i++)
		remote_fail_all(&left[i], why);
}

static void run(struct remote_connection *l)
{
	struct remote *f = l->remote;
	struct vrs_err err = {0};
	int status = 0;

	l->heard_mono_ms = vrs_now_mono_ms();
	while (status == 0 && !must_stop(f)) {
		bool more;

		if ((status = write_some(l, &more, &err)) == 0)
			status = l->channel->ops->step(l->channel, more, STEP_MS, &err);
		if (status == 0)
			status = check_alive(l, &err);
	}
	if (status == 0)
		(void)vrs_fail(&err, VRS_ECANCELLED, "connection closed");
	end_connection(l, &err);
}

static void *run_first(void *arg)
{
	run(arg);
	return NULL;
}

static void set_channel(struct remote_connection *l, struct channel *channel)
{
	channel->on_bytes = on_bytes;
	channel->arg = l;
	l->reader.on_frame = on_frame;
	l->reader.arg = l;
	(void)pthread_mutex_lock(&l->remote->lock);
	l->channel = channel;
	(void)pthread_mutex_unlock(&l->remote->lock);
}

int remote_connection_open_first(struct remote *f, struct vrs_err *err)
{
	struct remote_connection *l = &f->connection[0];
	struct channel *channel = NULL;
	int status = ssh_start_image(&channel, &f->host, &f->command, err);

	if (status < 0)
		return status;
	l->remote = f;
	l->ready = true;
	f->n_connections = 1;
	set_channel(l, channel);
	l->started = pthread_create(&l->thread, NULL, run_first, l) == 0;
	return l->started ? 0 : vrs_fail(err, VRS_EIO, "cannot start a thread");
}

static void on_joined(void *arg, const struct wire_head *reply, uint8_t *payload,
		      const struct vrs_err *err)
{
	struct remote_connection *l = arg;

	(void)err;
	free(payload);
	if (!reply)
		return;
	(void)pthread_mutex_lock(&l->remote->lock);
	l->ready = true;
	(void)pthread_mutex_unlock(&l->remote->lock);
}

static void *open_and_run(void *arg)
{
	struct remote_connection *l = arg;
	struct remote *f = l->remote;
	struct wire_texts t = {.len = 0};
	struct vrs_err err = {0};
	struct channel *channel = NULL;
	struct ssh_command command = f->command;

	if (ssh_start_image(&channel, &f->host, &command, &err) < 0) {
		end_connection(l, &err);
		return NULL;
	}
	set_channel(l, channel);
	(void)wire_put_text(&t, f->join, NULL);
	uint8_t *payload = vrs_realloc(NULL, 1, t.len);
	memcpy(payload, t.bytes, t.len);
	send_own(l, WIRE_JOIN, payload, t.len, on_joined);
	run(l);
	return NULL;
}

void remote_connection_open_more(struct remote *f, size_t i)
{
	struct remote_connection *l = &f->connection[i];

	(void)pthread_mutex_lock(&f->lock);
	l->remote = f;
	f->n_connections = i + 1;
	(void)pthread_mutex_unlock(&f->lock);
	l->started = pthread_create(&l->thread, NULL, open_and_run, l) == 0;
}

void remote_connection_stop(struct remote_connection *l)
{
	struct remote *f = l->remote;

	(void)pthread_mutex_lock(&f->lock);
	if (l->channel)
		channel_wake(l->channel);
	(void)pthread_mutex_unlock(&f->lock);
	if (l->started)
		(void)pthread_join(l->thread, NULL);
	l->started = false;
}

void remote_connection_close(struct remote_connection *l)
{
	if (l->channel)
		l->channel->ops->close(l->channel);
	wire_reader_fini(&l->reader);
}
