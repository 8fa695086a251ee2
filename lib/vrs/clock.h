/* clock.h - what time it is.
 *
 * Wall time is Unix time in milliseconds and travels in messages; monotonic time never
 * jumps and never leaves the process. Pure code does not read a clock: it is given the
 * time. */
#ifndef VRS_CLOCK_H
#define VRS_CLOCK_H

#include <stddef.h>
#include <stdint.h>

int64_t vrs_now_wall_ms(void);
int64_t vrs_now_mono_ms(void);

/* Monotonic, for measuring how long something took. */
int64_t vrs_tick_ns(void);

/* "2026-11-23T08:15:00.000Z" into buf (at least 32 bytes); returns buf. */
char *vrs_time_format(char *buf, size_t size, int64_t at_ms);
/* RFC 3339 with or without fraction, with Z, +00:00 or nothing (UTC). -1 on bad text. */
int64_t vrs_time_parse(const char *text);

#endif
