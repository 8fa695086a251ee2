/* train.h - trains a model on many series: one net for all of them.
 *
 * Windows are drawn from every series; 40 % are repeated with a shortened history, so
 * that the net learns how to forecast new hosts. Some days of each series are held out
 * and calibrate the quantiles. The same series, settings and seed give the same model on
 * the same kind of processor. Pure. */
#ifndef PREDICTOR_TRAINING_TRAIN_H
#define PREDICTOR_TRAINING_TRAIN_H

#include <stdatomic.h>

#include "net/model_file.h"
#include "net/resample.h"

struct train_series {
	const char *name;
	struct bins bins; /* with truth; borrowed */
};

/* Called after each step, which is one batch. Nonzero: stop. */
typedef int (*train_progress_fn)(void *arg, long step, long steps, double loss);

struct train_conf {
	int hidden, epochs, max_windows;
	int batch;          /* at most 4096; 0: depends on the number of windows */
	double rate;        /* maximum of the cycle */
	double cut_share;   /* windows repeated with a short history */
	double lost_share;  /* windows repeated without their newest bins */
	double calib_share; /* of the days of each series */
	uint32_t seed;
	int32_t utc_min;
	int64_t made_at_ms;
	/* Initial weights, refined in small steps; NULL: random weights. */
	const struct model *base;
	train_progress_fn progress; /* NULL: none */
	void *progress_arg;
};
extern const struct train_conf train_defaults;

/* If the P50 of the base is better on the calibration days than that of the new weights,
 * the result is the base, recalibrated.
 *
 * VRS_ENOENT: not enough history (the text contains the amount); VRS_ECANCELLED. */
int train_model(struct model **ret, const struct train_series *series, size_t n_series,
		const struct train_conf *conf, struct vrs_err *err);

#endif
