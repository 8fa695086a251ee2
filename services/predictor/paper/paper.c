/* paper.c - see paper.h. */
#include "paper/paper.h"

#include <math.h>

#include "net/adam.h"
#include "vrs/mem.h"

#define PRESET(n, w, b, e)                                                               \
	{                                                                                \
		.name = (n), .window = (w), .batch = (b), .epochs = (e), .hidden = 64,   \
		.scaler = SCALER_MINMAX, .rate = 1e-3, .seed = 1                         \
	}
static const struct paper_conf presets[] = {
	PRESET("paper-13", 30, 30, 100),
	PRESET("paper-12-1", 10, 10, 50),
	PRESET("paper-12-2", 30, 30, 100),
	PRESET("paper-12-3", 60, 60, 200),
};

const struct paper_conf *paper_preset(const char *name)
{
	for (size_t i = 0; i < sizeof(presets) / sizeof(*presets); i++)
		if (strcmp(presets[i].name, name) == 0)
			return &presets[i];
	return NULL;
}

size_t paper_rows(const float *x, size_t n, int window, float **ret)
{
	size_t width = (size_t)window + 1, rows = 0, whole = 0;

	*ret = vrs_calloc(n >= width ? (n - width + 1) * width : 1, sizeof(**ret));
	for (size_t i = 0; i < n; i++) {
		whole = isnan(x[i]) ? 0 : whole + 1;
		if (whole >= width)
			memcpy(*ret + rows++ * width, x + i + 1 - width,
			       width * sizeof(*x));
	}
	return rows;
}

/* Up to a batch of rows into the lanes; order NULL: as they come. */
static void load(struct paper_work *k, const struct scaler *s, const float *rows,
		 const uint32_t *order, int n)
{
	size_t width = (size_t)k->shape.window + 1;

	k->used = n;
	for (int l = 0; l < n; l++) {
		const float *row = rows + (order ? order[l] : (size_t)l) * width;

		for (int t = 0; t < k->shape.window; t++)
			lstm_input(&k->tape, t, 0)[l] =
				(real)scaler_apply(s, (double)row[t]);
		k->y[l] = (real)scaler_apply(s, (double)row[width - 1]);
	}
}

/* Mean over n rows. */
static double evaluate(const struct kern *kern, struct paper_work *k,
		       const struct paper_model *m, const float *rows, size_t n)
{
	size_t width = (size_t)m->conf.window + 1, batch = (size_t)m->conf.batch;
	double sum = 0;

	for (size_t i = 0; i < n; i += batch) {
		int some = n - i < batch ? (int)(n - i) : (int)batch;

		load(k, &m->scaler, rows + i * width, NULL, some);
		paper_forward(kern, k, m->w);
		sum += paper_loss(k) * some;
	}
	return n ? sum / (double)n : NAN;
}

struct paper_descent {
	struct paper_conf conf;
	const struct kern *kern;
	const float *rows;
	uint32_t *order;
	size_t n;
	struct rng rng;
	struct paper_work k;
	struct adam adam;
	real *slope;
};

struct paper_descent *paper_descent_new(const struct paper_model *m,
					const struct kern *kern, const float *rows,
					size_t n)
{
	const struct paper_shape shape = {m->conf.window, m->conf.hidden};
	struct paper_descent *d = vrs_calloc(1, sizeof(*d));

	*d = (struct paper_descent){.conf = m->conf,
				    .kern = kern,
				    .rows = rows,
				    .order = vrs_calloc(n + 1, sizeof(*d->order)),
				    .n = n,
				    .rng = {m->conf.seed + 1}};
	for (size_t i = 0; i < n; i++)
		d->order[i] = (uint32_t)i;
	paper_work_init(&d->k, &shape, nn_lanes(m->conf.batch));
	adam_init(&d->adam, paper_n_weights(&shape));
	d->slope = nn_alloc(d->adam.n);
	return d;
}

void paper_descent_free(struct paper_descent *d)
{
	if (!d)
		return;
	paper_work_fini(&d->k);
	adam_fini(&d->adam);
	free(d->order);
	free(d->slope);
	free(d);
}

double paper_descent_epoch(struct paper_descent *d, struct paper_model *m)
{
	double sum = 0;

	if (!d->conf.in_order)
		rng_shuffle(&d->rng, d->order, d->n, sizeof(*d->order));
	for (size_t i = 0; i < d->n; i += (size_t)d->conf.batch) {
		size_t left = d->n - i;
		int some = left < (size_t)d->conf.batch ? (int)left : d->conf.batch;

		load(&d->k, &m->scaler, d->rows, d->order + i, some);
		paper_forward(d->kern, &d->k, m->w);
		sum += paper_loss(&d->k) * some;
		memset(d->slope, 0, d->adam.n * sizeof(*d->slope));
		paper_backward(d->kern, &d->k, m->w, d->slope);
		adam_step(d->kern, &d->adam, m->w, d->slope, d->conf.rate);
	}
	return sum / (double)d->n;
}

