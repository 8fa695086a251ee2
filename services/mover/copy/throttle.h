/* throttle.h - the in-flight window of a copy, its rate limit, and its first failure.
 *
 * The thread that starts requests waits here until they fit into the window; when they
 * finish, on other threads, their bytes leave it. The first failure stops the copy. */
#ifndef MOVER_COPY_THROTTLE_H
#define MOVER_COPY_THROTTLE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "vrs/err.h"

struct throttle {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	uint64_t window_bytes, used_bytes;
	struct vrs_err failed;

	/* called a few times a second by the thread that waits; a failure stops the copy
	 */
	int (*tick)(void *arg, struct vrs_err *err);
	void *arg;
	int64_t ticked_mono_ms;

	/* bytes a second; 0: no limit; may change at any time */
	const _Atomic uint64_t *rate;
	double ahead_bytes; /* sent ahead of the rate */
	int64_t rate_mono_ms;
};

void throttle_init(struct throttle *f, uint64_t window_bytes,
		   int (*tick)(void *arg, struct vrs_err *err), void *arg,
		   const _Atomic uint64_t *rate);
void throttle_fini(struct throttle *f);

/* Waits until n bytes fit into the window (more than the window: until it is empty) and,
 * if n_limited is not 0, until the rate allows that many bytes. */
int throttle_enter(struct throttle *f, uint64_t n, uint64_t n_limited,
		   struct vrs_err *err);
/* Adds n bytes without waiting; throttle_drain counts them. From any thread. */
void throttle_hold(struct throttle *f, uint64_t n);
void throttle_leave(struct throttle *f, uint64_t n);
/* n bytes of n_limited were not sent after all. */
void throttle_refund(struct throttle *f, uint64_t n);
void throttle_fail(struct throttle *f, const struct vrs_err *err);

/* Waits until condition(arg), called with the lock held, or a failure. */
int throttle_wait(struct throttle *f, bool (*condition)(void *arg), void *arg,
		  struct vrs_err *err);
/* Waits until nothing is in flight, also after a failure. */
int throttle_drain(struct throttle *f, struct vrs_err *err);

#endif
