/* net_set.c - see net_set.h. */
#include "paper/net_set.h"

#include <math.h>
#include <stdio.h>

#include "net/file.h"

enum { FORMAT = 1, MAX_MEMBERS = 4096, NAME_BYTES = 136 };

struct header {
	char magic[8];
	uint32_t format, n;
};

static const struct file_kind kind = {"VRSPAPER", FORMAT, sizeof(struct header),
				      64 << 20};

/* One net; its weights follow. */
struct record {
	char name[NAME_BYTES], preset[24];
	int32_t window, batch, epochs, hidden, scaler;
	uint32_t seed;
	double rate, shift, scale;
};

_Static_assert(sizeof(struct record) == 208, "a record has no padding");

struct member {
	char *name;
	struct paper_model *m;
};

struct paper_set {
	struct member *member;
	size_t n;
};

static int by_value(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static int64_t median_step(const struct trace *t)
{
	int64_t *d = vrs_calloc(t->n + 1, sizeof(*d)), step = BIN_MS;

	for (size_t i = 1; i < t->n; i++)
		d[i - 1] = t->at_ms[i] - t->at_ms[i - 1];
	if (t->n > 1) {
		qsort(d, t->n - 1, sizeof(*d), by_value);
		step = d[(t->n - 1) / 2];
	}
	free(d);
	return step < 60000 ? 60000 : step > BIN_MS ? BIN_MS : step / 60000 * 60000;
}

void grid_of(const struct trace *t, struct grid *ret)
{
	struct grid g = {.step_ms = median_step(t)};

	if (t->n > 0) {
		g.first_ms = t->at_ms[0] / g.step_ms * g.step_ms;
		g.n = (size_t)((t->at_ms[t->n - 1] - g.first_ms) / g.step_ms) + 1;
	}
	g.x = vrs_calloc(g.n ? g.n : 1, sizeof(*g.x));
	for (size_t i = 0; i < g.n; i++)
		g.x[i] = NAN;
	for (size_t i = 0; i < t->n; i++)
		g.x[(t->at_ms[i] - g.first_ms) / g.step_ms] = t->pct[i];
	*ret = g;
}

void grid_free(struct grid *g)
{
	free(g->x);
	*g = (struct grid){0};
}

size_t grid_before(const struct grid *g, int64_t at_ms)
{
	if (at_ms <= g->first_ms)
		return 0;
	size_t n = (size_t)((at_ms - g->first_ms) / g->step_ms);
	return n < g->n ? n : g->n;
}

bool grid_whole(const struct grid *g, size_t end, size_t n)
{
	if (end < n || end > g->n)
		return false;
	for (size_t i = end - n; i < end; i++)
		if (isnan(g->x[i]))
			return false;
	return true;
}

void paper_set_free(struct paper_set *s)
{
	for (size_t i = 0; s && i < s->n; i++) {
		free(s->member[i].name);
		paper_model_free(s->member[i].m);
	}
	if (s)
		free(s->member);
	free(s);
}

size_t paper_set_size(const struct paper_set *s)
{
	return s->n;
}

static void add_take(struct paper_set *s, char *name, struct paper_model *m)
{
	s->member = vrs_realloc(s->member, s->n + 1, sizeof(*s->member));
	s->member[s->n++] = (struct member){name, m};
}

/* Progress of one trace as a part of the progress of all. */
struct part {
	const struct paper_conf *all;
	size_t i, n;
	const char *name;
};

static int on_progress(void *arg, double share, const char *note)
{
	const struct part *p = arg;

	(void)note;
	return p->all->progress(p->all->progress_arg,
				((double)p->i + share) / (double)p->n, p->name);
}

static int train_one(struct paper_set *s, const struct trace *t, int64_t until_ms,
		     const struct paper_conf *conf, struct vrs_err *err)
{
	struct paper_model *m = NULL;
	struct grid g;

	grid_of(t, &g);
	size_t n = until_ms > 0 ? grid_before(&g, until_ms) : g.n;
	size_t from = n > PAPER_ROWS ? n - PAPER_ROWS : 0;
	int status = paper_train(&m, g.x + from, n - from, conf, err);
	if (status < 0)
		vrs_context(err, "%s", t->name);
	else
		add_take(s, vrs_strdup(t->name), m);
	grid_free(&g);
	return status;
}

int paper_set_train(struct paper_set **ret, const struct traces *t, int64_t until_ms,
		    const struct paper_conf *conf, struct vrs_err *err)
{
	struct paper_set *s = vrs_calloc(1, sizeof(*s));
	int status = 0;

	for (size_t i = 0; i < t->n && (status == 0 || status == VRS_ENOENT); i++) {
		struct part part = {conf, i, t->n, t->trace[i].name};
		struct paper_conf c = *conf;

		c.progress = conf->progress ? on_progress : NULL;
		c.progress_arg = &part;
		status = train_one(s, &t->trace[i], until_ms, &c, err);
	}
	if (s->n > 0 && (status == 0 || status == VRS_ENOENT)) {
		*ret = s;
		return 0;
	}
	paper_set_free(s);
	if (status == 0)
		status = vrs_fail(err, VRS_ENOENT, "paper: no series");
	return status;
}

static const struct paper_model *find(const struct paper_set *s, const char *name)
{
	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->member[i].name, name) == 0)
			return s->member[i].m;
	return NULL;
}

