#include <stdlib.h>
#include <unistd.h>

#include "image/serve_parts.h"
#include "vrs/mem.h"

struct job {
	struct outlet *outlet;
	struct wire_head head;
};

struct pool {
	struct answerer *answerer;
	pthread_mutex_t lock;
	pthread_cond_t more;
	struct job job[MAX_JOBS]; /* a ring */
	size_t first, n;
	bool stop;
	pthread_t thread[MAX_WORKERS];
	size_t n_threads;
};

static void *work(void *arg)
{
	struct pool *p = arg;
	uint8_t *out = vrs_calloc(1, ANSWER_BYTES);

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
		(void)outlet_serve(j.outlet, p->answerer, &j.head, NULL, out);
	}
	free(out);
	return NULL;
}

struct pool *pool_open(struct answerer *a)
{
	struct pool *p = vrs_calloc(1, sizeof(*p));
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	p->answerer = a;
	(void)pthread_mutex_init(&p->lock, NULL);
	(void)pthread_cond_init(&p->more, NULL);
	if (n < 2) /* one may wait for the disk while another computes */
		n = 2;
	if (n > MAX_WORKERS)
		n = MAX_WORKERS;
	while (p->n_threads < (size_t)n &&
	       pthread_create(&p->thread[p->n_threads], NULL, work, p) == 0)
		p->n_threads++;
	return p;
}

bool pool_add(struct pool *p, struct outlet *o, const struct wire_head *head)
{
	(void)pthread_mutex_lock(&p->lock);
	bool room = p->n < MAX_JOBS && p->n_threads > 0;
	if (room) {
		p->job[(p->first + p->n) % MAX_JOBS] = (struct job){o, *head};
		p->n++;
		(void)pthread_cond_signal(&p->more);
	}
	(void)pthread_mutex_unlock(&p->lock);
	return room;
}

void pool_close(struct pool *p)
{
	(void)pthread_mutex_lock(&p->lock);
	p->stop = true;
	(void)pthread_cond_broadcast(&p->more);
	(void)pthread_mutex_unlock(&p->lock);
	for (size_t i = 0; i < p->n_threads; i++)
		(void)pthread_join(p->thread[i], NULL);
	(void)pthread_mutex_destroy(&p->lock);
	(void)pthread_cond_destroy(&p->more);
	free(p);
}
