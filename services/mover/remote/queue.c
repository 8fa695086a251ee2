/* Requests that wait, and how a lost remote side fails them. */
#include <stdlib.h>
#include <string.h>

#include "remote/parts.h"
#include "vrs/mem.h"

void remote_queue_add(struct queue *q, struct request *r)
{
	r->next = NULL;
	if (!q->first)
		q->last = &q->first;
	*q->last = r;
	q->last = &r->next;
}

struct request *remote_queue_take(struct queue *q)
{
	struct request *r = q->first;

	if (r)
		q->first = r->next;
	return r;
}

void remote_request_free(struct request *r)
{
	if (r) {
		free(r->payload);
		free(r);
	}
}

void remote_name_error(const struct remote *f, struct vrs_err *err)
{
	if (strncmp(err->text, f->name, strlen(f->name)) != 0)
		(void)vrs_context(err, "%s", f->name);
}

void remote_fail_all(struct queue *q, const struct vrs_err *why)
{
	for (struct request *r = q->first; r;) {
		struct request *next = r->next;

		r->done(r->arg, NULL, NULL, why);
		remote_request_free(r);
		r = next;
	}
	q->first = NULL;
}

struct request *remote_next(struct remote *f)
{
	(void)pthread_mutex_lock(&f->lock);
	while (!f->stop && !f->dead.code && !f->waiting.first)
		(void)pthread_cond_wait(&f->changed, &f->lock);
	struct request *r =
		f->stop || f->dead.code ? NULL : remote_queue_take(&f->waiting);
	(void)pthread_mutex_unlock(&f->lock);
	return r;
}

void remote_die(struct remote *f, const struct vrs_err *why)
{
	(void)pthread_mutex_lock(&f->lock);
	if (!f->dead.code) {
		f->dead = *why;
		remote_name_error(f, &f->dead);
	}
	struct vrs_err dead = f->dead;
	struct queue left = f->waiting;
	f->waiting.first = NULL;
	(void)pthread_cond_broadcast(&f->changed);
	(void)pthread_mutex_unlock(&f->lock);
	remote_fail_all(&left, &dead);
}
