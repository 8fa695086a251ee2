/* loop.h - one thread, one poll, callbacks.
 *
 * The state of a service is accessed from its loop only, so it needs no locks. Other
 * threads pass results with vrs_loop_post. */
#ifndef VRS_LOOP_H
#define VRS_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "vrs/err.h"

struct vrs_loop;
struct vrs_timer;

int vrs_loop_open(struct vrs_loop **ret, struct vrs_err *err);
void vrs_loop_close(struct vrs_loop *loop);

/* Calls fn whenever fd is readable. The caller owns the descriptor and must call
 * vrs_loop_forget before closing it. May be called from callbacks. */
int vrs_loop_watch(struct vrs_loop *loop, int fd, void (*fn)(void *arg), void *arg,
		   struct vrs_err *err);
void vrs_loop_forget(struct vrs_loop *loop, int fd);

/* Calls fn every interval (first after one interval), or once after delay. A timer that
 * is late runs once, not once for each missed interval. It may be cancelled from its
 * callback. A one-shot timer is freed after its call. */
struct vrs_timer *vrs_loop_every(struct vrs_loop *loop, int64_t interval_ms,
				 void (*fn)(void *arg), void *arg);
struct vrs_timer *vrs_loop_after(struct vrs_loop *loop, int64_t delay_ms,
				 void (*fn)(void *arg), void *arg);
void vrs_timer_cancel(struct vrs_timer *timer);
void vrs_timer_interval(struct vrs_timer *timer, int64_t interval_ms);

/* From any thread: fn(arg) runs on the loop soon, in the order of posting. */
void vrs_loop_post(struct vrs_loop *loop, void (*fn)(void *arg), void *arg);

/* Runs until vrs_loop_stop is called, from any thread. */
int vrs_loop_run(struct vrs_loop *loop, struct vrs_err *err);
void vrs_loop_stop(struct vrs_loop *loop);
/* Delay of the latest timer call. */
int64_t vrs_loop_delay_ms(const struct vrs_loop *loop);

/* Runs work(arg) on a worker thread and then done(arg) on the loop. Jobs of one lane run
 * one after the other; lanes run in parallel while threads are free (one is created for
 * each busy lane, up to max_threads). */
struct vrs_workers;
int vrs_workers_open(struct vrs_workers **ret, struct vrs_loop *loop, int max_threads,
		     struct vrs_err *err);
void vrs_workers_submit(struct vrs_workers *w, const char *lane, void (*work)(void *arg),
			void (*done)(void *arg), void *arg);
/* Waits for running jobs. Jobs not yet started are dropped without calling done. */
void vrs_workers_close(struct vrs_workers *w);

#endif
