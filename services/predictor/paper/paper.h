/* paper.h - the paper's procedure, for comparison: one net per series, one minute ahead.
 *
 * Readings become rows: a window of values and the value that follows it; rows with a gap
 * are dropped. The first three quarters train, the last quarter validates. The one-step
 * error measures how little a load changes in a minute, not its course over hours: both
 * are reported beside "last value" and "same time yesterday". Pure. */
#ifndef PREDICTOR_PAPER_PAPER_H
#define PREDICTOR_PAPER_PAPER_H

#include <stdbool.h>
#include <stdint.h>

#include "net/scaler.h"
#include "paper/net.h"
#include "vrs/err.h"

/* Called after each epoch with the share done and the preset's name. Nonzero: stop. */
typedef int (*paper_progress_fn)(void *arg, double share, const char *note);

struct paper_conf {
	const char *name;
	int window, batch, epochs, hidden;
	enum scaler_kind scaler;
	double rate;
	uint32_t seed;
	bool in_order; /* no new row order each epoch: for comparison with PyTorch */
	paper_progress_fn progress; /* NULL: none */
	void *progress_arg;
};

/* paper-13 (the choice of Table 13), paper-12-1 to -3 (cases of Table 12); NULL: unknown.
 */
const struct paper_conf *paper_preset(const char *name);

/* All rows, window + 1 values each; returns their number. The caller frees *ret. */
size_t paper_rows(const float *x, size_t n, int window, float **ret);

struct paper_model {
	struct paper_conf conf;
	struct scaler scaler;
	real *w;
	/* Mean square errors after each epoch, in scaled units; NULL if it was loaded. */
	double *train, *valid;
};

/* With random weights. */
struct paper_model *paper_model_new(const struct paper_conf *conf,
				    const struct scaler *scaler);

/* Training epoch by epoch, over n rows of paper_rows, which are borrowed. An epoch
 * returns the mean loss of its batches, each before its step. */
struct paper_descent;
struct paper_descent *paper_descent_new(const struct paper_model *m,
					const struct kern *kern, const float *rows,
					size_t n);
double paper_descent_epoch(struct paper_descent *d, struct paper_model *m);
void paper_descent_free(struct paper_descent *d);

/* x: one value per minute (points), NAN where missing. VRS_ENOENT: too few rows;
 * VRS_ECANCELLED. */
int paper_train(struct paper_model **ret, const float *x, size_t n,
		const struct paper_conf *conf, struct vrs_err *err);
void paper_model_free(struct paper_model *m);

/* Mean square error one minute ahead over all rows of x, in scaled units; of the last
 * value for comparison. */
double paper_test(const struct paper_model *m, const float *x, size_t n,
		  double *ret_last_value);

/* `ahead` steps, each prediction being fed back, for n origins at once. before[i]: the
 * window of values before origin i, all known; ret: [n][ahead]. */
void paper_forecast(const struct paper_model *m, const float *const *before, size_t n,
		    float *ret, size_t ahead);

#endif
