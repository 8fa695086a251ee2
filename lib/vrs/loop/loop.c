#include "vrs/loop.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "vrs/clock.h"
#include "vrs/mem.h"

struct watch {
	int fd; /* 1: removed, freed after this round of poll */
	void (*fn)(void *arg);
	void *arg;
};

struct vrs_timer {
	struct vrs_loop *loop;
	struct vrs_timer *next;
	int64_t due_mono_ms, interval_ms; /* interval 0: once */
	void (*fn)(void *arg);
	void *arg;
	bool dead; /* freed after this round of poll */
};

struct posted {
	struct posted *next;
	void (*fn)(void *arg);
	void *arg;
};

struct vrs_loop {
	struct watch *watch;
	size_t n_watches, cap_watches;
	struct vrs_timer *timers;
	int64_t delay_ms; /* delay of the newest timer */
	int wake_fd;
	pthread_mutex_t lock; /* posted, stop */
	struct posted *posted, **posted_end;
	bool stop;
};

int vrs_loop_open(struct vrs_loop **ret, struct vrs_err *err)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	if (fd < 0)
		return vrs_fail_errno(err, "loop: cannot create an eventfd");
	struct vrs_loop *loop = vrs_calloc(1, sizeof(*loop));
	loop->wake_fd = fd;
	loop->posted_end = &loop->posted;
	(void)pthread_mutex_init(&loop->lock, NULL);
	*ret = loop;
	return 0;
}

static void sweep(struct vrs_loop *loop)
{
	size_t kept = 0;

	for (size_t i = 0; i < loop->n_watches; i++)
		if (loop->watch[i].fd >= 0)
			loop->watch[kept++] = loop->watch[i];
	loop->n_watches = kept;

	for (struct vrs_timer **p = &loop->timers; *p;) {
		struct vrs_timer *t = *p;

		if (t->dead) {
			*p = t->next;
			free(t);
		} else {
			p = &t->next;
		}
	}
}

void vrs_loop_close(struct vrs_loop *loop)
{
	if (!loop)
		return;
	while (loop->posted) {
		struct posted *next = loop->posted->next;

		free(loop->posted);
		loop->posted = next;
	}
	for (struct vrs_timer *t = loop->timers; t; t = t->next)
		t->dead = true;
	sweep(loop);
	(void)close(loop->wake_fd);
	(void)pthread_mutex_destroy(&loop->lock);
	free(loop->watch);
	free(loop);
}

int vrs_loop_watch(struct vrs_loop *loop, int fd, void (*fn)(void *arg), void *arg,
		   struct vrs_err *err)
{
	if (fd < 0)
		return vrs_fail(err, VRS_EINVAL, "loop: cannot watch descriptor %d", fd);
	loop->watch = vrs_grow(loop->watch, loop->n_watches, &loop->cap_watches,
			       sizeof(*loop->watch));
	loop->watch[loop->n_watches++] = (struct watch){fd, fn, arg};
	return 0;
}

void vrs_loop_forget(struct vrs_loop *loop, int fd)
{
	for (size_t i = 0; i < loop->n_watches; i++)
		if (loop->watch[i].fd == fd)
			loop->watch[i].fd = -1;
}

static struct vrs_timer *timer_new(struct vrs_loop *loop, int64_t delay_ms,
				   int64_t interval_ms, void (*fn)(void *arg), void *arg)
{
	struct vrs_timer *t = vrs_calloc(1, sizeof(*t));

	*t = (struct vrs_timer){
		.loop = loop,
		.next = loop->timers,
		.due_mono_ms = vrs_now_mono_ms() + delay_ms,
		.interval_ms = interval_ms,
		.fn = fn,
		.arg = arg,
	};
	loop->timers = t;
	return t;
}

struct vrs_timer *vrs_loop_every(struct vrs_loop *loop, int64_t interval_ms,
				 void (*fn)(void *arg), void *arg)
{
	if (interval_ms < 1)
		interval_ms = 1;
	return timer_new(loop, interval_ms, interval_ms, fn, arg);
}

struct vrs_timer *vrs_loop_after(struct vrs_loop *loop, int64_t delay_ms,
				 void (*fn)(void *arg), void *arg)
{
	return timer_new(loop, delay_ms < 0 ? 0 : delay_ms, 0, fn, arg);
}

