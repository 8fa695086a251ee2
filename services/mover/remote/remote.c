#include "remote/remote.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "remote/limits.h"
#include "remote/parts.h"
#include "remote/sftp.h"
#include "vrs/clock.h"
#include "vrs/log.h"
#include "vrs/mem.h"

enum { PINGS = 4 };

/* The shortest of a few round trips: a busy machine is not a distant one. */
static int measure_distance(struct remote *f, struct vrs_err *err)
{
	f->rtt_ms = INT64_MAX;
	for (int i = 0; i < PINGS; i++) {
		struct wire_head ping = {.type = WIRE_PING}, reply;
		int64_t at_ms = vrs_now_mono_ms();
		int status = remote_ask(f, &ping, NULL, &reply, NULL, err);

		if (status < 0)
			return status;
		int64_t ms = vrs_now_mono_ms() - at_ms;
		if (ms < f->rtt_ms)
			f->rtt_ms = ms;
		if (ms < REMOTE_DISTANT_MS)
			break;
	}
	return 0;
}

static int greet(struct remote *f, struct vrs_err *err)
{
	struct wire_head hello = {.type = WIRE_HELLO, .a = WIRE_VERSION}, reply = {0};
	uint8_t *payload = NULL;
	size_t pos = 0;
	int status = remote_ask(f, &hello, NULL, &reply, &payload, err);

	if (status == 0 && reply.a != WIRE_VERSION)
		status = vrs_fail(err, VRS_EUNSUPPORTED,
				  "%s: its vrs-image is of another version", f->name);
	if (status == 0 &&
	    wire_get_text(payload, reply.len, &pos, f->join, sizeof(f->join), NULL) < 0)
		f->join[0] = '\0';
	free(payload);
	if (status == 0 && *f->place.host && !f->sftp)
		status = measure_distance(f, err);
	return status;
}

static const char *dup_or_null(const char *s)
{
	return s && *s ? vrs_strdup(s) : NULL;
}

static void keep_conf(struct remote *f, const struct ssh_conf *conf,
		      const struct place *place, const char *const *roots, size_t n_roots)
{
	f->conf = *conf;
	f->conf.program = dup_or_null(conf->program);
	f->conf.remote_program = dup_or_null(conf->remote_program);
	f->conf.key = dup_or_null(conf->key);
	f->conf.known_hosts = dup_or_null(conf->known_hosts);
	f->conf.ssh_file = dup_or_null(conf->ssh_file);
	if (!f->conf.silence_ms)
		f->conf.silence_ms = 30000;
	f->place = *place;
	f->roots = vrs_calloc(n_roots + 1, sizeof(*f->roots));
	for (size_t i = 0; i < n_roots; i++)
		f->roots[i] = vrs_strdup(roots[i]);
	f->n_roots = n_roots;
}

static void free_conf(struct remote *f)
{
	free((char *)(uintptr_t)f->conf.program);
	free((char *)(uintptr_t)f->conf.remote_program);
	free((char *)(uintptr_t)f->conf.key);
	free((char *)(uintptr_t)f->conf.known_hosts);
	free((char *)(uintptr_t)f->conf.ssh_file);
	for (size_t i = 0; i < f->n_roots; i++)
		free(f->roots[i]);
	free(f->roots);
	free(f->command);
}

/* Logged in, but nothing of ours runs there: it may be a host that takes no programs. */
static bool may_be_plain(const struct remote *f, int status)
{
	return *f->place.host && f->conf.sftp == REMOTE_SFTP_AUTO &&
	       !f->conf.remote_program && f->logged_in &&
	       (status == VRS_EUNSUPPORTED || status == VRS_EPARSE ||
		status == VRS_ECONN || status == VRS_EIO);
}

int remote_open(struct remote **ret, const struct ssh_conf *conf, const char *side,
		const struct place *place, const char *const *roots, size_t n_roots,
		struct vrs_err *err)
{
	char where[360];
	struct vrs_err why = {0};
	struct remote *f = vrs_calloc(1, sizeof(*f));

