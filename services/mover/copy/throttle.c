#include "copy/throttle.h"

#include <time.h>

#include "vrs/clock.h"

enum { TICK_MS = 200 };

void throttle_init(struct throttle *f, uint64_t room_bytes,
		   int (*tick)(void *arg, struct vrs_err *err), void *arg,
		   const _Atomic uint64_t *rate)
{
	pthread_condattr_t attr;

	*f = (struct throttle){
		.room_bytes = room_bytes, .tick = tick, .arg = arg, .rate = rate};
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

static void wait_a_little(struct throttle *f, int64_t ms)
{
	struct timespec until;

	(void)clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += (long)ms * 1000000;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	(void)pthread_cond_timedwait(&f->changed, &f->lock, &until);
}

/* With the lock held; gives it up while the owner speaks. */
static int look_up(struct throttle *f, struct vrs_err *err)
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
static int64_t debt_ms(struct throttle *f)
{
	uint64_t rate = f->rate ? atomic_load(f->rate) : 0;
	int64_t at = vrs_now_mono_ms(), passed_ms = at - f->rate_mono_ms;

	f->rate_mono_ms = at;
	if (rate == 0) {
		f->owed_bytes = 0;
		return 0;
	}
	f->owed_bytes -= (double)rate * (double)passed_ms / 1e3;
	if (f->owed_bytes < 0)
		f->owed_bytes = 0;
	/* a tenth of a second's worth may be ahead */
	double ahead = f->owed_bytes - (double)rate / 10;
	if (ahead <= 0)
		return 0;
	int64_t ms = (int64_t)(ahead * 1e3 / (double)rate) + 1;
	return ms < TICK_MS ? ms : TICK_MS;
}

int throttle_enter(struct throttle *f, uint64_t n, uint64_t n_paid, struct vrs_err *err)
{
	int status;

	(void)pthread_mutex_lock(&f->lock);
	while ((status = look_up(f, err)) == 0) {
		int64_t ms = n_paid ? debt_ms(f) : 0;

		if (ms > 0) {
			wait_a_little(f, ms);
			continue;
		}
		if (f->used_bytes == 0 || f->used_bytes + n <= f->room_bytes)
			break;
		wait_a_little(f, TICK_MS);
	}
	if (status == 0) {
		f->used_bytes += n;
		f->owed_bytes += (double)n_paid;
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
	f->owed_bytes = f->owed_bytes > (double)n ? f->owed_bytes - (double)n : 0;
	(void)pthread_mutex_unlock(&f->lock);
}

int throttle_wait(struct throttle *f, bool (*condition)(void *arg), void *arg,
		  struct vrs_err *err)
{
	int status;

	(void)pthread_mutex_lock(&f->lock);
	while ((status = look_up(f, err)) == 0 && !condition(arg))
		wait_a_little(f, TICK_MS);
	(void)pthread_mutex_unlock(&f->lock);
	return status;
}

int throttle_drain(struct throttle *f, struct vrs_err *err)
{
	int status;

	(void)pthread_mutex_lock(&f->lock);
	while ((status = look_up(f, err)), f->used_bytes > 0)
		wait_a_little(f, TICK_MS);
	(void)pthread_mutex_unlock(&f->lock);
	return status;
}
