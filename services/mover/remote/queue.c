/* Queues of requests, and how a lost remote fails the requests in them. */
#include <stdlib.h>
#include <string.h>

#include "remote/parts.h"
#include "vrs/mem.h"

void remote_queue_add(struct remote_queue *q, struct remote_request *r)
{
	r->next = NULL;
	if (!q->first)
		q->last = &q->first;
	*q->last = r;
	q->last = &r->next;
}

struct remote_request *remote_queue_take(struct remote_queue *q)
{
	struct remote_request *r = q->first;

	if (r)
		q->first = r->next;
	return r;
}

void remote_request_free(struct remote_request *r)
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

void remote_fail_all(struct remote_queue *q, const struct vrs_err *why)
{
	for (struct remote_request *r = q->first; r;) {
		struct remote_request *next = r->next;

		r->done(r->arg, NULL, NULL, why);
		remote_request_free(r);
		r = next;
	}
	q->first = NULL;
}

struct remote_request *remote_next_request(struct remote *f)
{
	(void)pthread_mutex_lock(&f->lock);
	while (!f->stop && !f->failed.code && !f->waiting.first)
		(void)pthread_cond_wait(&f->changed, &f->lock);
	struct remote_request *r =
		f->stop || f->failed.code ? NULL : remote_queue_take(&f->waiting);
	(void)pthread_mutex_unlock(&f->lock);
	return r;
}

void remote_fail(struct remote *f, const struct vrs_err *why)
{
	(void)pthread_mutex_lock(&f->lock);
	if (!f->failed.code) {
		f->failed = *why;
		remote_name_error(f, &f->failed);
	}
	struct vrs_err failed = f->failed;
	struct remote_queue left = f->waiting;
	f->waiting.first = NULL;
	(void)pthread_cond_broadcast(&f->changed);
	(void)pthread_mutex_unlock(&f->lock);
	remote_fail_all(&left, &failed);
}
