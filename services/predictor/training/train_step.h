/* train_step.h - one step of training: forward, backward and update of the weights for a
 * batch of windows. Pure. */
#ifndef PREDICTOR_TRAINING_TRAIN_STEP_H
#define PREDICTOR_TRAINING_TRAIN_STEP_H

#include "net/adam.h"
#include "net/feature.h"

enum { TRAIN_LANES = 32 };

/* A window and the BINS_AHEAD bins after it, all known. */
struct train_item {
	const struct features *features;
	const float *future;
};

struct train_step {
	const struct kern *kern;
	struct net_work work;
	struct adam adam;
	real *slope;
};

void train_step_init(struct train_step *s, const struct net_shape *shape,
		     const struct kern *kern);
void train_step_fini(struct train_step *s);

/* Updates the weights; returns the mean loss of the batch before the update. */
double train_step(struct train_step *s, real *w, const struct train_item *item, int n,
		  double rate);

#endif
