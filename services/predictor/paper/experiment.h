/* experiment.h - one experiment as the paper does it: a net trained on what lies before a
 * time of failure, tested on what comes after, beside "last value" and "same time
 * yesterday". Pure. */
#ifndef PREDICTOR_PAPER_EXPERIMENT_H
#define PREDICTOR_PAPER_EXPERIMENT_H

#include "paper/net_set.h"

struct paper_run {
	struct paper_conf conf;
	int epochs;            /* trained; below their losses */
	double *train, *valid; /* mean square errors in scaled units */
	double scale;          /* points per scaled unit */
	/* One step ahead, mean square errors in scaled units: net, last value, same time
	 * yesterday (NAN: less than a day). */
	double test, last, yesterday;
	/* Fed back for 240 minutes, mean absolute errors in points: the same three. */
	double far[3];
	/* One step ahead over the test part, in points; NAN where a row has a gap. */
	size_t n;
	float *truth, *predicted;
};

/* split: cells of the grid before the failure. progress may be NULL; returns nonzero to
 * stop. Free with paper_run_free. */
int paper_run(struct paper_run *ret, const struct grid *g, size_t split,
	      const struct paper_conf *conf, int (*progress)(void *arg, double share),
	      void *arg, struct vrs_err *err);
void paper_run_free(struct paper_run *r);

/* The split of the paper: of 7,200 rows the last 770 come after the failure. */
size_t paper_run_split(const struct grid *g);

#endif
