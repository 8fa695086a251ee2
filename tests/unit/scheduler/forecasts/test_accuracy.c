#include <math.h>

#include "check.h"
#include "forecasts/accuracy.h"

static const int64_t minute = 60000;
static const int64_t day0 = 1760000100000 / 300000 * 300000; /* a bin begins */

static void play(struct forecast_accuracy *s, int64_t from_min, int64_t to_min,
		 double ratio)
{
	for (int64_t m = from_min; m < to_min; m++)
		forecast_accuracy_add_reading(s, "c1", day0 + m * minute, ratio);
}

static void a_forecast_is_scored_when_its_two_hours_are_over(void **state)
{
	(void)state;
	struct forecast_accuracy *s = forecast_accuracy_new();
	struct forecast_score got;

	forecast_accuracy_add_forecast(s, "c1", day0, 0.5, 0.7);
	play(s, 0, 60, 0.2);
	play(s, 60, 65, 0.6); /* the peak, of one bin */
	play(s, 65, 120, 0.2);
	forecast_accuracy_score(s, "c1", &got);
	assert_int_equal(got.n, 0);
	assert_true(isnan(got.error_ratio));
	play(s, 120, 121, 0.9); /* no longer its business */
	forecast_accuracy_score(s, "c1", &got);
	assert_int_equal(got.n, 1);
	assert_float_equal(got.error_ratio, 0.1, 1e-9);
	assert_float_equal(got.coverage_ratio, 1, 0);
	forecast_accuracy_free(s);
}

static void a_peak_above_its_p90_is_not_covered(void **state)
{
	(void)state;
	struct forecast_accuracy *s = forecast_accuracy_new();
	struct forecast_score got;

	forecast_accuracy_add_forecast(s, "c1", day0, 0.2, 0.3);
	forecast_accuracy_add_forecast(s, "c1", day0, 0.2,
				       0.3); /* the same again is one */
	forecast_accuracy_add_forecast(s, "c1", day0 + 5 * minute, 0.8, 0.95);
	play(s, 0, 130, 0.9);
	forecast_accuracy_score(s, "c1", &got);
	assert_int_equal(got.n, 2);
	assert_float_equal(got.error_ratio, (0.7 + 0.1) / 2, 1e-9);
	assert_float_equal(got.coverage_ratio, 0.5, 0);
	forecast_accuracy_free(s);
}

static void two_hours_with_holes_do_not_count(void **state)
{
	(void)state;
	struct forecast_accuracy *s = forecast_accuracy_new();
	struct forecast_score got;

	forecast_accuracy_add_forecast(s, "c1", day0, 0.5, 0.7);
	play(s, 0, 60, 0.2);
	play(s, 90, 130, 0.2);
	forecast_accuracy_score(s, "c1", &got);
	assert_int_equal(got.n, 0);
	forecast_accuracy_score(s, "c2", &got);
	assert_int_equal(got.n, 0);
	forecast_accuracy_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_forecast_is_scored_when_its_two_hours_are_over),
		cmocka_unit_test(a_peak_above_its_p90_is_not_covered),
		cmocka_unit_test(two_hours_with_holes_do_not_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
