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
		struct wire_head ping = {.type = WIRE_PING};
		int64_t at_ms = vrs_now_mono_ms();
		int status = remote_call(f, &ping, NULL, NULL, err);

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
	struct wire_head hello = {.type = WIRE_HELLO, .a = WIRE_VERSION};
	struct remote_reply reply = {.payload = NULL};
	int status = remote_call(f, &hello, NULL, &reply, err);

	if (status == 0 && reply.head.a != WIRE_VERSION)
		status = vrs_fail(err, VRS_EUNSUPPORTED,
				  "%s: vrs-image there has another protocol version",
				  f->name);
	struct wire_text_reader texts = {reply.payload, reply.head.len, 0};
	if (status == 0 && wire_get_text(&texts, f->join, sizeof(f->join), NULL) < 0)
		f->join[0] = '\0';
	free(reply.payload);
	if (status == 0 && *f->place.host && !f->sftp)
		status = measure_distance(f, err);
	return status;
}

static const char *dup_or_null(const char *s)
{
	return s && *s ? vrs_strdup(s) : NULL;
}

static void copy_host(struct remote *f, const struct ssh_host *host)
{
	const struct ssh_conf *conf = host->conf;
	char **roots = vrs_calloc(host->n_roots + 1, sizeof(*roots));

	f->conf = *conf;
	f->conf.program = dup_or_null(conf->program);
	f->conf.remote_program = dup_or_null(conf->remote_program);
	f->conf.key = dup_or_null(conf->key);
	f->conf.known_hosts = dup_or_null(conf->known_hosts);
	f->conf.ssh_file = dup_or_null(conf->ssh_file);
	if (!f->conf.silence_ms)
		f->conf.silence_ms = 30000;
	f->place = *host->place;
	for (size_t i = 0; i < host->n_roots; i++)
		roots[i] = vrs_strdup(host->roots[i]);
	f->host = (struct ssh_host){&f->conf, &f->place, (const char *const *)roots,
				    host->n_roots};
	f->command.program = "vrs-image";
}

static void free_host(struct remote *f)
{
	free((char *)(uintptr_t)f->conf.program);
	free((char *)(uintptr_t)f->conf.remote_program);
	free((char *)(uintptr_t)f->conf.key);
	free((char *)(uintptr_t)f->conf.known_hosts);
	free((char *)(uintptr_t)f->conf.ssh_file);
	for (size_t i = 0; i < f->host.n_roots; i++)
		free((char *)(uintptr_t)f->host.roots[i]);
	free((void *)(uintptr_t)f->host.roots);
	free(f->command.text);
}

/* Logged in, but vrs-image does not run there: the host may offer only SFTP. */
static bool may_be_sftp_only(const struct remote *f, int status)
{
	return *f->place.host && f->conf.sftp == REMOTE_SFTP_AUTO &&
	       !f->conf.remote_program && f->command.logged_in &&
	       (status == VRS_EUNSUPPORTED || status == VRS_EPARSE ||
		status == VRS_ECONN || status == VRS_EIO);
}

int remote_open(struct remote **ret, const char *side, const struct ssh_host *host,
		struct vrs_err *err)
{
	char where[360];
	struct vrs_err why = {0};
	struct remote *f = vrs_calloc(1, sizeof(*f));

