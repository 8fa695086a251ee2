/* ticks.h - the kernel's own beat, for programs whose work is to do something so many
 * times a second. */
#ifndef BED_TICKS_H
#define BED_TICKS_H

#include <stdint.h>
#include <sys/timerfd.h>
#include <unistd.h>

/* A beat every tick_ns, less than a second; negative: failed. Not to be shared by
 * processes. */
static inline int ticks_begin(long tick_ns)
{
	struct itimerspec every = {{0, tick_ns}, {0, tick_ns}};
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);

	return fd >= 0 && timerfd_settime(fd, 0, &every, NULL) < 0 ? -1 : fd;
}

/* The next beat; those that were missed count as one. Negative: failed. */
static inline int ticks_next(int fd)
{
	uint64_t n;

	return read(fd, &n, sizeof(n)) == sizeof(n) ? 0 : -1;
}

#endif
