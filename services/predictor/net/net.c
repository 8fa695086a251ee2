/* net.c - see net.h. */
#include "net/net.h"

#include "net/dense.h"
#include "net/loss.h"

const real net_tau[NET_QUANTILES] = {(real)0.5, (real)0.9, (real)0.99};
static const real tau_weight[NET_QUANTILES] = {(real)1.5, (real)1.2, (real)2.0};

/* The dense layers in the order of their weights, which follow those of the encoder. The
 * decoder's first layer is split: the part of the context (without biases) is the same
 * for every step and is computed once. */
enum { CTX, DEC_CTX, DEC_A, DEC_B, OUT, PEAK_A, PEAK_OUT, LAYERS };

struct layer {
	int in, out;
	size_t at;
};

struct layout {
	struct lstm_shape enc;
	struct layer layer[LAYERS];
	size_t end;
};

static struct layout layout_of(const struct net_shape *s)
{
	int context = (int)s->context, dec_a = (int)s->dec_a, dec_b = (int)s->dec_b;
	struct layout l = {
		.enc = {(int)s->enc_in, (int)s->hidden},
		.layer = {[CTX] = {(int)(s->hidden + s->facts), context, 0},
			  [DEC_CTX] = {context, dec_a, 0},
			  [DEC_A] = {(int)s->dec_in, dec_a, 0},
			  [DEC_B] = {dec_a, dec_b, 0},
			  [OUT] = {dec_b, NET_QUANTILES, 0},
			  [PEAK_A] = {context + (int)s->peak_in, (int)s->peak_a, 0},
			  [PEAK_OUT] = {(int)s->peak_a, NET_PEAKS * NET_QUANTILES, 0}}};

	l.end = lstm_n_weights(l.enc);
	for (int i = 0; i < LAYERS; i++) {
		l.layer[i].at = l.end;
		l.end += dense_n_weights(l.layer[i].in, l.layer[i].out);
		if (i == DEC_CTX)
			l.end -= (size_t)l.layer[i].out;
	}
	return l;
}

size_t net_n_weights(const struct net_shape *s)
{
	return layout_of(s).end;
}

void net_blocks(const struct net_shape *s, struct net_block ret[NET_BLOCKS])
{
	static const char *const names[NET_BLOCKS] = {
		"encoder",   "context",   "decoder context", "decoder a",
		"decoder b", "quantiles", "peak a",          "peak quantiles"};
	struct layout l = layout_of(s);

	for (int i = 0; i < NET_BLOCKS; i++) {
		size_t at = i > 0 ? l.layer[i - 1].at : 0;
		size_t end = i < LAYERS ? l.layer[i].at : l.end;

		ret[i] = (struct net_block){names[i], at, end - at};
	}
}

void net_start(const struct net_shape *s, real *w, struct rng *rng)
{
	struct layout l = layout_of(s);
	double r = 1.0 / sqrt((double)(s->context + s->dec_in));

	lstm_start(l.enc, w, rng);
	dense_start(l.layer[CTX].in, l.layer[CTX].out, w + l.layer[CTX].at, rng);
	for (size_t i = l.layer[DEC_CTX].at; i < l.layer[DEC_B].at; i++)
		w[i] = (real)rng_between(rng, -r, r);
	for (int i = DEC_B; i < LAYERS; i++)
		dense_start(l.layer[i].in, l.layer[i].out, w + l.layer[i].at, rng);
}

