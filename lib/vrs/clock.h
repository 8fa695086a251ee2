/* clock.h - what time it is, given to code so that tests can say it.
 *
 * wall is Unix time in milliseconds and travels in messages; mono never jumps and never
 * leaves the process. */
#ifndef VRS_CLOCK_H
#define VRS_CLOCK_H

#include <stddef.h>
#include <stdint.h>

struct vrs_clock {
	int64_t (*wall_ms)(const struct vrs_clock *c);
	int64_t (*mono_ms)(const struct vrs_clock *c);
};

const struct vrs_clock *vrs_clock_system(void);
int64_t vrs_wall_ms(const struct vrs_clock *c);
int64_t vrs_mono_ms(const struct vrs_clock *c);

/* For telling how long something took; never jumps. */
int64_t vrs_tick_ns(void);

/* A clock that stands where it is put. */
struct vrs_clock_fake {
	struct vrs_clock clock;
	int64_t wall_at_ms, mono_at_ms;
};
void vrs_clock_fake_init(struct vrs_clock_fake *f, int64_t wall_at_ms);

/* "2026-11-23T08:15:00.000Z" into buf (at least 32 bytes); returns buf. */
char *vrs_time_format(char *buf, size_t size, int64_t at_ms);
/* RFC 3339 with or without fraction, with Z, +00:00 or nothing (UTC). -1 on bad text. */
int64_t vrs_time_parse(const char *text);

#endif
