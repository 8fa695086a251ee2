/* net.h - the paper's net: one LSTM layer over a window of single readings, one
 * output, mean square error. Pure. */
#ifndef PREDICTOR_PAPER_NET_H
#define PREDICTOR_PAPER_NET_H

#include "net/lstm.h"

struct paper_shape {
	int window, hidden;
};

size_t paper_n_weights(const struct paper_shape *s);
void paper_start(const struct paper_shape *s, real *w, struct rng *rng);

struct paper_work {
	struct paper_shape shape;
	int lanes;
	int used;              /* lanes that hold a row; the rest is padding */
	struct lstm_tape tape; /* input: lstm_input(&tape, step, 0) */
	const real *h;
	real *q, *y, *dq, *dh; /* out and truth: [lanes] */
};

void paper_work_init(struct paper_work *k, const struct paper_shape *s, int lanes);
void paper_work_fini(struct paper_work *k);
void paper_forward(const struct kern *kern, struct paper_work *k, const real *w);
double paper_loss(struct paper_work *k); /* mean over the used lanes */
void paper_backward(const struct kern *kern, struct paper_work *k, const real *w,
		    real *dw);

#endif
