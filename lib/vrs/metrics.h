/* metrics.h - a page of numbers in Prometheus' text format (0.0.4): made, put together
 * with others, written. Pure.
 *
 * A page begins with whose it is: every series carries service and instance first, so
 * that pages of many services can stand in one. Names and labels of our own are given as
 * literals and asserted; pages from elsewhere are checked line by line. */
#ifndef VRS_METRICS_H
#define VRS_METRICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vrs/err.h"
#include "vrs/mem.h"

enum vrs_metric_type { VRS_COUNTER, VRS_GAUGE, VRS_HISTOGRAM };

/* Counts of values up to each bound. The bounds are the caller's, rise, and stay. */
enum { VRS_HISTOGRAM_MAX = 20 };
struct vrs_histogram {
	const double *bound;
	size_t n_bounds;
	uint64_t count[VRS_HISTOGRAM_MAX + 1]; /* of each bucket alone; the last: above */
	double sum;
};
void vrs_histogram_init(struct vrs_histogram *h, const double *bounds, size_t n);
void vrs_histogram_add(struct vrs_histogram *h, double value); /* NAN is left out */

/* From 100 us to 60 s, and shares of 1. */
extern const double vrs_bounds_seconds[16], vrs_bounds_ratio[10];

struct vrs_page;
struct vrs_page *vrs_page_new(const char *service, const char *instance);
void vrs_page_free(struct vrs_page *page);

/* One series; label names and values in pairs, the last argument NULL. A value that is
 * not known (NAN) is left out. The same name always has the same type. */
void vrs_page_add(struct vrs_page *page, enum vrs_metric_type type, const char *name,
		  const char *help, double value, ...) __attribute__((sentinel));
void vrs_page_histogram(struct vrs_page *page, const char *name, const char *help,
			const struct vrs_histogram *h, ...) __attribute__((sentinel));

/* Why this service cannot do its job now; none: it is ready. One line each. */
void vrs_page_not_ready(struct vrs_page *page, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
const char *vrs_page_reasons(const struct vrs_page *page); /* "": none */

/* Adds a page that another process wrote. Every series in it must say that it is that
 * service's and that instance's. VRS_EPARSE names the line; then nothing was added. */
enum { VRS_PAGE_MAX_BYTES = 1 << 20 };
int vrs_page_take(struct vrs_page *page, const char *service, const char *instance,
		  const char *text, size_t len, struct vrs_err *err);

/* "# HELP", "# TYPE" and series of every family, in the order they came. */
void vrs_page_write(const struct vrs_page *page, struct vrs_text *out);

#endif
