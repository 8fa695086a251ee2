/* train.h - makes a model from many series: one net for all of them.
 *
 * Windows are drawn from every series; 40 % of them again with their history cut short,
 * so that the net knows how little a new host tells. Some days of each series are kept
 * out and calibrate the quantiles. The same series, settings and seed give the same
 * model on the same kind of processor. Pure but for the time it takes. */
#ifndef PREDICTOR_TRAINING_TRAIN_H
#define PREDICTOR_TRAINING_TRAIN_H

#include <stdatomic.h>

#include "net/model_file.h"
#include "net/resample.h"

struct train_series {
	const char *name;
	struct bins bins; /* means, short gaps filled; the caller's */
};

struct train_conf {
	int hidden, epochs, max_windows;
	int batch;          /* at most 4096; 0: what suits the number of windows */
	double rate;        /* the highest of the cycle */
	double cut_share;   /* windows shown again with a short history */
	double lost_share;  /* windows shown again with the newest bins missing */
	double calib_share; /* of each series' time */
	uint32_t seed;
	int32_t utc_min;
	int64_t made_at_ms;
	/* Start from these weights instead of random ones, with small steps: what many
	 * clusters taught is kept, what is special here is added. NULL: from nothing. */
	const struct model *base;
};
extern const struct train_conf train_defaults;

/* Called now and then; a step is one batch. Returns nonzero to stop. */
typedef int (*train_progress_fn)(void *arg, long step, long steps, double loss);

/* With a base whose P50 was better on the calibration days than what was learned on top
 * of it, the base comes back, calibrated anew.
 *
 * VRS_ENOENT: not enough history (the text says how much there is); VRS_ECANCELLED. */
int train_model(struct model **ret, const struct train_series *series, size_t n_series,
		const struct train_conf *conf, train_progress_fn progress, void *arg,
		struct vrs_err *err);

#endif
