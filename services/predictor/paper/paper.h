/* paper.h - the paper's procedure, for comparison: one net a series, one minute ahead.
 *
 * The readings before `until` are shifted into rows of `window` values and the one after
 * them, rows with a gap dropped; the first three quarters train, the last quarter
 * validates, what comes at or after `until` tests. Its one-step error measures how little
 * a load changes in a minute, not how it runs in hours: both are reported beside "last
 * value" and "same time yesterday". Pure. */
#ifndef PREDICTOR_PAPER_PAPER_H
#define PREDICTOR_PAPER_PAPER_H

#include <stdbool.h>
#include <stdint.h>

#include "net/scaler.h"
#include "paper/net.h"
#include "vrs/err.h"

struct paper_conf {
	const char *name;
	int window, batch, epochs, hidden;
	enum scaler_kind scaler;
	double rate;
	uint32_t seed;
	bool in_order; /* rows as they come, not drawn anew each epoch: to compare */
};

/* paper-13 (the choice of Table 13), paper-12-1 to -3 (cases of Table 12); NULL: no such
 * preset. */
const struct paper_conf *paper_preset(const char *name);

/* Rows of window + 1 values laid one after the other; returns their number. */
size_t paper_rows(const float *x, size_t n, int window, float **ret);

struct paper_model {
	struct paper_conf conf;
	struct scaler scaler;
	real *w;
};

/* With random weights. */
struct paper_model *paper_model_new(const struct paper_conf *conf,
				    const struct scaler *scaler);

/* Training, an epoch at a time: over n rows of paper_rows, which stay the caller's. An
 * epoch returns the mean loss of its batches, each before its step. */
struct paper_descent;
struct paper_descent *paper_descent_new(const struct paper_model *m,
					const struct kern *kern, const float *rows,
					size_t n);
double paper_descent_epoch(struct paper_descent *d, struct paper_model *m);
void paper_descent_free(struct paper_descent *d);

/* x: one value a minute (points), NAN where missing. progress may be NULL; returns
 * nonzero to stop. */
int paper_train(struct paper_model **ret, const float *x, size_t n,
		const struct paper_conf *conf,
		int (*progress)(void *arg, int epoch, double train, double valid),
		void *arg, struct vrs_err *err);
void paper_model_free(struct paper_model *m);

/* Mean square error one minute ahead over all rows of x, in scaled units; beside it that
 * of the last value. */
double paper_test(const struct paper_model *m, const float *x, size_t n,
		  double *ret_last_value);

/* `ahead` steps by feeding each answer back, for n origins at once: before is
 * [n][window], the values up to each origin, ret [n][ahead]. */
void paper_forecast(const struct paper_model *m, const float *before, size_t n,
		    float *ret, size_t ahead);

#endif
