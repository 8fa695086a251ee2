/* net.c - see net.h. */
#include "net/net.h"

#include "net/dense.h"
#include "net/loss.h"

const real net_tau[NET_QUANTILES] = {(real)0.5, (real)0.9, (real)0.99};
static const real tau_weight[NET_QUANTILES] = {(real)1.5, (real)1.2, (real)2.0};

/* Where each layer starts. The decoder's first layer is split: the context's part is the
 * same for every step and is computed once. */
struct layout {
	size_t enc, ctx, dec_ctx, dec_a, dec_b, out, peak_a, peak_out, end;
};

static struct layout layout_of(const struct net_shape *s)
{
	struct layout l = {0};
	struct lstm_shape e = {(int)s->enc_in, (int)s->hidden};

	l.ctx = l.enc + lstm_n_weights(e);
	l.dec_ctx = l.ctx + dense_n_weights((int)(s->hidden + s->facts), (int)s->context);
	l.dec_a = l.dec_ctx + (size_t)s->dec_a * s->context;
	l.dec_b = l.dec_a + dense_n_weights((int)s->dec_in, (int)s->dec_a);
	l.out = l.dec_b + dense_n_weights((int)s->dec_a, (int)s->dec_b);
	l.peak_a = l.out + dense_n_weights((int)s->dec_b, NET_QUANTILES);
	l.peak_out = l.peak_a +
		     dense_n_weights((int)(s->context + s->peak_in), (int)s->peak_a);
	l.end = l.peak_out + dense_n_weights((int)s->peak_a, NET_PEAKS * NET_QUANTILES);
	return l;
}

size_t net_n_weights(const struct net_shape *s)
{
	return layout_of(s).end;
}

void net_blocks(const struct net_shape *s, struct net_block ret[NET_BLOCKS])
{
	struct layout l = layout_of(s);
	const struct net_block blocks[NET_BLOCKS] = {
		{"encoder", l.enc, l.ctx - l.enc},
		{"context", l.ctx, l.dec_ctx - l.ctx},
		{"decoder context", l.dec_ctx, l.dec_a - l.dec_ctx},
		{"decoder a", l.dec_a, l.dec_b - l.dec_a},
		{"decoder b", l.dec_b, l.out - l.dec_b},
		{"quantiles", l.out, l.peak_a - l.out},
		{"peak a", l.peak_a, l.peak_out - l.peak_a},
		{"peak quantiles", l.peak_out, l.end - l.peak_out},
	};

	memcpy(ret, blocks, sizeof(blocks));
}

void net_start(const struct net_shape *s, real *w, struct rng *rng)
{
	struct layout l = layout_of(s);
	double r = 1.0 / sqrt((double)(s->context + s->dec_in));

	lstm_start((struct lstm_shape){(int)s->enc_in, (int)s->hidden}, w + l.enc, rng);
	dense_start((int)(s->hidden + s->facts), (int)s->context, w + l.ctx, rng);
	for (size_t i = l.dec_ctx; i < l.dec_b; i++)
		w[i] = (real)rng_between(rng, -r, r);
	dense_start((int)s->dec_a, (int)s->dec_b, w + l.dec_b, rng);
	dense_start((int)s->dec_b, NET_QUANTILES, w + l.out, rng);
	dense_start((int)(s->context + s->peak_in), (int)s->peak_a, w + l.peak_a, rng);
	dense_start((int)s->peak_a, NET_PEAKS * NET_QUANTILES, w + l.peak_out, rng);
}

void net_hold(const struct net_shape *s, real *w, enum net_input kind, int column,
	      real value)
{
	struct layout l = layout_of(s);
	const struct {
		size_t at, rows, cols, column;
	} layers[] = {
		{l.enc, (size_t)4 * s->hidden, s->enc_in + s->hidden, 0},
		{l.ctx, s->context, s->hidden + s->facts, s->hidden},
		{l.dec_a, s->dec_a, s->dec_in, 0},
		{l.peak_a, s->peak_a, s->context + s->peak_in, s->context},
	};
	real *m = w + layers[kind].at + layers[kind].column + (size_t)column;
	real *bias = w + layers[kind].at + layers[kind].rows * layers[kind].cols;

	for (size_t r = 0; r < layers[kind].rows; r++) {
		bias[r] += m[r * layers[kind].cols] * value;
		m[r * layers[kind].cols] = 0;
	}
}

