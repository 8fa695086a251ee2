/* net.h - the forecasting net: one for all hosts and clusters.
 *
 * An LSTM reads the last hours; its state and some facts about the series form a context.
 * A decoder, shared by all steps of the horizon, computes the quantiles of a step from
 * the context and the features of that step (same time on earlier days, level). A
 * separate head computes the PEAK over the first half and over all of the horizon: the
 * highest median is not the median of the highest value. All values are in units of the
 * series' spread, relative to a simple seasonal forecast (feature.h). Pure. */
#ifndef PREDICTOR_NET_NET_H
#define PREDICTOR_NET_NET_H

#include <stdint.h>

#include "net/lstm.h"

enum { NET_QUANTILES = 3, NET_PEAKS = 2 };
extern const real net_tau[NET_QUANTILES]; /* 0.5, 0.9, 0.99 */

struct net_shape {
	uint32_t steps, enc_in, hidden; /* encoder */
	uint32_t facts, context;
	uint32_t dec_in, dec_a, dec_b, horizon; /* decoder: two layers, steps ahead */
	uint32_t peak_in, peak_a;
};

size_t net_n_weights(const struct net_shape *s);
void net_start(const struct net_shape *s, real *w, struct rng *rng);

/* The layers in the order of their weights, for tests. */
struct net_block {
	const char *name;
	size_t at, n;
};
enum { NET_BLOCKS = 8 };
void net_blocks(const struct net_shape *s, struct net_block ret[NET_BLOCKS]);

/* Removes an input from the net, as if it were always `value`: its weights are folded
 * into the biases. For inputs that were constant in training, whose weights are still
 * random. */
enum net_input { NET_ENC, NET_FACT, NET_DEC, NET_PEAK };
void net_hold(const struct net_shape *s, real *w, enum net_input kind, int column,
	      real value);

/* A batch with all intermediate values; lanes is a multiple of NN_LANES. */
struct net_work {
	struct net_shape shape;
	int lanes;
	struct lstm_tape enc; /* input: lstm_input(&enc, step, row) */
	real *ctx_in;         /* [hidden + facts][lanes]; facts from row `hidden` on */
	real *ctx;            /* [context][lanes] */
	real *dec_in;         /* [dec_in][horizon * lanes], step by step */
	real *a, *b;          /* hidden layers of the decoder */
	real *q;              /* out: [quantile][horizon * lanes] */
	real *peak_in; /* [context + peak_in][lanes]; features from row `context` */
	real *pa;
	real *peak_q;     /* out: [peak * 3 + quantile][lanes] */
	real *y, *peak_y; /* truth: [horizon * lanes], [peak][lanes] */
	real *use;        /* [lanes]: weight of the lane in the loss, 0 for padding */
	real *dq, *db, *da, *dctx, *dctx_in, *dpeak_q, *dpa, *dpeak_in, *da_sum;
};

void net_work_init(struct net_work *k, const struct net_shape *s, int lanes);
void net_work_fini(struct net_work *k);

/* The places of the inputs. */
static inline real *net_facts(struct net_work *k)
{
	return k->ctx_in + (size_t)k->shape.hidden * (size_t)k->lanes;
}
static inline real *net_peak_features(struct net_work *k)
{
	return k->peak_in + (size_t)k->shape.context * (size_t)k->lanes;
}

void net_forward(const struct kern *kern, struct net_work *k, const real *w);
/* Pinball loss summed over lanes (each lane: mean over steps plus half the loss of the
 * peaks); its gradient stays in the work for net_backward. */
double net_loss(struct net_work *k);
void net_backward(const struct kern *kern, struct net_work *k, const real *w, real *dw);

#endif