void net_hold(const struct net_shape *s, real *w, enum net_input kind, int column,
	      real value)
{
	struct layout l = layout_of(s);
	const struct {
		struct layer layer;
		size_t column;
	} places[] = {
		{{l.enc.in + l.enc.hidden, 4 * l.enc.hidden, 0}, 0},
		{l.layer[CTX], s->hidden},
		{l.layer[DEC_A], 0},
		{l.layer[PEAK_A], s->context},
	};
	struct layer at = places[kind].layer;
	real *m = w + at.at + places[kind].column + (size_t)column;
	real *bias = w + at.at + (size_t)at.in * (size_t)at.out;

	for (int r = 0; r < at.out; r++, m += at.in) {
		bias[r] += *m * value;
		*m = 0;
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

/* The dense layers of a batch; dw NULL: forward only. */
static void layers_of(const struct net_work *k, const real *w, real *dw,
		      struct dense ret[LAYERS])
{
	struct layout l = layout_of(&k->shape);

	for (int i = 0; i < LAYERS; i++) {
		const struct layer *a = &l.layer[i];
		bool each_step = i == DEC_A || i == DEC_B || i == OUT;

		ret[i] = (struct dense){a->in, a->out,
					each_step ? k->lanes * (int)k->shape.horizon
						  : k->lanes,
					w + a->at, dw ? dw + a->at : NULL};
	}
}

static void rectify(const struct kern *kern, const struct dense *d, real *y)
{
	kern->rectify((size_t)d->out * (size_t)d->lanes, y);
}

static void rectify_back(const struct kern *kern, const struct dense *d, const real *y,
			 real *dy)
{
	kern->rectify_back((size_t)d->out * (size_t)d->lanes, y, dy);
}

void net_forward(const struct kern *kern, struct net_work *k, const real *w)
{
	const struct net_shape *s = &k->shape;
	size_t n = (size_t)k->lanes, wide = n * s->horizon;
	struct dense d[LAYERS];

	layers_of(k, w, NULL, d);
	memcpy(k->ctx_in, lstm_forward(kern, &k->enc, w), s->hidden * n * sizeof(real));
	dense_forward(kern, &d[CTX], k->ctx_in, k->ctx, false);
	rectify(kern, &d[CTX], k->ctx);

	kern->gemm(d[DEC_CTX].out, k->lanes, d[DEC_CTX].in, d[DEC_CTX].w, d[DEC_CTX].in,
		   1, k->ctx, k->lanes, k->da_sum, k->lanes, false);
	for (size_t r = 0; r < s->dec_a; r++)
		for (size_t h = 0; h < s->horizon; h++)
			memcpy(k->a + r * wide + h * n, k->da_sum + r * n,
			       n * sizeof(real));
	dense_forward(kern, &d[DEC_A], k->dec_in, k->a, true);
	rectify(kern, &d[DEC_A], k->a);
	dense_forward(kern, &d[DEC_B], k->a, k->b, false);
	rectify(kern, &d[DEC_B], k->b);
	dense_forward(kern, &d[OUT], k->b, k->q, false);

	memcpy(k->peak_in, k->ctx, s->context * n * sizeof(real));
	dense_forward(kern, &d[PEAK_A], k->peak_in, k->pa, false);
	rectify(kern, &d[PEAK_A], k->pa);
	dense_forward(kern, &d[PEAK_OUT], k->pa, k->peak_q, false);
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

/* The part of the context is the same at every step: its gradients add up. */
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
	int n = k->lanes, context = (int)s->context;
	struct dense d[LAYERS];

	layers_of(k, w, dw, d);
	dense_backward(kern, &d[OUT], k->b, k->dq, k->db);
	rectify_back(kern, &d[DEC_B], k->b, k->db);
	dense_backward(kern, &d[DEC_B], k->a, k->db, k->da);
	rectify_back(kern, &d[DEC_A], k->a, k->da);
	dense_backward(kern, &d[DEC_A], k->dec_in, k->da, NULL);
	sum_steps(k->da, k->da_sum, s->dec_a, s->horizon, (size_t)n);
	kern->outer(d[DEC_CTX].out, context, n, k->da_sum, n, 0, k->ctx, n, 0, 1,
		    d[DEC_CTX].dw, context);
	kern->gemm(context, n, d[DEC_CTX].out, d[DEC_CTX].w, 1, context, k->da_sum, n,
		   k->dctx, n, false);

	dense_backward(kern, &d[PEAK_OUT], k->pa, k->dpeak_q, k->dpa);
	rectify_back(kern, &d[PEAK_A], k->pa, k->dpa);
	dense_backward(kern, &d[PEAK_A], k->peak_in, k->dpa, k->dpeak_in);
	for (size_t i = 0; i < (size_t)context * (size_t)n; i++)
		k->dctx[i] += k->dpeak_in[i];

	rectify_back(kern, &d[CTX], k->ctx, k->dctx);
	dense_backward(kern, &d[CTX], k->ctx_in, k->dctx, k->dctx_in);
	lstm_backward(kern, &k->enc, w, k->dctx_in, dw);
}