void net_work_init(struct net_work *k, const struct net_shape *s, int lanes)
{
	size_t n = (size_t)lanes, wide = n * s->horizon;

	*k = (struct net_work){.shape = *s, .lanes = lanes};
	lstm_tape_init(&k->enc, (struct lstm_shape){(int)s->enc_in, (int)s->hidden},
		       (int)s->steps, lanes);
	k->ctx_in = nn_alloc((s->hidden + s->facts) * n);
	k->ctx = nn_alloc(s->context * n);
	k->dec_in = nn_alloc(s->dec_in * wide);
	k->a = nn_alloc(s->dec_a * wide);
	k->b = nn_alloc(s->dec_b * wide);
	k->q = nn_alloc(NET_QUANTILES * wide);
	k->peak_in = nn_alloc((s->context + s->peak_in) * n);
	k->pa = nn_alloc(s->peak_a * n);
	k->peak_q = nn_alloc(NET_PEAKS * NET_QUANTILES * n);
	k->y = nn_alloc(wide);
	k->peak_y = nn_alloc(NET_PEAKS * n);
	k->use = nn_alloc(n);
	k->dq = nn_alloc(NET_QUANTILES * wide);
	k->db = nn_alloc(s->dec_b * wide);
	k->da = nn_alloc(s->dec_a * wide);
	k->da_sum = nn_alloc(s->dec_a * n);
	k->dctx = nn_alloc(s->context * n);
	k->dctx_in = nn_alloc((s->hidden + s->facts) * n);
	k->dpeak_q = nn_alloc(NET_PEAKS * NET_QUANTILES * n);
	k->dpa = nn_alloc(s->peak_a * n);
	k->dpeak_in = nn_alloc((s->context + s->peak_in) * n);
}

void net_work_fini(struct net_work *k)
{
	real *const all[] = {k->ctx_in,  k->ctx,     k->dec_in,  k->a,       k->b,
			     k->q,       k->peak_in, k->pa,      k->peak_q,  k->y,
			     k->peak_y,  k->use,     k->dq,      k->db,      k->da,
			     k->da_sum,  k->dctx,    k->dctx_in, k->dpeak_q, k->dpa,
			     k->dpeak_in};

	lstm_tape_fini(&k->enc);
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		free(all[i]);
	*k = (struct net_work){0};
}

void net_forward(const struct kern *kern, struct net_work *k, const real *w)
{
	const struct net_shape *s = &k->shape;
	struct layout l = layout_of(s);
	int n = k->lanes, wide = n * (int)s->horizon;

	memcpy(k->ctx_in, lstm_forward(kern, &k->enc, (int)s->steps, w + l.enc),
	       (size_t)s->hidden * (size_t)n * sizeof(real));
	dense_forward(kern, (int)(s->hidden + s->facts), (int)s->context, n, w + l.ctx,
		      k->ctx_in, k->ctx, false);
	kern->rectify((size_t)s->context * (size_t)n, k->ctx);

	kern->gemm((int)s->dec_a, n, (int)s->context, w + l.dec_ctx, (int)s->context, 1,
		   k->ctx, n, k->da_sum, n, false);
	for (size_t r = 0; r < s->dec_a; r++)
		for (size_t h = 0; h < s->horizon; h++)
			memcpy(k->a + r * (size_t)wide + h * (size_t)n,
			       k->da_sum + r * (size_t)n, (size_t)n * sizeof(real));
	dense_forward(kern, (int)s->dec_in, (int)s->dec_a, wide, w + l.dec_a, k->dec_in,
		      k->a, true);
	kern->rectify((size_t)s->dec_a * (size_t)wide, k->a);
	dense_forward(kern, (int)s->dec_a, (int)s->dec_b, wide, w + l.dec_b, k->a, k->b,
		      false);
	kern->rectify((size_t)s->dec_b * (size_t)wide, k->b);
	dense_forward(kern, (int)s->dec_b, NET_QUANTILES, wide, w + l.out, k->b, k->q,
		      false);

	memcpy(k->peak_in, k->ctx, (size_t)s->context * (size_t)n * sizeof(real));
	dense_forward(kern, (int)(s->context + s->peak_in), (int)s->peak_a, n,
		      w + l.peak_a, k->peak_in, k->pa, false);
	kern->rectify((size_t)s->peak_a * (size_t)n, k->pa);
	dense_forward(kern, (int)s->peak_a, NET_PEAKS * NET_QUANTILES, n, w + l.peak_out,
		      k->pa, k->peak_q, false);
}