struct paper_model *paper_model_new(const struct paper_conf *conf,
				    const struct scaler *scaler)
{
	const struct paper_shape shape = {conf->window, conf->hidden};
	struct paper_model *m = vrs_calloc(1, sizeof(*m));
	struct rng rng = {conf->seed};

	m->conf = *conf;
	m->conf.progress = NULL;
	m->scaler = *scaler;
	m->w = nn_alloc(paper_n_weights(&shape));
	paper_start(&shape, m->w, &rng);
	return m;
}

int paper_train(struct paper_model **ret, const float *x, size_t n,
		const struct paper_conf *conf, struct vrs_err *err)
{
	const struct scaler scaler = scaler_fit(conf->scaler, x, n);
	struct paper_descent *d = NULL;
	struct paper_model *m = NULL;
	float *rows = NULL;
	int status = 0;

	size_t all = paper_rows(x, n, conf->window, &rows), n_train = all * 3 / 4;
	if (n_train < (size_t)conf->batch) {
		status = vrs_fail(err, VRS_ENOENT,
				  "paper: %zu rows without a gap, more than %d required",
				  all, conf->batch * 4 / 3);
		goto out;
	}
	const float *valid = rows + n_train * ((size_t)conf->window + 1);
	m = paper_model_new(conf, &scaler);
	m->train = vrs_calloc((size_t)conf->epochs + 1, sizeof(*m->train));
	m->valid = vrs_calloc((size_t)conf->epochs + 1, sizeof(*m->valid));
	d = paper_descent_new(m, kern_best(), rows, n_train);
	for (int e = 0; e < conf->epochs; e++) {
		m->train[e] = paper_descent_epoch(d, m);
		m->valid[e] = evaluate(d->kern, &d->k, m, valid, all - n_train);
		if (conf->progress &&
		    conf->progress(conf->progress_arg, (e + 1.0) / conf->epochs,
				   conf->name)) {
			status = vrs_fail(err, VRS_ECANCELLED, "paper: stopped");
			goto out;
		}
	}
	*ret = m;
	m = NULL;
out:
	paper_model_free(m);
	paper_descent_free(d);
	free(rows);
	return status;
}

void paper_model_free(struct paper_model *m)
{
	if (!m)
		return;
	free(m->w);
	free(m->train);
	free(m->valid);
	free(m);
}

double paper_test(const struct paper_model *m, const float *x, size_t n,
		  double *ret_last_value)
{
	const struct paper_shape shape = {m->conf.window, m->conf.hidden};
	struct paper_work k;
	float *rows;
	size_t all = paper_rows(x, n, m->conf.window, &rows);
	size_t width = (size_t)m->conf.window + 1;
	double last = 0;

	paper_work_init(&k, &shape, nn_lanes(m->conf.batch));
	double error = evaluate(kern_best(), &k, m, rows, all);
	for (size_t i = 0; i < all; i++) {
		const float *row = rows + i * width;

		last += pow((double)(row[width - 1] - row[width - 2]) / m->scaler.scale,
			    2);
	}
	*ret_last_value = all ? last / (double)all : NAN;
	paper_work_fini(&k);
	free(rows);
	return error;
}

void paper_forecast(const struct paper_model *m, const float *const *before, size_t n,
		    float *ret, size_t ahead)
{
	const struct paper_shape shape = {m->conf.window, m->conf.hidden};
	size_t window = (size_t)m->conf.window, width = window + ahead;
	float *seen = vrs_calloc(NN_LANES * width, sizeof(*seen));
	const struct kern *kern = kern_best();
	struct paper_work k;

	paper_work_init(&k, &shape, NN_LANES);
	for (size_t first = 0; first < n; first += NN_LANES) {
		size_t some = n - first < NN_LANES ? n - first : NN_LANES;

		for (size_t l = 0; l < some; l++)
			memcpy(seen + l * width, before[first + l],
			       window * sizeof(*seen));
		for (size_t i = 0; i < ahead; i++) {
			for (size_t t = 0; t < window; t++)
				for (size_t l = 0; l < some; l++)
					lstm_input(&k.tape, (int)t, 0)[l] =
						(real)scaler_apply(
							&m->scaler,
							(double)seen[l * width + i + t]);
			paper_forward(kern, &k, m->w);
			for (size_t l = 0; l < some; l++) {
				double x = scaler_undo(&m->scaler, (double)k.q[l]);

				seen[l * width + window + i] =
					(float)fmin(100, fmax(0, x));
			}
		}
		for (size_t l = 0; l < some; l++)
			memcpy(ret + (first + l) * ahead, seen + l * width + window,
			       ahead * sizeof(*ret));
	}
	paper_work_fini(&k);
	free(seen);
}
