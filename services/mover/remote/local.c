/* A far side that is here: the code of vrs-image in threads of ours. */
#include <stdlib.h>
#include <string.h>

#include "remote/parts.h"
#include "vrs/mem.h"

enum { SMALL_BYTES = 1 << 14 };

/* The answer goes out in the room that it was made in, when it fills it. */
static uint8_t *hand_over(uint8_t **room, uint32_t len)
{
	uint8_t *payload;

	if (len == 0)
		return NULL;
	if (len > SMALL_BYTES) {
		payload = *room;
		*room = NULL;
		return payload;
	}
	payload = vrs_realloc(NULL, 1, len);
	memcpy(payload, *room, len);
	return payload;
}

static void serve_one(struct remote *f, struct request *r, uint8_t **room)
{
	struct wire_head reply = {0};
	struct vrs_err why = {0};

	if (!*room)
		*room = vrs_realloc(NULL, 1, REPLY_BYTES);
	if (r->begun)
		r->begun(r->arg);
	struct image_request image_request = {
		.head = &r->head,
		.payload = r->payload ? r->payload : *room,
		.reply = &reply,
		.out = *room,
	};
	int status = requests_run(f->answerer, &image_request, &why);
	reply.type = WIRE_OK;
	if (status < 0) {
		(void)vrs_context(&why, "%s", f->name);
		r->done(r->arg, NULL, NULL, &why);
	} else {
		r->done(r->arg, &reply, hand_over(room, reply.len), &why);
	}
	(void)pthread_mutex_lock(&f->lock);
	f->bytes_out += r->head.len;
	f->bytes_in += reply.len;
	(void)pthread_mutex_unlock(&f->lock);
	remote_request_free(r);
}

/* Images are closed while all of us are still here: a qemu-nbd ends with the thread that
 * started it. */
static void end_together(struct remote *f)
{
	(void)pthread_mutex_lock(&f->lock);
	f->n_ended++;
	(void)pthread_cond_broadcast(&f->changed);
	while (f->n_ended < f->n_workers)
		(void)pthread_cond_wait(&f->changed, &f->lock);
	bool mine = f->answerer != NULL;
	struct requests *a = f->answerer;
	f->answerer = NULL;
	(void)pthread_mutex_unlock(&f->lock);
	if (mine)
		requests_close(a);
	(void)pthread_mutex_lock(&f->lock);
	f->closed = f->closed || mine;
	(void)pthread_cond_broadcast(&f->changed);
	while (!f->closed)
		(void)pthread_cond_wait(&f->changed, &f->lock);
	(void)pthread_mutex_unlock(&f->lock);
}

static void *work(void *arg)
{
	struct remote *f = arg;
	uint8_t *room = NULL;
	struct request *r;

	while ((r = remote_next(f)) != NULL)
		serve_one(f, r, &room);
	free(room);
	end_together(f);
	return NULL;
}

int remote_local_open(struct remote *f, struct vrs_err *err)
{
	for (size_t i = 0; i < f->n_roots; i++) {
		int status = sandbox_add(&f->beneath, f->roots[i], err);

		if (status < 0)
			return status;
	}
	f->answerer = requests_open(&f->beneath, "");
	(void)pthread_mutex_lock(&f->lock);
	f->pulled = true;
	while (f->n_workers < REMOTE_WORKERS &&
	       pthread_create(&f->worker[f->n_workers], NULL, work, f) == 0)
		f->n_workers++;
	(void)pthread_mutex_unlock(&f->lock);
	return f->n_workers > 0 ? 0 : vrs_fail(err, VRS_EIO, "cannot start a thread");
}

void remote_local_close(struct remote *f)
{
	for (size_t i = 0; i < f->n_workers; i++)
		(void)pthread_join(f->worker[i], NULL);
	if (f->answerer)
		requests_close(f->answerer);
	sandbox_fini(&f->beneath);
}