	(void)snprintf(f->name, sizeof(f->name), "%s %s", side,
		       place_text(where, host->place));
	copy_host(f, host);
	(void)pthread_mutex_init(&f->lock, NULL);
	(void)pthread_cond_init(&f->changed, NULL);
	int status = !*f->place.host ? remote_local_open(f, &why)
		     : f->conf.sftp == REMOTE_SFTP_ALWAYS
			     ? remote_sftp_open(f, &why)
			     : remote_connection_open_first(f, &why);
	if (status == 0)
		status = greet(f, &why);
	if (status < 0)
		remote_name_error(f, &why);
	if (status < 0 && may_be_sftp_only(f, status)) {
		struct remote *sftp;
		struct ssh_conf conf = *host->conf;
		struct ssh_host again = *host;

		conf.sftp = REMOTE_SFTP_ALWAYS;
		again.conf = &conf;
		if (remote_open(&sftp, side, &again, NULL) == 0) {
			log_warn("%s; falling back to SFTP", why.text);
			remote_close(f);
			*ret = sftp;
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

void remote_add_connections(struct remote *f)
{
	if (f->sftp)
		remote_sftp_add_workers(f);
	if (!*f->place.host || !*f->join)
		return;
	for (size_t i = f->n_connections, n = remote_connections(f); i < n; i++)
		remote_connection_open_more(f, i);
}

bool remote_is_sftp_only(const struct remote *f)
{
	return f->sftp != NULL;
}

bool remote_is_local(const struct remote *f)
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
	/* the first one last: when it ends, vrs-image ends, and with it the others */
	for (size_t i = f->n_connections; i-- > 0;)
		remote_connection_close(&f->connection[i]);
	remote_local_close(f);
	remote_sftp_close(f);
	(void)vrs_fail(&why, VRS_ECANCELLED, "connection closed");
	remote_fail(f, &why); /* requests that are still queued */
	free_host(f);
	(void)pthread_mutex_destroy(&f->lock);
	(void)pthread_cond_destroy(&f->changed);
	free(f);
}

/* With the lock held: wakes one worker or connection that is idle. */
static void wake_one(struct remote *f)
{
	if (f->has_workers) {
		(void)pthread_cond_signal(&f->changed);
		return;
	}
	for (size_t i = 0; i < f->n_connections; i++)
		if (f->connection[i].ready && f->connection[i].idle) {
			f->connection[i].idle = false;
			channel_wake(f->connection[i].channel);
			return;
		}
}

/* Requests that open or close images use the first connection: a qemu-nbd ends with the
 * thread of vrs-image that started it, and the first one ends last. */
static bool is_for_the_first(uint8_t type)
{
	return type == WIRE_SOURCE || type == WIRE_TARGET || type == WIRE_REOPEN ||
	       type == WIRE_SEAL || type == WIRE_GROUP || type == WIRE_DISCARD ||
	       type == WIRE_CLOSE;
}

int remote_send(struct remote *f, const struct remote_request *request,
		struct vrs_err *err)
{
	struct remote_request *r = vrs_calloc(1, sizeof(*r));
	int status = 0;

	*r = *request;
	(void)pthread_mutex_lock(&f->lock);
	if (f->failed.code) {
		if (err)
			*err = f->failed;
		status = f->failed.code;
	} else {
		r->head.seq = ++f->seq;
		if (f->n_connections > 0 && is_for_the_first(r->head.type)) {
			remote_queue_add(&f->connection[0].own, r);
			channel_wake(f->connection[0].channel);
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
	struct remote_reply reply;
	struct vrs_err err;
};

static void on_reply(void *arg, const struct wire_head *reply, uint8_t *payload,
		     const struct vrs_err *err)
{
	struct waiter *w = arg;

	(void)pthread_mutex_lock(&w->lock);
	w->done = true;
	w->ok = reply != NULL;
	if (reply)
		w->reply = (struct remote_reply){*reply, payload};
	else
		w->err = *err;
	(void)pthread_cond_signal(&w->answered);
	(void)pthread_mutex_unlock(&w->lock);
}

int remote_call_bytes(struct remote *f, const struct wire_head *head,
		      const uint8_t *payload, struct remote_reply *ret,
		      struct vrs_err *err)
{
	struct waiter w = {.lock = PTHREAD_MUTEX_INITIALIZER,
			   .answered = PTHREAD_COND_INITIALIZER};
	struct remote_request r = {.head = *head, .done = on_reply, .arg = &w};

	if (head->len > 0)
		r.payload = memcpy(vrs_calloc(1, head->len), payload, head->len);
	int status = remote_send(f, &r, err);
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
	if (ret)
		*ret = w.reply;
	else
		free(w.reply.payload);
	return 0;
}

int remote_call(struct remote *f, const struct wire_head *head, const char *const *texts,
		struct remote_reply *ret, struct vrs_err *err)
{
	struct wire_head h = *head;
	struct wire_texts t = {.len = 0};
	int status = 0;

	for (; texts && *texts && status == 0; texts++)
		status = wire_put_text(&t, *texts, err);
	h.len = (uint32_t)t.len;
	return status < 0 ? status : remote_call_bytes(f, &h, t.bytes, ret, err);
}
