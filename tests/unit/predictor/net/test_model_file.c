/* Training, the ladder of methods, and damaged model files. */
#include "check.h"
#include "net/forecast.h"
#include "paper/workload.h"
#include "training/train.h"
#include "vrs/mem.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { DAYS = 6, MINUTES = DAYS * 1440 };
static const int64_t start_ms = 1704067200000; /* a Monday */

static struct bins load_of(int kind, uint64_t seed)
{
	const struct workload w = {
		.kind = kind, .seed = seed, .scale = 1, .every_day = 1};
	float *cpu = vrs_calloc(MINUTES, sizeof(*cpu));
	struct bins b;

	workload_fill(&w, start_ms, MINUTES, cpu);
	bins_init(&b, bin_of(start_ms), MINUTES / 5);
	for (int i = 0; i < MINUTES; i++)
		bins_add(&b, start_ms + (int64_t)i * 60000, (double)cpu[i]);
	bins_mean(&b);
	bins_truth(&b);
	free(cpu);
	return b;
}

struct world {
	struct train_series series[2];
	struct model *m;
};

static struct train_conf quick(void)
{
	struct train_conf c = train_defaults;

	c.hidden = 8;
	c.epochs = 3;
	c.max_windows = 1200;
	c.made_at_ms = start_ms;
	return c;
}

static int set_up(void **state)
{
	static struct world w;
	const struct train_conf c = quick();
	struct vrs_err err = {0};

	w.series[0] = (struct train_series){"a", load_of(2, 1)};
	w.series[1] = (struct train_series){"b", load_of(2, 2)};
	*state = &w;
	return train_model(&w.m, w.series, 2, &c, &err);
}

static int tear_down(void **state)
{
	struct world *w = *state;

	model_free(w->m);
	bins_fini(&w->series[0].bins);
	bins_fini(&w->series[1].bins);
	return 0;
}

static void the_same_seed_gives_the_same_model(void **state)
{
	struct world *w = *state;
	struct train_conf c = quick();
	struct vrs_err err = {0};
	struct model *again, *other;

	assert_ok(train_model(&again, w->series, 2, &c, &err), &err);
	assert_memory_equal(again->w, w->m->w, again->n_weights * sizeof(real));
	assert_true(again->data_hash == w->m->data_hash);
	c.seed = 2;
	assert_ok(train_model(&other, w->series, 2, &c, &err), &err);
	assert_memory_not_equal(other->w, w->m->w, other->n_weights * sizeof(real));
	model_free(again);
	model_free(other);
}

static int stop_at_once(void *arg, long step, long steps, double loss)
{
	(void)arg;
	(void)step;
	(void)steps;
	(void)loss;
	return 1;
}

static void training_can_be_stopped_and_wants_history(void **state)
{
	struct world *w = *state;
	struct train_conf c = quick();
	struct vrs_err err = {0};
	struct model *m = NULL;
	struct train_series little = w->series[0];

	c.progress = stop_at_once;
	assert_fails(train_model(&m, w->series, 2, &c, &err), VRS_ECANCELLED, &err);
	c.progress = NULL;
	little.bins.n = 200;
	assert_fails(train_model(&m, &little, 1, &c, &err), VRS_ENOENT, &err);
	assert_null(m);
}

static struct forecast ask(const struct model *m, const float *x, size_t n)
{
	struct forecaster *f = forecaster_new(m);
	const struct window w = {x, n, bin_of(start_ms) + (int64_t)n, 0};
	struct forecast got;

	forecast_make(f, &w, true, &got);
	forecaster_free(f);
	return got;
}

static void check_order(const struct forecast *f)
{
	for (int h = 0; h < BINS_AHEAD; h++) {
		assert_true(f->path[0][h] >= 0 && f->path[2][h] <= 100);
		assert_true(f->path[0][h] <= f->path[1][h]);
		assert_true(f->path[1][h] <= f->path[2][h]);
	}
	for (int p = 0; p < NET_PEAKS; p++)
		for (int q = 0; q + 1 < NET_QUANTILES; q++)
			assert_true(f->peak[p][q] <= f->peak[p][q + 1]);
	for (int q = 0; q < NET_QUANTILES; q++)
		assert_true(f->peak[0][q] <= f->peak[1][q]);
}

static void the_ladder_answers_by_what_is_known(void **state)
{
	struct world *w = *state;
	const float *x = w->series[0].bins.u;
	struct forecast f = ask(w->m, x, 4 * BINS_DAY);

	assert_int_equal(f.confidence, CONFIDENCE_OK);
	assert_int_equal(f.history_min, 4 * 1440);
	check_order(&f);

	f = ask(w->m, x, 27 * BINS_HOUR); /* a day, and a little */
	assert_int_equal(f.method, METHOD_LSTM);
	assert_int_equal(f.confidence, CONFIDENCE_LOW);
	assert_non_null(strstr(f.reason, "27.0 h"));
	check_order(&f);

	f = ask(w->m, x, 6 * BINS_HOUR);
	assert_int_equal(f.method, METHOD_LSTM);
	assert_int_equal(f.confidence, CONFIDENCE_LOW);
	assert_non_null(strstr(f.reason, "6.0 h"));
	check_order(&f);

	f = ask(NULL, x, 4 * BINS_DAY);
	assert_true(f.method != METHOD_LSTM && f.method != METHOD_NONE);
	assert_int_equal(f.confidence, CONFIDENCE_LOW);
	assert_non_null(strstr(f.reason, "no model"));
	check_order(&f);

	f = ask(w->m, x, 0);
	assert_int_equal(f.method, METHOD_NONE);
	assert_int_equal(f.confidence, CONFIDENCE_NONE);
	assert_true(isnan(f.last));
}