double net_loss(struct net_work *k)
{
	size_t n = (size_t)k->lanes, wide = n * k->shape.horizon;
	double loss = 0;

	for (size_t t = 0; t < NET_QUANTILES; t++) {
		real weight = tau_weight[t] / (real)k->shape.horizon;

		for (size_t at = 0; at < wide; at += n)
			loss += (double)loss_pinball_row(k->y + at, k->q + t * wide + at,
							 net_tau[t], weight, k->use,
							 k->dq + t * wide + at, n);
		weight = tau_weight[t] * (real)0.5 / NET_PEAKS;
		for (size_t p = 0; p < NET_PEAKS; p++) {
			size_t at = (p * NET_QUANTILES + t) * n;

			loss += (double)loss_pinball_row(
				k->peak_y + p * n, k->peak_q + at, net_tau[t], weight,
				k->use, k->dpeak_q + at, n);
		}
	}
	return loss;
}

/* The context's part of the decoder is the same at every step: its slopes add up. */
static void sum_steps(const real *da, real *ret, size_t rows, size_t steps, size_t lanes)
{
	for (size_t r = 0; r < rows; r++, ret += lanes) {
		memset(ret, 0, lanes * sizeof(*ret));
		for (size_t h = 0; h < steps; h++, da += lanes)
			for (size_t i = 0; i < lanes; i++)
				ret[i] += da[i];
	}
}

void net_backward(const struct kern *kern, struct net_work *k, const real *w, real *dw)
{
	const struct net_shape *s = &k->shape;
	struct layout l = layout_of(s);
	int n = k->lanes, wide = n * (int)s->horizon;

	dense_backward(kern, (int)s->dec_b, NET_QUANTILES, wide, w + l.out, k->b, k->dq,
		       dw + l.out, k->db, false);
	kern->rectify_back((size_t)s->dec_b * (size_t)wide, k->b, k->db);
	dense_backward(kern, (int)s->dec_a, (int)s->dec_b, wide, w + l.dec_b, k->a, k->db,
		       dw + l.dec_b, k->da, false);
	kern->rectify_back((size_t)s->dec_a * (size_t)wide, k->a, k->da);
	dense_backward(kern, (int)s->dec_in, (int)s->dec_a, wide, w + l.dec_a, k->dec_in,
		       k->da, dw + l.dec_a, NULL, false);
	sum_steps(k->da, k->da_sum, s->dec_a, s->horizon, (size_t)n);
	kern->outer((int)s->dec_a, (int)s->context, n, k->da_sum, n, 0, k->ctx, n, 0, 1,
		    dw + l.dec_ctx, (int)s->context);
	kern->gemm((int)s->context, n, (int)s->dec_a, w + l.dec_ctx, 1, (int)s->context,
		   k->da_sum, n, k->dctx, n, false);

	dense_backward(kern, (int)s->peak_a, NET_PEAKS * NET_QUANTILES, n, w + l.peak_out,
		       k->pa, k->dpeak_q, dw + l.peak_out, k->dpa, false);
	kern->rectify_back((size_t)s->peak_a * (size_t)n, k->pa, k->dpa);
	dense_backward(kern, (int)(s->context + s->peak_in), (int)s->peak_a, n,
		       w + l.peak_a, k->peak_in, k->dpa, dw + l.peak_a, k->dpeak_in,
		       false);
	for (size_t i = 0; i < (size_t)s->context * (size_t)n; i++)
		k->dctx[i] += k->dpeak_in[i];

	kern->rectify_back((size_t)s->context * (size_t)n, k->ctx, k->dctx);
	dense_backward(kern, (int)(s->hidden + s->facts), (int)s->context, n, w + l.ctx,
		       k->ctx_in, k->dctx, dw + l.ctx, k->dctx_in, false);
	lstm_backward(kern, &k->enc, (int)s->steps, w + l.enc, k->dctx_in, dw + l.enc);
}
