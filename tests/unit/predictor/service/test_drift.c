/* Forecasts that no longer fit and jumps of the level are detected. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "service/drift_job.h"

enum { N = 6 * BINS_DAY };

/* A net that predicts the simple forecast as P50 of the peak, a P90 so many deviations
 * above it, and a P99 twice as far. */
static struct model *net_with_p90(float p90)
{
	const struct net_shape shape = features_shape(4);
	struct model *m = model_new(&shape);
	struct net_block block[NET_BLOCKS];

	net_blocks(&shape, block);
	real *bias = m->w + block[NET_BLOCKS - 1].at + block[NET_BLOCKS - 1].n -
		     (size_t)NET_PEAKS * NET_QUANTILES;
	for (int p = 0; p < NET_PEAKS; p++) {
		bias[p * NET_QUANTILES + 1] = p90;
		bias[p * NET_QUANTILES + 2] = 2 * p90;
	}
	return m;
}

static struct window noisy(float x[N], double noise)
{
	struct rng rng = {5};

	for (size_t i = 0; i < N; i++)
		x[i] = (float)(40 + 10 * sin((double)i * 2 * M_PI / BINS_DAY) +
			       noise * rng_normal(&rng));
	return (struct window){x, N, 20000 * BINS_DAY, 0};
}

static void check(const struct model *m, const struct window *w, struct drift *ret)
{
	struct forecaster *f = forecaster_new(m);

	drift_check(f, w, ret);
	forecaster_free(f);
}

static void peaks_above_their_p90_are_noticed_and_it_is_widened(void **state)
{
	struct model *narrow = net_with_p90(0.05F), *wide = net_with_p90(9);
	float x[N];
	struct window w = noisy(x, 4);
	struct drift d;

	(void)state;
	check(narrow, &w, &d);
	assert_int_equal(d.origins, DRIFT_ORIGINS);
	assert_int_equal(d.state, DRIFT_TOO_NARROW);
	assert_true(d.covered < 0.75);
	assert_true(d.widen > 1 && d.widen <= 3);
	check(wide, &w, &d);
	assert_int_equal(d.state, DRIFT_TOO_WIDE);
	assert_float_equal(d.widen, 1, 0);
	assert_float_equal(d.covered, 1, 0);
	check(NULL, &w, &d);
	assert_int_equal(d.state, DRIFT_UNKNOWN);
	w.x += N - BINS_DAY;
	w.n = BINS_DAY;
	check(narrow, &w, &d);
	assert_int_equal(d.state, DRIFT_UNKNOWN);
	model_free(narrow);
	model_free(wide);
}

static void widening_keeps_the_median_and_the_limits(void **state)
{
	struct forecast f = {.method = METHOD_LSTM};

	(void)state;
	for (size_t q = 0; q < NET_QUANTILES; q++)
		f.peak[1][q] = f.path[q][7] = 60 + 15 * (float)q;
	drift_widen(&f, 2);
	assert_float_equal(f.peak[1][0], 60, 1e-3);
	assert_float_equal(f.peak[1][1], 90, 1e-3);
	assert_float_equal(f.peak[1][2], 100, 1e-3);
	assert_float_equal(f.path[1][7], 90, 1e-3);
	drift_widen(&f, 1);
	assert_float_equal(f.peak[1][1], 90, 1e-3);
}

static void a_level_left_for_more_than_an_hour_is_a_jump(void **state)
{
	struct model *m = net_with_p90(1);
	float x[N];
	struct window w = noisy(x, 1);
	struct drift d;

	(void)state;
	check(m, &w, &d);
	assert_float_equal(d.jump, 0, 0);
	for (size_t i = N - BINS_HOUR; i < N; i++)
		x[i] = 95;
	check(m, &w, &d);
	assert_float_equal(d.jump, 0, 0); /* not more than an hour yet */
	x[N - BINS_HOUR - 1] = 95;
	check(m, &w, &d);
	assert_true(d.jump > 40);
	x[N - 5] = NAN;
	check(m, &w, &d);
	assert_float_equal(d.jump, 0, 0);
	model_free(m);
}

static void only_changes_make_events(void **state)
{
	char name[] = "c1";
	struct drift_row was = {.name = name, .drift = {.state = DRIFT_FITS, .widen = 1}};
	struct drift_row now = {.name = name,
				.drift = {DRIFT_TOO_NARROW, 44, 0.5, 1.7F, 0}};
	const char *kind = "";
	char text[200];

	(void)state;
	assert_true(drift_event(NULL, &now, &kind, text, sizeof(text)));
	assert_true(drift_event(&was, &now, &kind, text, sizeof(text)));
	assert_string_equal(kind, "forecast.drift");
	assert_string_equal(text,
			    "c1: only 50 % of the peaks in two days were at or below "
			    "their P90; quantiles are stretched by 1.7");
	assert_false(drift_event(&now, &now, &kind, text, sizeof(text)));
	assert_false(drift_event(NULL, &was, &kind, text, sizeof(text)));
	assert_true(drift_event(&now, &was, &kind, text, sizeof(text)));
	now.drift.jump = -30;
	assert_true(drift_event(&was, &now, &kind, text, sizeof(text)));
	assert_string_equal(kind, "forecast.level");
	struct drift_table t = {&was, 1};
	assert_ptr_equal(drift_table_find(&t, "c1", ""), &was);
	assert_null(drift_table_find(&t, "c1", "h1"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(peaks_above_their_p90_are_noticed_and_it_is_widened),
		cmocka_unit_test(widening_keeps_the_median_and_the_limits),
		cmocka_unit_test(a_level_left_for_more_than_an_hour_is_a_jump),
		cmocka_unit_test(only_changes_make_events),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
