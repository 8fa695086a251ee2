/* vrs_workers (loop.h): runs long work on threads and returns results on the loop. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "vrs/loop.h"
#include "vrs/mem.h"

struct job {
	struct job *next;
	char *lane;
	void (*work)(void *arg);
	void (*done)(void *arg);
	void *arg;
};

struct vrs_workers {
	struct vrs_loop *loop;
	pthread_mutex_t lock;
	pthread_cond_t change;
	struct job *queue, **queue_end;
	const char **busy; /* lane that each thread works on, or NULL */
	pthread_t *thread;
	int n_threads, max_threads, idle, n_queued;
	bool closing;
};

struct start {
	struct vrs_workers *w;
	int slot;
};

static bool lane_is_busy(const struct vrs_workers *w, const char *lane)
{
	for (int i = 0; i < w->n_threads; i++)
		if (w->busy[i] && strcmp(w->busy[i], lane) == 0)
			return true;
	return false;
}

/* Removes from the queue the oldest job whose lane is free. */
static struct job *next_job(struct vrs_workers *w)
{
	for (struct job **p = &w->queue; *p; p = &(*p)->next) {
		struct job *j = *p;

		if (lane_is_busy(w, j->lane))
			continue;
		*p = j->next;
		if (w->queue_end == &j->next)
			w->queue_end = p;
		w->n_queued--;
		return j;
	}
	return NULL;
}

static void *run(void *arg)
{
	struct start start = *(struct start *)arg;
	struct vrs_workers *w = start.w;

	free(arg);
	(void)pthread_mutex_lock(&w->lock);
	while (!w->closing) {
		struct job *j = next_job(w);

		if (!j) {
			w->idle++;
			(void)pthread_cond_wait(&w->change, &w->lock);
			w->idle--;
			continue;
		}
		w->busy[start.slot] = j->lane;
		(void)pthread_mutex_unlock(&w->lock);

		j->work(j->arg);
		if (j->done)
			vrs_loop_post(w->loop, j->done, j->arg);

		(void)pthread_mutex_lock(&w->lock);
		w->busy[start.slot] = NULL;
		(void)pthread_cond_broadcast(&w->change);
		free(j->lane);
		free(j);
	}
	(void)pthread_mutex_unlock(&w->lock);
	return NULL;
}

int vrs_workers_open(struct vrs_workers **ret, struct vrs_loop *loop, int max_threads,
		     struct vrs_err *err)
{
	if (max_threads < 1 || max_threads > 256)
		return vrs_fail(err, VRS_EINVAL, "workers: invalid number of threads: %d",
				max_threads);
	struct vrs_workers *w = vrs_calloc(1, sizeof(*w));

	w->loop = loop;
	w->max_threads = max_threads;
	w->queue_end = &w->queue;
	w->busy = vrs_calloc((size_t)max_threads, sizeof(*w->busy));
	w->thread = vrs_calloc((size_t)max_threads, sizeof(*w->thread));
	(void)pthread_mutex_init(&w->lock, NULL);
	(void)pthread_cond_init(&w->change, NULL);
	*ret = w;
	return 0;
}

void vrs_workers_submit(struct vrs_workers *w, const char *lane, void (*work)(void *arg),
			void (*done)(void *arg), void *arg)
{
	struct job *j = vrs_calloc(1, sizeof(*j));

	*j = (struct job){
		.lane = vrs_strdup(lane), .work = work, .done = done, .arg = arg};
	(void)pthread_mutex_lock(&w->lock);
	*w->queue_end = j;
	w->queue_end = &j->next;
	w->n_queued++;
	/* an idle thread may already have been woken for an earlier job */
	if (w->n_queued > w->idle && w->n_threads < w->max_threads) {
		struct start *start = vrs_calloc(1, sizeof(*start));

		*start = (struct start){w, w->n_threads};
		if (pthread_create(&w->thread[w->n_threads], NULL, run, start) == 0)
			w->n_threads++;
		else
			free(start); /* an existing thread will run it later */
	}
	(void)pthread_cond_broadcast(&w->change);
	(void)pthread_mutex_unlock(&w->lock);
}

void vrs_workers_close(struct vrs_workers *w)
{
	if (!w)
		return;
	(void)pthread_mutex_lock(&w->lock);
	w->closing = true;
	(void)pthread_cond_broadcast(&w->change);
	(void)pthread_mutex_unlock(&w->lock);
	for (int i = 0; i < w->n_threads; i++)
		(void)pthread_join(w->thread[i], NULL);
	while (w->queue) {
		struct job *next = w->queue->next;

		free(w->queue->lane);
		free(w->queue);
		w->queue = next;
	}
	(void)pthread_cond_destroy(&w->change);
	(void)pthread_mutex_destroy(&w->lock);
	free(w->busy);
	free(w->thread);
	free(w);
}