/* The path in bins from the path in cells; the peak is its highest value. */
static void into_bins(const float *path, size_t per_bin, struct forecast *ret)
{
	float high = 0;

	for (size_t h = 0; h < BINS_AHEAD; h++) {
		float sum = 0;

		for (size_t i = 0; i < per_bin; i++)
			sum += path[h * per_bin + i] / (float)per_bin;
		high = fmaxf(high, sum);
		for (int q = 0; q < NET_QUANTILES; q++) {
			ret->path[q][h] = sum;
			ret->peak[1][q] = high;
			if (h < BINS_AHEAD / 2)
				ret->peak[0][q] = high;
		}
	}
}

static void forecast(const struct paper_model *m, const struct grid *g,
		     const int64_t *origin, size_t n, struct forecast *ret)
{
	size_t window = (size_t)m->conf.window, kept = 0;
	size_t per_bin = (size_t)(BIN_MS / g->step_ms), ahead = BINS_AHEAD * per_bin;
	const float **before = vrs_calloc(n + 1, sizeof(*before));
	float *path = vrs_calloc(n * ahead + 1, sizeof(*path));
	struct forecast **kept_at = vrs_calloc(n + 1, sizeof(struct forecast *));

	for (size_t i = 0; i < n; i++) {
		int64_t at_ms = origin[i] * BIN_MS;
		size_t end = grid_before(g, at_ms);

		if (!grid_whole(g, end, window) ||
		    g->first_ms + (int64_t)end * g->step_ms + BIN_MS <= at_ms) {
			(void)snprintf(
				ret[i].reason, sizeof(ret[i].reason),
				"the paper's net requires %zu consecutive readings",
				window);
			continue;
		}
		before[kept] = g->x + end - window;
		ret[i].method = METHOD_PAPER;
		ret[i].confidence = CONFIDENCE_LOW;
		(void)snprintf(ret[i].reason, sizeof(ret[i].reason),
			       "the paper's net predicts no quantiles");
		ret[i].last = g->x[end - 1];
		ret[i].history_min = (uint32_t)((int64_t)end * g->step_ms / 60000);
		kept_at[kept++] = &ret[i];
	}
	paper_forecast(m, before, kept, path, ahead);
	for (size_t k = 0; k < kept; k++)
		into_bins(path + k * ahead, per_bin, kept_at[k]);
	free(before);
	free(path);
	free(kept_at);
}

void paper_set_forecast(const struct paper_set *s, const struct trace *t,
			const int64_t *origin, size_t n, struct forecast *ret)
{
	const struct paper_model *m = find(s, t->name);
	struct grid g;

	for (size_t i = 0; i < n; i++) {
		ret[i] = (struct forecast){.last = NAN};
		if (!m)
			(void)snprintf(ret[i].reason, sizeof(ret[i].reason),
				       "the model file has no net for this series");
	}
	if (!m)
		return;
	grid_of(t, &g);
	forecast(m, &g, origin, n, ret);
	grid_free(&g);
}

