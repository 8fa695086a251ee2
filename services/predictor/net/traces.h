/* traces.h - recorded CPU load of many hosts or clusters, from a CSV file, plain or gzip.
 *
 * Both formats of vrs/sample_csv.h are supported. An invalid line is an error with file,
 * line and column; an impossible value (NaN, below 0, above 100) becomes a gap and is
 * counted, as are duplicate rows and rows out of order. */
#ifndef PREDICTOR_NET_TRACES_H
#define PREDICTOR_NET_TRACES_H

#include <stddef.h>
#include <stdint.h>

#include "net/resample.h"
#include "vrs/err.h"

struct trace {
	char *name;
	size_t n, cap;
	int64_t *at_ms; /* ascending */
	float *pct;
};

struct traces {
	struct trace *trace; /* by name, bytewise */
	size_t n, cap;
	size_t rows, impossible, twice, unordered;
};

/* Adds the rows of the file to t, which is zero-initialised before the first call. */
int traces_read(struct traces *t, const char *path, struct vrs_err *err);
void traces_free(struct traces *t);
const struct trace *traces_find(const struct traces *t, const char *name);

/* 5-minute means of all samples before until_ms (0: all), with their truth. */
void trace_bins(const struct trace *t, int64_t until_ms, struct bins *ret);

#endif
