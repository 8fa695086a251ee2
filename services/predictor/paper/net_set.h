/* net_set.h - the paper's nets of many series, one each: made, kept in a file, asked.
 *
 * A net lives on the series' own grid (the median distance of its samples, a minute in
 * the paper) and sees the newest five days before the time it is trained for, as the
 * paper does. It knows no quantiles: P90 and P99 of its forecasts equal the P50. */
#ifndef PREDICTOR_PAPER_NET_SET_H
#define PREDICTOR_PAPER_NET_SET_H

#include "net/forecast.h"
#include "net/traces.h"
#include "paper/paper.h"

enum { PAPER_ROWS = 7200 };

/* A series on its own grid: x[i] is what was measured in [first_ms + i * step_ms, ...),
 * NAN where nothing was. */
struct grid {
	int64_t first_ms, step_ms;
	size_t n;
	float *x;
};
void grid_of(const struct trace *t, struct grid *ret);
void grid_free(struct grid *g);
/* Cells before a time. */
size_t grid_before(const struct grid *g, int64_t at_ms);

struct paper_set;
struct paper_set *paper_set_new(void);
void paper_set_free(struct paper_set *s);
size_t paper_set_size(const struct paper_set *s);

/* Trains a net on what the grid holds before until_ms (0: all of it) and adds it.
 * VRS_ENOENT: too little; VRS_ECANCELLED. */
int paper_set_add(struct paper_set *s, const char *name, const struct grid *g,
		  int64_t until_ms, const struct paper_conf *conf,
		  int (*progress)(void *arg, int epoch, double train, double valid),
		  void *arg, struct vrs_err *err);
/* NULL: no net for this series. */
const struct paper_model *paper_set_find(const struct paper_set *s, const char *name);

/* Forecasts of a series at n origins (bins), from what lies before each. METHOD_NONE
 * where the values right before it are missing. */
void paper_set_forecast(const struct paper_model *m, const struct grid *g,
			const int64_t *origin, size_t n, struct forecast *ret);

/* A file, written beside and renamed. Bytes are checked: VRS_EPARSE and why. */
int paper_set_save(const struct paper_set *s, const char *path, struct vrs_err *err);
int paper_set_load(struct paper_set **ret, const char *path, struct vrs_err *err);
int paper_set_unpack(struct paper_set **ret, const void *bytes, size_t n,
		     struct vrs_err *err);
/* The file begins as one of these do (a file that cannot be read does not). */
bool paper_set_is(const char *path);

#endif
