/* throttle.h - how much may be on its way at a time, and what became of it.
 *
 * The one that starts requests waits here for room; those that finish them give it back
 * from other threads. The first failure stops everything. */
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
	uint64_t room_bytes, used_bytes;
	struct vrs_err failed;

	/* asked a few times a second by the one that waits: says how far it is, and
	 * VRS_ECANCELLED (err filled) to stop */
	int (*tick)(void *arg, struct vrs_err *err);
	void *arg;
	int64_t ticked_mono_ms;

	/* bytes a second; 0: no limit; may be changed at any time */
	const _Atomic uint64_t *rate;
	double owed_bytes; /* sent ahead of the rate */
	int64_t rate_mono_ms;
};

void throttle_init(struct throttle *f, uint64_t room_bytes,
		   int (*tick)(void *arg, struct vrs_err *err), void *arg,
		   const _Atomic uint64_t *rate);
void throttle_fini(struct throttle *f);

/* Waits for room (something larger than all room goes alone) and, when n_paid is not 0,
 * until the rate allows that many bytes. */
int throttle_enter(struct throttle *f, uint64_t n, uint64_t n_paid, struct vrs_err *err);
/* Something more is on its way, room or not; counts for throttle_drain. From any thread.
 */
void throttle_hold(struct throttle *f, uint64_t n);
void throttle_leave(struct throttle *f, uint64_t n);
/* So much of what was paid did not travel after all. */
void throttle_refund(struct throttle *f, uint64_t n);
void throttle_fail(struct throttle *f, const struct vrs_err *err);

/* Waits until condition(arg), called with the lock held, or a failure. */
int throttle_wait(struct throttle *f, bool (*condition)(void *arg), void *arg,
		  struct vrs_err *err);
/* Until nothing is on its way, also after a failure: then nobody refers to us. */
int throttle_drain(struct throttle *f, struct vrs_err *err);

#endif
