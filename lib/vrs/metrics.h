/* metrics.h - builds, merges and writes metrics pages in Prometheus' text format (0.0.4).
 * Pure.
 *
 * Every series has the labels service and instance first, so that the pages of many
 * services can be merged into one. Names and labels in the code are literals and are
 * asserted; pages of other processes are checked line by line. */
#ifndef VRS_METRICS_H
#define VRS_METRICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vrs/err.h"
#include "vrs/mem.h"

enum vrs_metric_type { VRS_COUNTER, VRS_GAUGE, VRS_HISTOGRAM };

/* Counts of values up to each bound. The bounds ascend; they must outlive the histogram.
 */
enum { VRS_HISTOGRAM_MAX = 20 };
struct vrs_histogram {
	const double *bound;
	size_t n_bounds;
	uint64_t count[VRS_HISTOGRAM_MAX +
		       1]; /* of each bucket alone; last: above all bounds */
	double sum;
};
void vrs_histogram_init(struct vrs_histogram *h, const double *bounds, size_t n);
void vrs_histogram_add(struct vrs_histogram *h, double value); /* ignores NAN */

/* From 100 us to 60 s, and ratios 0..1. */
extern const double vrs_bounds_seconds[16], vrs_bounds_ratio[10];

struct vrs_page;
struct vrs_page *vrs_page_new(const char *service, const char *instance);
void vrs_page_free(struct vrs_page *page);

/* Adds one series; label names and values in pairs, last argument NULL. An unknown value
 * (NAN) is skipped. A name must always have the same type. */
void vrs_page_add(struct vrs_page *page, enum vrs_metric_type type, const char *name,
		  const char *help, double value, ...) __attribute__((sentinel));
void vrs_page_histogram(struct vrs_page *page, const char *name, const char *help,
			const struct vrs_histogram *h, ...) __attribute__((sentinel));

/* Adds a reason, one line, why the service cannot do its job now; without any it is
 * ready. */
void vrs_page_not_ready(struct vrs_page *page, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
const char *vrs_page_reasons(const struct vrs_page *page); /* "": none */

/* Merges the page of another process. Every series must have the labels of that service
 * and instance. VRS_EPARSE names the line; nothing is added then. */
enum { VRS_PAGE_MAX_BYTES = 1 << 20 };
int vrs_page_take(struct vrs_page *page, const char *service, const char *instance,
		  const char *text, size_t len, struct vrs_err *err);

/* Writes "# HELP", "# TYPE" and the series of every family, in the order of their first
 * use. */
void vrs_page_write(const struct vrs_page *page, struct vrs_text *out);

#endif
