/* A host that offers only SFTP: this process does the work of vrs-image.
 *
 * The files, the map and the order in which they become durable are the same. Not
 * available: locks (the token is read again with every mark), holes of a source, clones
 * of a base. Each worker has its own SFTP session and serves one request at a time. */
#include "remote/sftp.h"

#include <stdlib.h>
#include <string.h>

#include "remote/limits.h"
#include "remote/parts.h"
#include "remote/sftp_parts.h"
#include "vrs/log.h"
#include "vrs/mem.h"

static void close_files(struct sftp_worker *w)
{
	for (size_t i = 0; i < WIRE_MAX_SLOTS; i++) {
		sftp_side_file_close(w->open[i].image);
		sftp_side_file_close(w->open[i].map);
		w->open[i].image = w->open[i].map = NULL;
	}
}

static bool changes_slots(uint8_t type)
{
	switch (type) {
	case WIRE_SOURCE:
	case WIRE_TARGET:
	case WIRE_REOPEN:
	case WIRE_SEAL:
	case WIRE_DISCARD:
	case WIRE_CLOSE:
	case WIRE_REMOVE:
		return true;
	default:
		return false;
	}
}

static void serve_one(struct sftp_worker *w, struct remote_request *r)
{
	struct sftp_remote *s = w->shared;
	struct wire_head reply = {.type = WIRE_OK};
	struct vrs_err why = {0};
	struct image_request image_request = {
		.head = &r->head,
		.payload = r->payload,
		.reply = &reply,
		.out = vrs_realloc(NULL, 1, REPLY_BYTES),
	};

	if (r->begun)
		r->begun(r->arg);
	if (changes_slots(r->head.type))
		(void)pthread_rwlock_wrlock(&s->lock);
	else
		(void)pthread_rwlock_rdlock(&s->lock);
	int status = sftp_requests_run(w, &image_request, &why);
	(void)pthread_rwlock_unlock(&s->lock);
	if (status == VRS_ECONN)
		remote_fail(s->remote, &why);
	if (status < 0) {
		remote_name_error(s->remote, &why);
		r->done(r->arg, NULL, NULL, &why);
		free(image_request.out);
	} else {
		if (reply.len == 0) {
			free(image_request.out);
			image_request.out = NULL;
		}
		r->done(r->arg, &reply, image_request.out, &why);
	}
	remote_request_free(r);
}

static void *work(void *arg)
{
	struct sftp_worker *w = arg;
	struct remote *f = w->shared->remote;
	struct vrs_err err = {0};
	struct remote_request *r;

	if (!w->side && sftp_side_open(&w->side, &f->conf, &f->place, &err) < 0) {
		log_warn("copying with one connection fewer: %s: %s", f->name, err.text);
		return NULL;
	}
	while ((r = remote_next_request(f)) != NULL)
		serve_one(w, r);
	close_files(w);
	return NULL;
}

static void start(struct sftp_remote *s, size_t i)
{
	struct sftp_worker *w = &s->worker[i];

	w->shared = s;
	w->started = pthread_create(&w->thread, NULL, work, w) == 0;
	s->n_workers = i + 1;
}

int remote_sftp_open(struct remote *f, struct vrs_err *err)
{
	struct sftp_remote *s = vrs_calloc(1, sizeof(*s));
	int status = sftp_side_open(&s->worker[0].side, &f->conf, &f->place, err);

	if (status < 0) {
		free(s);
		return status;
	}
	s->remote = f;
	(void)pthread_rwlock_init(&s->lock, NULL);
	(void)pthread_mutex_init(&s->map_lock, NULL);
	f->sftp = s;
	(void)pthread_mutex_lock(&f->lock);
	f->has_workers = true;
	(void)pthread_mutex_unlock(&f->lock);
	start(s, 0);
	return 0;
}

void remote_sftp_add_workers(struct remote *f)
{
	for (size_t i = f->sftp->n_workers, n = remote_connections(f); i < n; i++)
		start(f->sftp, i);
}

void remote_sftp_close(struct remote *f)
{
	struct sftp_remote *s = f->sftp;

	if (!s)
		return;
	for (size_t i = 0; i < s->n_workers; i++)
		if (s->worker[i].started)
			(void)pthread_join(s->worker[i].thread, NULL);
	for (size_t i = 0; i < s->n_workers; i++)
		sftp_side_close(s->worker[i].side);
	for (size_t i = 0; i < WIRE_MAX_SLOTS; i++)
		sftp_slot_clear(&s->slot[i]);
	(void)pthread_rwlock_destroy(&s->lock);
	(void)pthread_mutex_destroy(&s->map_lock);
	free(s);
	f->sftp = NULL;
}
