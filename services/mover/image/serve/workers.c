#include <stdlib.h>
#include <unistd.h>

#include "image/base/buffers.h"
#include "image/serve/serve_parts.h"
#include "vrs/mem.h"

struct job {
	struct reply_writer *writer;
	struct wire_head head;
	uint8_t *room; /* where the payload lies; NULL: it has none */
	const uint8_t *payload;
};

struct workers {
	struct requests *requests;
	pthread_mutex_t lock;
	pthread_cond_t more;
	struct job job[MAX_JOBS]; /* a ring */
	size_t first, n, max;
	bool stop;
	pthread_t thread[MAX_WORKERS];
	size_t n_threads;
};

static void *work(void *arg)
{
	struct workers *p = arg;
	uint8_t *out = vrs_calloc(1, REPLY_BYTES);

	for (;;) {
		(void)pthread_mutex_lock(&p->lock);
		while (p->n == 0 && !p->stop)
			(void)pthread_cond_wait(&p->more, &p->lock);
		if (p->stop) {
			(void)pthread_mutex_unlock(&p->lock);
			break;
		}
		struct job j = p->job[p->first];
		p->first = (p->first + 1) % MAX_JOBS;
		p->n--;
		(void)pthread_mutex_unlock(&p->lock);
		(void)reply_writer_serve(j.writer, p->requests, &j.head, j.payload, out);
		buffer_put(j.room);
	}
	free(out);
	return NULL;
}

struct workers *workers_open(struct requests *a, size_t max_jobs)
{
	struct workers *p = vrs_calloc(1, sizeof(*p));
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	p->requests = a;
	p->max = max_jobs;
	(void)pthread_mutex_init(&p->lock, NULL);
	(void)pthread_cond_init(&p->more, NULL);
	if (n < 4) /* some may wait for the disk while others compute */
		n = 4;
	if (n > MAX_WORKERS)
		n = MAX_WORKERS;
	while (p->n_threads < (size_t)n &&
	       pthread_create(&p->thread[p->n_threads], NULL, work, p) == 0)
		p->n_threads++;
	return p;
}

bool workers_add(struct workers *p, struct reply_writer *o, const struct wire_head *head,
		 uint8_t **room, const uint8_t *payload)
{
	uint8_t *next = NULL;

	(void)pthread_mutex_lock(&p->lock);
	bool fits = p->n < p->max && p->n_threads > 0 &&
		    (!room || (next = buffer_take()) != NULL);
	if (fits) {
		p->job[(p->first + p->n) % MAX_JOBS] =
			(struct job){o, *head, room ? *room : NULL, payload};
		p->n++;
		if (room)
			*room = next;
		(void)pthread_cond_signal(&p->more);
	}
	(void)pthread_mutex_unlock(&p->lock);
	return fits;
}

void workers_close(struct workers *p)
{
	(void)pthread_mutex_lock(&p->lock);
	p->stop = true;
	(void)pthread_cond_broadcast(&p->more);
	(void)pthread_mutex_unlock(&p->lock);
	for (size_t i = 0; i < p->n_threads; i++)
		(void)pthread_join(p->thread[i], NULL);
	for (; p->n > 0; p->n--, p->first = (p->first + 1) % MAX_JOBS)
		buffer_put(p->job[p->first].room);
	(void)pthread_mutex_destroy(&p->lock);
	(void)pthread_cond_destroy(&p->more);
	free(p);
}