static void silence_makes_less_sure_and_then_mute(void **state)
{
	struct world *w = *state;
	size_t n = 4 * BINS_DAY;
	float *x = vrs_calloc(n, sizeof(*x));

	memcpy(x, w->series[0].bins.u, n * sizeof(*x));
	for (size_t i = 0; i < 6; i++)
		x[n - 1 - i] = NAN;
	struct forecast f = ask(w->m, x, n);
	assert_int_equal(f.confidence, CONFIDENCE_LOW);
	assert_non_null(strstr(f.reason, "no sample for 30 min"));
	check_order(&f);
	for (size_t i = 0; i < 30; i++)
		x[n - 1 - i] = NAN;
	f = ask(w->m, x, n);
	assert_int_equal(f.confidence, CONFIDENCE_NONE);
	assert_int_equal(f.method, METHOD_NONE);
	free(x);
}

static void many_windows_at_once_are_as_one_by_one(void **state)
{
	enum { N = 70 };
	struct world *w = *state;
	struct forecaster *f = forecaster_new(w->m);
	struct window many[N];
	struct forecast got[N], one;

	for (size_t i = 0; i < N; i++)
		many[i] = (struct window){w->series[0].bins.u, 500 + 10 * i,
					  bin_of(start_ms) + 500 + 10 * (int64_t)i, 0};
	forecast_net(f, many, N, got);
	for (size_t i = 0; i < N; i += 23) {
		forecast_net(f, &many[i], 1, &one);
		for (size_t h = 0; h < BINS_AHEAD; h++)
			assert_float_equal(one.path[0][h], got[i].path[0][h], 1e-3);
		assert_float_equal(one.peak[1][1], got[i].peak[1][1], 1e-3);
	}
	forecaster_free(f);
}

static void a_model_comes_back_from_its_bytes(void **state)
{
	struct world *w = *state;
	struct vrs_err err = {0};
	struct model *m = NULL;
	size_t n;
	char *bytes = model_pack(w->m, &n);

	assert_ok(model_unpack(&m, bytes, n, &err), &err);
	assert_memory_equal(m->w, w->m->w, m->n_weights * sizeof(real));
	assert_string_equal(m->version, w->m->version);
	assert_float_equal(m->peak_stretch[1][1], w->m->peak_stretch[1][1], 0);
	model_free(m);
	free(bytes);
}

static void a_damaged_model_is_refused(void **state)
{
	struct world *w = *state;
	struct vrs_err err = {0};
	struct model *m = NULL;
	size_t n;
	char *bytes = model_pack(w->m, &n);

	for (size_t at = 0; at < n; at += at < 200 ? 1 : 997) {
		bytes[at] ^= 0x10;
		assert_true(model_unpack(&m, bytes, n, &err) < 0);
		bytes[at] ^= 0x10;
	}
	for (size_t cut = 0; cut < n; cut += cut < 200 ? 1 : 997)
		assert_fails(model_unpack(&m, bytes, cut, &err), VRS_EPARSE, &err);
	char *longer = vrs_calloc(1, n + 4);
	memcpy(longer, bytes, n);
	assert_true(model_unpack(&m, longer, n + 4, &err) < 0);
	assert_null(m);
	free(longer);
	free(bytes);
}

static void a_weight_that_is_no_number_is_refused(void **state)
{
	struct world *w = *state;
	struct vrs_err err = {0};
	struct model *m = NULL;
	size_t n;
	real keep = w->m->w[7];

	w->m->w[7] = NAN;
	char *bytes = model_pack(w->m, &n); /* its checksum is right */
	w->m->w[7] = keep;
	assert_fails(model_unpack(&m, bytes, n, &err), VRS_EPARSE, &err);
	free(bytes);
}

static void files_are_saved_whole_and_loaded(void **state)
{
	struct world *w = *state;
	char dir[] = "/tmp/vrs-model-XXXXXX", path[64];
	struct vrs_err err = {0};
	struct model *m = NULL;

	assert_non_null(mkdtemp(dir));
	(void)snprintf(path, sizeof(path), "%s/m", dir);
	assert_fails(model_load(&m, path, &err), VRS_ENOENT, &err);
	assert_ok(model_save(w->m, path, &err), &err);
	assert_ok(model_load(&m, path, &err), &err);
	model_free(m);
	m = NULL;
	assert_int_equal(truncate(path, 0), 0);
	assert_fails(model_load(&m, path, &err), VRS_EPARSE, &err);
	assert_fails(model_load(&m, dir, &err), VRS_EPARSE, &err);
	assert_true(model_save(w->m, "/nonexistent/m", &err) < 0);
	(void)unlink(path);
	(void)rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_seed_gives_the_same_model),
		cmocka_unit_test(training_can_be_stopped_and_wants_history),
		cmocka_unit_test(the_ladder_answers_by_what_is_known),
		cmocka_unit_test(silence_makes_less_sure_and_then_mute),
		cmocka_unit_test(many_windows_at_once_are_as_one_by_one),
		cmocka_unit_test(a_model_comes_back_from_its_bytes),
		cmocka_unit_test(a_damaged_model_is_refused),
		cmocka_unit_test(a_weight_that_is_no_number_is_refused),
		cmocka_unit_test(files_are_saved_whole_and_loaded),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
