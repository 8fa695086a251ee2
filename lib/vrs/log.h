/* log.h - one line per event on stderr: time, level, service, what happened, key=value.
 *
 * Programs log; libraries and pure modules return errors and stay silent. Format json
 * writes one object per line. Safe from any thread; a line is one write. */
#ifndef VRS_LOG_H
#define VRS_LOG_H

#include <stdbool.h>
#include <stdint.h>

enum vrs_level { VRS_ERROR, VRS_WARN, VRS_NOTICE, VRS_INFO, VRS_DEBUG };

void vrs_log_init(const char *service, enum vrs_level level, bool json);
void vrs_log(enum vrs_level level, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Lines written so far, by level. */
enum { VRS_LEVELS = 5 };
void vrs_log_counts(uint64_t ret[VRS_LEVELS]);

#define log_error(...) vrs_log(VRS_ERROR, __VA_ARGS__)
#define log_warn(...) vrs_log(VRS_WARN, __VA_ARGS__)
#define log_notice(...) vrs_log(VRS_NOTICE, __VA_ARGS__)
#define log_info(...) vrs_log(VRS_INFO, __VA_ARGS__)
#define log_debug(...) vrs_log(VRS_DEBUG, __VA_ARGS__)

/* A problem that may repeat is logged at once, then at most once a minute with the number
 * of suppressed lines; vrs_complaint_over logs once that it has ended. Zero-initialise.
 */
struct vrs_complaint {
	int64_t logged_mono_ms;
	uint64_t suppressed;
	bool active;
};
void vrs_complain(struct vrs_complaint *c, enum vrs_level level, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void vrs_complaint_over(struct vrs_complaint *c, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#endif