void vrs_timer_cancel(struct vrs_timer *timer)
{
	if (timer)
		timer->dead = true;
}

void vrs_timer_interval(struct vrs_timer *timer, int64_t interval_ms)
{
	timer->interval_ms = interval_ms < 1 ? 1 : interval_ms;
	timer->due_mono_ms = vrs_now_mono_ms() + timer->interval_ms;
}

static void wake(struct vrs_loop *loop)
{
	uint64_t one = 1;

	if (write(loop->wake_fd, &one, sizeof(one)) < 0) {
		/* the counter is full: the loop is woken already */
	}
}

void vrs_loop_post(struct vrs_loop *loop, void (*fn)(void *arg), void *arg)
{
	struct posted *p = vrs_calloc(1, sizeof(*p));

	p->fn = fn;
	p->arg = arg;
	(void)pthread_mutex_lock(&loop->lock);
	*loop->posted_end = p;
	loop->posted_end = &p->next;
	(void)pthread_mutex_unlock(&loop->lock);
	wake(loop);
}

void vrs_loop_stop(struct vrs_loop *loop)
{
	(void)pthread_mutex_lock(&loop->lock);
	loop->stop = true;
	(void)pthread_mutex_unlock(&loop->lock);
	wake(loop);
}

static void run_posted(struct vrs_loop *loop)
{
	(void)pthread_mutex_lock(&loop->lock);
	struct posted *list = loop->posted;
	loop->posted = NULL;
	loop->posted_end = &loop->posted;
	(void)pthread_mutex_unlock(&loop->lock);

	while (list) {
		struct posted *p = list;

		list = p->next;
		p->fn(p->arg);
		free(p);
	}
}

static int until_next_timer(const struct vrs_loop *loop)
{
	int64_t now = vrs_now_mono_ms(), wait = 60000;

	for (const struct vrs_timer *t = loop->timers; t; t = t->next)
		if (!t->dead && t->due_mono_ms - now < wait)
			wait = t->due_mono_ms - now;
	return wait < 0 ? 0 : (int)wait;
}

static void run_timers(struct vrs_loop *loop)
{
	int64_t now = vrs_now_mono_ms();

	for (struct vrs_timer *t = loop->timers; t; t = t->next) {
		if (t->dead || t->due_mono_ms > now)
			continue;
		loop->delay_ms = now - t->due_mono_ms;
		if (t->interval_ms == 0)
			t->dead = true;
		else
			t->due_mono_ms = now + t->interval_ms;
		t->fn(t->arg);
	}
}

int64_t vrs_loop_delay_ms(const struct vrs_loop *loop)
{
	return loop->delay_ms;
}

int vrs_loop_run(struct vrs_loop *loop, struct vrs_err *err)
{
	struct pollfd *fds = NULL;
	int status = 0;

	for (;;) {
		(void)pthread_mutex_lock(&loop->lock);
		bool stop = loop->stop;
		loop->stop = false;
		(void)pthread_mutex_unlock(&loop->lock);
		if (stop)
			break;

		sweep(loop);
		size_t n = loop->n_watches;
		fds = vrs_realloc(fds, n + 1, sizeof(*fds));
		fds[0] = (struct pollfd){.fd = loop->wake_fd, .events = POLLIN};
		for (size_t i = 0; i < n; i++)
			fds[i + 1] = (struct pollfd){.fd = loop->watch[i].fd,
						     .events = POLLIN};

		if (poll(fds, n + 1, until_next_timer(loop)) < 0 && errno != EINTR) {
			status = vrs_fail_errno(err, "loop: cannot poll");
			break;
		}
		if (fds[0].revents) {
			uint64_t count;

			if (read(loop->wake_fd, &count, sizeof(count)) < 0) {
				/* nothing to undo */
			}
		}
		run_posted(loop);
		for (size_t i = 0; i < n; i++)
			if (fds[i + 1].revents && loop->watch[i].fd == fds[i + 1].fd)
				loop->watch[i].fn(loop->watch[i].arg);
		run_timers(loop);
	}
	free(fds);
	return status;
}