	(void)snprintf(f->name, sizeof(f->name), "%s %s", side, place_text(where, place));
	keep_conf(f, conf, place, roots, n_roots);
	(void)pthread_mutex_init(&f->lock, NULL);
	(void)pthread_cond_init(&f->changed, NULL);
	int status = !*place->host ? remote_local_open(f, &why)
		     : conf->sftp == REMOTE_SFTP_ALWAYS
			     ? remote_sftp_open(f, &why)
			     : remote_connection_open_first(f, &why);
	if (status == 0)
		status = greet(f, &why);
	if (status < 0)
		remote_name_error(f, &why);
	if (status < 0 && may_be_plain(f, status)) {
		struct remote *plain;
		struct ssh_conf files = *conf;

		files.sftp = REMOTE_SFTP_ALWAYS;
		if (remote_open(&plain, &files, side, place, roots, n_roots, NULL) == 0) {
			log_warn("%s; going on with SFTP alone", why.text);
			remote_close(f);
			*ret = plain;
			return 0;
		}
	}
	if (status < 0) {
		remote_close(f);
		if (err)
			*err = why;
		return status;
	}
	*ret = f;
	return 0;
}

void remote_widen(struct remote *f)
{
	if (f->sftp)
		remote_sftp_widen(f);
	if (!*f->place.host || !*f->join)
		return;
	for (size_t i = f->n_connections, n = remote_connections(f); i < n; i++)
		remote_connection_open_more(f, i);
}

bool remote_is_plain(const struct remote *f)
{
	return f->sftp != NULL;
}

bool remote_is_here(const struct remote *f)
{
	return !*f->place.host;
}

void remote_close(struct remote *f)
{
	struct vrs_err why = {0};

	if (!f)
		return;
	(void)pthread_mutex_lock(&f->lock);
	f->stop = true;
	(void)pthread_cond_broadcast(&f->changed);
	(void)pthread_mutex_unlock(&f->lock);
	for (size_t i = 0; i < f->n_connections; i++)
		remote_connection_stop(&f->connection[i]);
	/* the first comes last: its end takes the others along */
	for (size_t i = f->n_connections; i-- > 0;)
		remote_connection_close(&f->connection[i]);
	remote_local_close(f);
	remote_sftp_close(f);
	(void)vrs_fail(&why, VRS_ECANCELLED, "connection closed");
	remote_die(f, &why); /* what nobody took */
	free_conf(f);
	(void)pthread_mutex_destroy(&f->lock);
	(void)pthread_cond_destroy(&f->changed);
	free(f);
}

int remote_send(struct remote *f, const struct wire_head *head, uint8_t *payload,
		remote_done_fn done, void *arg, struct vrs_err *err)
{
	return remote_send_told(f, head, payload, NULL, done, arg, err);
}

/* With the lock: tells one who has nothing to do. */
static void wake_one(struct remote *f)
{
	if (f->pulled) {
		(void)pthread_cond_signal(&f->changed);
		return;
	}
	for (size_t i = 0; i < f->n_connections; i++)
		if (f->connection[i].ready && f->connection[i].idle) {
			f->connection[i].idle = false;
			channel_wake(f->connection[i].link);
			return;
		}
}

/* What opens and closes images is asked of the first: a qemu-nbd over there ends with the
 * thread that started it, and that one ends last. */
static bool is_for_the_first(uint8_t type)
{
	return type == WIRE_SOURCE || type == WIRE_TARGET || type == WIRE_REOPEN ||
	       type == WIRE_SEAL || type == WIRE_GROUP || type == WIRE_DISCARD ||
	       type == WIRE_CLOSE;
}

int remote_send_told(struct remote *f, const struct wire_head *head, uint8_t *payload,
		     void (*begun)(void *arg), remote_done_fn done, void *arg,
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
		if (f->n_connections > 0 && is_for_the_first(head->type)) {
			remote_queue_add(&f->connection[0].own, r);
			channel_wake(f->connection[0].link);
		} else {
			remote_queue_add(&f->waiting, r);
			wake_one(f);
		}
	}
	(void)pthread_mutex_unlock(&f->lock);
	if (status < 0)
		remote_request_free(r);
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

int remote_ask(struct remote *f, const struct wire_head *head, const uint8_t *payload,
	       struct wire_head *ret_reply, uint8_t **ret_payload, struct vrs_err *err)
{
	struct waiter w = {.lock = PTHREAD_MUTEX_INITIALIZER,
			   .answered = PTHREAD_COND_INITIALIZER};
	uint8_t *copy = head->len ? vrs_calloc(1, head->len) : NULL;

	if (copy)
		memcpy(copy, payload, head->len);
	int status = remote_send(f, head, copy, on_answer, &w, err);
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

void remote_traffic(struct remote *f, uint64_t *ret_out, uint64_t *ret_in)
{
	(void)pthread_mutex_lock(&f->lock);
	*ret_out = f->bytes_out;
	*ret_in = f->bytes_in;
	(void)pthread_mutex_unlock(&f->lock);
}
