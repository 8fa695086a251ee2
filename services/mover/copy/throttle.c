#include "copy/throttle.h"

#include <time.h>

#include "vrs/clock.h"

enum { TICK_MS = 200 };

void throttle_init(struct throttle *f, uint64_t window_bytes,
		   int (*tick)(void *arg, struct vrs_err *err), void *arg,
		   const _Atomic uint64_t *rate)
{
	pthread_condattr_t attr;

	*f = (struct throttle){
		.window_bytes = window_bytes, .tick = tick, .arg = arg, .rate = rate};
	(void)pthread_mutex_init(&f->lock, NULL);
	(void)pthread_condattr_init(&attr);
	(void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&f->changed, &attr);
	(void)pthread_condattr_destroy(&attr);
}

void throttle_fini(struct throttle *f)
{
	(void)pthread_mutex_destroy(&f->lock);
	(void)pthread_cond_destroy(&f->changed);
}

void throttle_fail(struct throttle *f, const struct vrs_err *err)
{
	(void)pthread_mutex_lock(&f->lock);
	if (!f->failed.code)
		f->failed = *err;
	(void)pthread_cond_broadcast(&f->changed);
	(void)pthread_mutex_unlock(&f->lock);
}

static void wait_changed(struct throttle *f, int64_t ms)
{
	struct timespec until;

	(void)clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += (long)ms * 1000000;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	(void)pthread_cond_timedwait(&f->changed, &f->lock, &until);
}

/* With the lock held, but not during the tick. */
static int check_tick(struct throttle *f, struct vrs_err *err)
{
	if (!f->failed.code && f->tick &&
	    vrs_now_mono_ms() - f->ticked_mono_ms >= TICK_MS) {
		struct vrs_err why = {0};

		f->ticked_mono_ms = vrs_now_mono_ms();
		(void)pthread_mutex_unlock(&f->lock);
		int status = f->tick(f->arg, &why);
		(void)pthread_mutex_lock(&f->lock);
		if (status < 0 && !f->failed.code)
			f->failed = why;
	}
	if (f->failed.code && err)
		*err = f->failed;
	return f->failed.code;
}

/* How long until the rate allows more. */
static int64_t rate_wait_ms(struct throttle *f)
{
	uint64_t rate = f->rate ? atomic_load(f->rate) : 0;
	int64_t at = vrs_now_mono_ms(), passed_ms = at - f->rate_mono_ms;

	f->rate_mono_ms = at;
	if (rate == 0) {
		f->ahead_bytes = 0;
		return 0;
	}
	f->ahead_bytes -= (double)rate * (double)passed_ms / 1e3;
	if (f->ahead_bytes < 0)
		f->ahead_bytes = 0;
	/* a tenth of a second may be sent ahead */
	double ahead = f->ahead_bytes - (double)rate / 10;
	if (ahead <= 0)
		return 0;
	int64_t ms = (int64_t)(ahead * 1e3 / (double)rate) + 1;
	return ms < TICK_MS ? ms : TICK_MS;
}

int throttle_enter(struct throttle *f, uint64_t n, uint64_t n_limited,
		   struct vrs_err *err)
{
	int status;

	(void)pthread_mutex_lock(&f->lock);
	while ((status = check_tick(f, err)) == 0) {
		int64_t ms = n_limited ? rate_wait_ms(f) : 0;

		if (ms > 0) {
			wait_changed(f, ms);
			continue;
		}
		if (f->used_bytes == 0 || f->used_bytes + n <= f->window_bytes)
			break;
		wait_changed(f, TICK_MS);
	}
	if (status == 0) {
		f->used_bytes += n;
		f->ahead_bytes += (double)n_limited;
	}
	(void)pthread_mutex_unlock(&f->lock);
	return status;
}

void throttle_hold(struct throttle *f, uint64_t n)
{
	(void)pthread_mutex_lock(&f->lock);
	f->used_bytes += n;
	(void)pthread_mutex_unlock(&f->lock);
}

void throttle_leave(struct throttle *f, uint64_t n)
{
	(void)pthread_mutex_lock(&f->lock);
	f->used_bytes -= n;
	(void)pthread_cond_broadcast(&f->changed);
	(void)pthread_mutex_unlock(&f->lock);
}

void throttle_refund(struct throttle *f, uint64_t n)
{
	(void)pthread_mutex_lock(&f->lock);
	f->ahead_bytes = f->ahead_bytes > (double)n ? f->ahead_bytes - (double)n : 0;
	(void)pthread_mutex_unlock(&f->lock);
}

int throttle_wait(struct throttle *f, bool (*condition)(void *arg), void *arg,
		  struct vrs_err *err)
{
	int status;

	(void)pthread_mutex_lock(&f->lock);
	while ((status = check_tick(f, err)) == 0 && !condition(arg))
		wait_changed(f, TICK_MS);
	(void)pthread_mutex_unlock(&f->lock);
	return status;
}

int throttle_drain(struct throttle *f, struct vrs_err *err)
{
	int status;

	(void)pthread_mutex_lock(&f->lock);
	while ((status = check_tick(f, err)), f->used_bytes > 0)
		wait_changed(f, TICK_MS);
	(void)pthread_mutex_unlock(&f->lock);
	return status;
}
