/* net_set.h - the paper's nets of many series, one each: trained, stored in one file,
 * run.
 *
 * A net uses the grid of its series (the median distance of its samples, a minute in the
 * paper) and learns from the newest five days before a given time, as in the paper. It
 * predicts no quantiles: P90 and P99 of its forecasts equal the P50. */
#ifndef PREDICTOR_PAPER_NET_SET_H
#define PREDICTOR_PAPER_NET_SET_H

#include "net/forecast.h"
#include "net/traces.h"
#include "paper/paper.h"

enum { PAPER_ROWS = 7200 };

/* A series on its own grid: x[i] is the value in [first_ms + i * step_ms, ...), NAN if
 * missing. */
struct grid {
	int64_t first_ms, step_ms;
	size_t n;
	float *x;
};
void grid_of(const struct trace *t, struct grid *ret);
void grid_free(struct grid *g);
/* Cells before a time. */
size_t grid_before(const struct grid *g, int64_t at_ms);
/* True if the n cells before `end` exist and none is missing. */
bool grid_whole(const struct grid *g, size_t end, size_t n);

struct paper_set;
void paper_set_free(struct paper_set *s);
size_t paper_set_size(const struct paper_set *s);

/* A net for each trace from its samples before until_ms (0: all); traces that are too
 * short are skipped. The note of conf->progress is the name of the trace. VRS_ENOENT: all
 * are too short; VRS_ECANCELLED. */
int paper_set_train(struct paper_set **ret, const struct traces *t, int64_t until_ms,
		    const struct paper_conf *conf, struct vrs_err *err);

/* Forecasts of a series at n origins (bins), from the values before each. METHOD_NONE,
 * with the reason, if the set has no net for it or the values right before are missing.
 */
void paper_set_forecast(const struct paper_set *s, const struct trace *t,
			const int64_t *origin, size_t n, struct forecast *ret);

int paper_set_save(const struct paper_set *s, const char *path, struct vrs_err *err);
int paper_set_load(struct paper_set **ret, const char *path, struct vrs_err *err);
/* Bytes are checked: VRS_EPARSE with the reason. */
int paper_set_unpack(struct paper_set **ret, const void *bytes, size_t n,
		     struct vrs_err *err);
/* The file is of this kind; false if it cannot be read. */
bool paper_set_is(const char *path);

#endif
