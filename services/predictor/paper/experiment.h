/* experiment.h - one experiment of the paper: a net trained on the readings before a
 * failure and tested on those after it, beside "last value" and "same time yesterday".
 * Pure.
 */
#ifndef PREDICTOR_PAPER_EXPERIMENT_H
#define PREDICTOR_PAPER_EXPERIMENT_H

#include "paper/net_set.h"

struct paper_run {
	struct paper_model *model;
	double scale; /* points per scaled unit */
	/* One step ahead, mean square errors in scaled units: net, last value, same time
	 * yesterday (NAN: less than a day). */
	double test, last, yesterday;
	/* The same three over 240 minutes, predictions fed back: mean absolute errors in
	 * points. */
	double far[3];
	/* One step ahead over the test part, in points; NAN where a row has a gap. */
	size_t n;
	float *truth, *predicted;
};

/* split: cells of the grid before the failure. Free with paper_run_free. */
int paper_run(struct paper_run *ret, const struct grid *g, size_t split,
	      const struct paper_conf *conf, struct vrs_err *err);
void paper_run_free(struct paper_run *r);

/* The split of the paper: the last 770 of 7,200 rows come after the failure. */
size_t paper_run_split(const struct grid *g);

#endif
