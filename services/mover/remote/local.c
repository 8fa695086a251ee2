/* A local remote: the code of vrs-image in threads of this process. */
#include <stdlib.h>
#include <string.h>

#include "remote/parts.h"
#include "vrs/mem.h"

enum { SMALL_BYTES = 1 << 14 };

/* A large reply keeps the buffer that it was made in; a small one is copied. */
static uint8_t *take_payload(uint8_t **buffer, uint32_t len)
{
	uint8_t *payload;

	if (len == 0)
		return NULL;
	if (len > SMALL_BYTES) {
		payload = *buffer;
		*buffer = NULL;
		return payload;
	}
	payload = vrs_realloc(NULL, 1, len);
	memcpy(payload, *buffer, len);
	return payload;
}

static void serve_one(struct remote *f, struct remote_request *r, uint8_t **buffer)
{
	struct wire_head reply = {0};
	struct vrs_err why = {0};

	if (!*buffer)
		*buffer = vrs_realloc(NULL, 1, REPLY_BYTES);
	if (r->begun)
		r->begun(r->arg);
	struct image_request image_request = {
		.head = &r->head,
		.payload = r->payload ? r->payload : *buffer,
		.reply = &reply,
		.out = *buffer,
	};
	int status = requests_run(f->requests, &image_request, &why);
	reply.type = WIRE_OK;
	if (status < 0) {
		(void)vrs_context(&why, "%s", f->name);
		r->done(r->arg, NULL, NULL, &why);
	} else {
		r->done(r->arg, &reply, take_payload(buffer, reply.len), &why);
	}
	remote_request_free(r);
}

/* Images are closed while all workers are alive: a qemu-nbd ends with the thread that
 * started it. */
static void end_together(struct remote *f)
{
	(void)pthread_mutex_lock(&f->lock);
	f->n_ended++;
	(void)pthread_cond_broadcast(&f->changed);
	while (f->n_ended < f->n_workers)
		(void)pthread_cond_wait(&f->changed, &f->lock);
	struct requests *a = f->requests;
	f->requests = NULL;
	(void)pthread_mutex_unlock(&f->lock);
	if (a)
		requests_close(a);
	(void)pthread_mutex_lock(&f->lock);
	f->closed = f->closed || a;
	(void)pthread_cond_broadcast(&f->changed);
	while (!f->closed)
		(void)pthread_cond_wait(&f->changed, &f->lock);
	(void)pthread_mutex_unlock(&f->lock);
}

static void *work(void *arg)
{
	struct remote *f = arg;
	uint8_t *buffer = NULL;
	struct remote_request *r;

	while ((r = remote_next_request(f)) != NULL)
		serve_one(f, r, &buffer);
	free(buffer);
	end_together(f);
	return NULL;
}

int remote_local_open(struct remote *f, struct vrs_err *err)
{
	for (size_t i = 0; i < f->host.n_roots; i++) {
		int status = sandbox_add(&f->sandbox, f->host.roots[i], err);

		if (status < 0)
			return status;
	}
	f->requests = requests_open(&f->sandbox, "");
	(void)pthread_mutex_lock(&f->lock);
	f->has_workers = true;
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
	if (f->requests)
		requests_close(f->requests);
	sandbox_fini(&f->sandbox);
}