int paper_set_save(const struct paper_set *s, const char *path, struct vrs_err *err)
{
	struct header h = {.format = FORMAT, .n = (uint32_t)s->n};
	struct vrs_text out = {0};

	memcpy(h.magic, kind.magic, sizeof(h.magic));
	vrs_text_add_bytes(&out, &h, sizeof(h));
	for (size_t i = 0; i < s->n; i++) {
		const struct paper_model *m = s->member[i].m;
		const struct paper_conf *c = &m->conf;
		const struct paper_shape shape = {c->window, c->hidden};
		struct record r = {.window = c->window,
				   .batch = c->batch,
				   .epochs = c->epochs,
				   .hidden = c->hidden,
				   .scaler = (int32_t)c->scaler,
				   .seed = c->seed,
				   .rate = c->rate,
				   .shift = m->scaler.shift,
				   .scale = m->scaler.scale};

		(void)vrs_strcpy(r.name, sizeof(r.name), s->member[i].name);
		(void)vrs_strcpy(r.preset, sizeof(r.preset), c->name);
		vrs_text_add_bytes(&out, &r, sizeof(r));
		vrs_text_add_bytes(&out, m->w, paper_n_weights(&shape) * sizeof(real));
	}
	(void)file_seal(&out);
	int status = file_write(path, out.text, out.len, err);
	vrs_text_fini(&out);
	return status;
}

/* Only the name of a preset is stored; the command line may have changed its values. */
static const char *preset_name(const char *name)
{
	const struct paper_conf *p = paper_preset(name);

	return p ? p->name : "paper";
}

/* Unpacks one net; returns the bytes used, 0 if they are invalid. */
static size_t take_record(struct paper_set *s, const char *bytes, size_t n)
{
	struct record r;

	if (n < sizeof(r))
		return 0;
	memcpy(&r, bytes, sizeof(r));
	r.name[sizeof(r.name) - 1] = r.preset[sizeof(r.preset) - 1] = '\0';
	if (!vrs_id_ok(r.name) || r.window < 1 || r.window > 1440 || r.batch < 1 ||
	    r.batch > 4096 || r.hidden < 1 || r.hidden > 1024 || r.scaler < 0 ||
	    r.scaler >= SCALERS || !isfinite(r.shift) || !isfinite(r.scale) ||
	    !(r.scale > 0))
		return 0;
	const struct paper_shape shape = {r.window, r.hidden};
	size_t weights = paper_n_weights(&shape);
	if ((n - sizeof(r)) / sizeof(real) < weights)
		return 0;
	const struct paper_conf conf = {.name = preset_name(r.preset),
					.window = r.window,
					.batch = r.batch,
					.epochs = r.epochs,
					.hidden = r.hidden,
					.scaler = (enum scaler_kind)r.scaler,
					.rate = r.rate,
					.seed = r.seed};
	const struct scaler scaler = {r.shift, r.scale};
	struct paper_model *m = paper_model_new(&conf, &scaler);
	memcpy(m->w, bytes + sizeof(r), weights * sizeof(real));
	bool finite = true;
	for (size_t i = 0; i < weights; i++)
		finite = finite && isfinite(m->w[i]);
	add_take(s, vrs_strdup(r.name), m);
	return finite ? sizeof(r) + weights * sizeof(real) : 0;
}

int paper_set_unpack(struct paper_set **ret, const void *bytes, size_t n,
		     struct vrs_err *err)
{
	struct header h;
	int status = file_check(&kind, bytes, n, err);

	if (status < 0)
		return status;
	memcpy(&h, bytes, sizeof(h));
	n -= FILE_SEAL_BYTES;
	struct paper_set *s = vrs_calloc(1, sizeof(*s));
	size_t at = sizeof(h), took = 1;
	for (uint32_t i = 0; i < h.n && i < MAX_MEMBERS && took > 0; i++, at += took)
		took = take_record(s, (const char *)bytes + at, n - at);
	if (took == 0 || at != n || s->n != h.n) {
		paper_set_free(s);
		return vrs_fail(err, VRS_EPARSE, "model: invalid record among %u nets",
				h.n);
	}
	*ret = s;
	return 0;
}

int paper_set_load(struct paper_set **ret, const char *path, struct vrs_err *err)
{
	void *bytes = NULL;
	size_t n;
	int status = file_read(path, kind.max_bytes, &bytes, &n, err);

	if (status == 0 && (status = paper_set_unpack(ret, bytes, n, err)) < 0)
		vrs_context(err, "%s", path);
	free(bytes);
	return status;
}

bool paper_set_is(const char *path)
{
	return file_is(&kind, path);
}
