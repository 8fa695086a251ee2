/* human.h - numbers as people read them.
 *
 * Pure. Every function writes into buf, always terminated, and returns buf; what is not
 * known becomes "-". */
#ifndef CLI_RENDER_HUMAN_H
#define CLI_RENDER_HUMAN_H

#include <stdint.h>

enum { HUMAN_MAX = 32 };

/* "0 B", "1.5 KiB", "48 MiB", "2.3 TiB" */
char *human_bytes(char buf[HUMAN_MAX], uint64_t bytes);
char *human_rate(char buf[HUMAN_MAX], double bytes_per_s);
/* A length of time: "350 ms", "12.3 s", "4 min 05 s", "3 h 12 min", "2 d 4 h"; below 0:
 * "-". */
char *human_span(char buf[HUMAN_MAX], int64_t ms);
/* How long ago at_ms was, coarser than a span: "3 s ago", "in 2 min", "never" for 0. */
char *human_age(char buf[HUMAN_MAX], int64_t now_ms, int64_t at_ms);
/* A point in time, UTC: "2026-11-23 08:15:00Z". */
char *human_time(char buf[HUMAN_MAX], int64_t at_ms);
/* "42 %" of a ratio 0..1; NAN: "-". */
char *human_ratio(char buf[HUMAN_MAX], double ratio);

#endif
