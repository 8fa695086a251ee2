/* loop.h - one thread, one poll, callbacks.
 *
 * Everything a service owns is touched from its loop only, so there is nothing to lock.
 * Other threads hand results over with vrs_loop_post. */
#ifndef VRS_LOOP_H
#define VRS_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "vrs/err.h"

struct vrs_loop;
struct vrs_timer;

int vrs_loop_open(struct vrs_loop **ret, struct vrs_err *err);
void vrs_loop_close(struct vrs_loop *loop);

/* Calls fn whenever fd is readable. The descriptor stays the caller's; vrs_loop_forget
 * before closing it. May be called from callbacks. */
int vrs_loop_watch(struct vrs_loop *loop, int fd, void (*fn)(void *arg), void *arg,
		   struct vrs_err *err);
void vrs_loop_forget(struct vrs_loop *loop, int fd);

/* Calls fn every interval (first call after one interval), or once after delay. A timer
 * that is late runs once, not as often as it missed. Cancel is fine from its callback.
 * A one-shot timer is gone after its call. */
struct vrs_timer *vrs_loop_every(struct vrs_loop *loop, int64_t interval_ms,
				 void (*fn)(void *arg), void *arg);
struct vrs_timer *vrs_loop_after(struct vrs_loop *loop, int64_t delay_ms,
				 void (*fn)(void *arg), void *arg);
void vrs_timer_cancel(struct vrs_timer *timer);
void vrs_timer_interval(struct vrs_timer *timer, int64_t interval_ms);

/* From any thread: fn(arg) runs on the loop soon, in the order of posting. */
void vrs_loop_post(struct vrs_loop *loop, void (*fn)(void *arg), void *arg);

/* Until vrs_loop_stop (from any thread) is called. */
int vrs_loop_run(struct vrs_loop *loop, struct vrs_err *err);
void vrs_loop_stop(struct vrs_loop *loop);
/* How late the newest timer was called. */
int64_t vrs_loop_delay_ms(const struct vrs_loop *loop);

/* Runs work(arg) on one of a few worker threads and then done(arg) on the loop. Jobs of
 * the same lane run one after the other; different lanes do not wait for each other as
 * long as threads are free (one is made per busy lane, at most max_threads). */
struct vrs_workers;
int vrs_workers_open(struct vrs_workers **ret, struct vrs_loop *loop, int max_threads,
		     struct vrs_err *err);
void vrs_workers_submit(struct vrs_workers *w, const char *lane, void (*work)(void *arg),
			void (*done)(void *arg), void *arg);
/* Waits for running jobs; jobs not begun are dropped after their
 * done() was not called. */
void vrs_workers_close(struct vrs_workers *w);

#endif
