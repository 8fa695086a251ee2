/* loop_thread.h - a loop that runs on a thread of its own while the test asks it
 * something.
 *
 * Between start and stop all that its callbacks touch belongs to that thread; before and
 * after, to the test. The thread sanitizer holds us to that. */
#ifndef TESTS_LOOP_THREAD_H
#define TESTS_LOOP_THREAD_H

#include <pthread.h>

#include "check.h"
#include "vrs/loop.h"

struct loop_thread {
	struct vrs_loop *loop;
	pthread_t thread;
};

static inline void *loop_thread_run(void *loop)
{
	(void)vrs_loop_run(loop, NULL);
	return NULL;
}

static inline void loop_thread_start(struct loop_thread *t, struct vrs_loop *loop)
{
	t->loop = loop;
	assert_int_equal(pthread_create(&t->thread, NULL, loop_thread_run, loop), 0);
}

static inline void loop_thread_stop(struct loop_thread *t)
{
	vrs_loop_stop(t->loop);
	assert_int_equal(pthread_join(t->thread, NULL), 0);
}

#endif
