/* net_set.c - see net_set.h. */
#include "paper/net_set.h"

#include <math.h>
#include <stdio.h>
#include <xxhash.h>

#include "net/file.h"
#include "vrs/mem.h"

enum { FORMAT = 1, MAX_BYTES = 64 << 20, MAX_MEMBERS = 4096, NAME_BYTES = 136 };

static const char magic[8] = {'V', 'R', 'S', 'P', 'A', 'P', 'E', 'R'};

struct header {
	char magic[8];
	uint32_t format, n;
};

/* A net in the file; its weights follow. */
struct record {
	char name[NAME_BYTES], preset[24];
	int32_t window, batch, epochs, hidden, scaler;
	uint32_t seed;
	double rate, shift, scale;
};

_Static_assert(sizeof(struct record) == 208, "a record has no holes");

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

struct paper_set *paper_set_new(void)
{
	return vrs_calloc(1, sizeof(struct paper_set));
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

int paper_set_add(struct paper_set *s, const char *name, const struct grid *g,
		  int64_t until_ms, const struct paper_conf *conf,
		  int (*progress)(void *arg, int epoch, double train, double valid),
		  void *arg, struct vrs_err *err)
{
	size_t n = until_ms > 0 ? grid_before(g, until_ms) : g->n;
	size_t from = n > PAPER_ROWS ? n - PAPER_ROWS : 0;
	struct paper_model *m = NULL;
	int status = paper_train(&m, g->x + from, n - from, conf, progress, arg, err);

	if (status < 0)
		vrs_context(err, "%s", name);
	else
		add_take(s, vrs_strdup(name), m);
	return status;
}

const struct paper_model *paper_set_find(const struct paper_set *s, const char *name)
{
	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->member[i].name, name) == 0)
			return s->member[i].m;
	return NULL;
}

/* The path in bins from the path in cells; the peak is the highest of it. */
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

void paper_set_forecast(const struct paper_model *m, const struct grid *g,
			const int64_t *origin, size_t n, struct forecast *ret)
{
	size_t window = (size_t)m->conf.window, kept = 0;
	size_t per_bin = (size_t)(BIN_MS / g->step_ms), ahead = BINS_AHEAD * per_bin;
	float *before = vrs_calloc(n * window + 1, sizeof(*before));
	float *path = vrs_calloc(n * ahead + 1, sizeof(*path));
	size_t *place = vrs_calloc(n + 1, sizeof(*place));

	for (size_t i = 0; i < n; i++) {
		size_t end = grid_before(g, origin[i] * BIN_MS);
		bool whole = end >= window &&
			     g->first_ms + (int64_t)end * g->step_ms + BIN_MS >
				     origin[i] * BIN_MS;

		ret[i] = (struct forecast){.last = NAN};
		for (size_t t = 0; whole && t < window; t++)
			whole = !isnan(g->x[end - window + t]);
		if (!whole) {
			(void)snprintf(
				ret[i].reason, sizeof(ret[i].reason),
				"the paper's net requires %zu consecutive readings",
				window);
			continue;
		}
		memcpy(before + kept * window, g->x + end - window,
		       window * sizeof(*before));
		ret[i].last = g->x[end - 1];
		ret[i].history_min = (uint32_t)((int64_t)end * g->step_ms / 60000);
		place[kept++] = i;
	}
	paper_forecast(m, before, kept, path, ahead);
	for (size_t k = 0; k < kept; k++) {
		struct forecast *f = &ret[place[k]];

		f->method = METHOD_PAPER;
		f->confidence = CONFIDENCE_LOW;
		(void)snprintf(f->reason, sizeof(f->reason),
			       "the paper's net predicts no quantiles");
		into_bins(path + k * ahead, per_bin, f);
	}
	free(before);
	free(path);
	free(place);
}

int paper_set_save(const struct paper_set *s, const char *path, struct vrs_err *err)
{
	struct header h = {.format = FORMAT, .n = (uint32_t)s->n};
	struct vrs_text out = {0};

	memcpy(h.magic, magic, sizeof(magic));
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
	uint64_t sum = XXH3_64bits(out.text, out.len);
	vrs_text_add_bytes(&out, &sum, sizeof(sum));
	int status = file_write(path, out.text, out.len, err);
	if (status < 0)
		vrs_context(err, "model");
	vrs_text_fini(&out);
	return status;
}

/* A preset may have been changed on the command line: the name is what is kept of it. */
static const char *preset_name(const char *name)
{
	const struct paper_conf *p = paper_preset(name);

	return p ? p->name : "paper";
}

/* One net; returns the bytes it took, 0 when they make no sense. */
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
	struct paper_model *m = vrs_calloc(1, sizeof(*m));
	m->conf = (struct paper_conf){.name = preset_name(r.preset),
				      .window = r.window,
				      .batch = r.batch,
				      .epochs = r.epochs,
				      .hidden = r.hidden,
				      .scaler = (enum scaler_kind)r.scaler,
				      .rate = r.rate,
				      .seed = r.seed};
	m->scaler = (struct scaler){r.shift, r.scale};
	m->w = nn_alloc(weights);
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
	uint64_t sum;

	if (n < sizeof(h) + sizeof(sum))
		return vrs_fail(err, VRS_EPARSE, "model: file too short: %zu bytes", n);
	memcpy(&h, bytes, sizeof(h));
	if (memcmp(h.magic, magic, sizeof(magic)) != 0 || h.format != FORMAT)
		return vrs_fail(err, VRS_EPARSE, "model: not a file of the paper's nets");
	n -= sizeof(sum);
	memcpy(&sum, (const char *)bytes + n, sizeof(sum));
	if (XXH3_64bits(bytes, n) != sum)
		return vrs_fail(err, VRS_EPARSE, "model: damaged: checksum mismatch");
	struct paper_set *s = paper_set_new();
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
	int status = file_read(&bytes, &n, path, MAX_BYTES, err);

	if (status < 0) {
		vrs_context(err, "model");
		return status;
	}
	status = paper_set_unpack(ret, bytes, n, err);
	if (status < 0)
		vrs_context(err, "%s", path);
	free(bytes);
	return status;
}

bool paper_set_is(const char *path)
{
	FILE *f = fopen(path, "rbe");
	char got[sizeof(magic)] = "";
	bool is = f && fread(got, 1, sizeof(got), f) == sizeof(got) &&
		  memcmp(got, magic, sizeof(got)) == 0;

	if (f)
		(void)fclose(f);
	return is;
}
