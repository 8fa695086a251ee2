/* What the net is told, on series made by hand. */
#include "check.h"
#include "net/feature.h"
#include "net/scaler.h"
#include "paper/paper.h"
#include "service/history.h"
#include "vrs/series.h"

#include <math.h>
#include <stdlib.h>

/* Days of a saw: the bin's number within the day / 4. */
static struct bins saw(size_t n)
{
	struct bins b;

	bins_init(&b, 10 * BINS_DAY, n);
	for (size_t i = 0; i < n; i++)
		bins_add(&b, (b.first + (int64_t)i) * BIN_MS, (double)(i % BINS_DAY) / 4);
	bins_mean(&b);
	return b;
}

static void bins_are_means_and_short_gaps_are_filled(void **state)
{
	struct bins b;

	(void)state;
	bins_init(&b, 100, 10);
	bins_add(&b, 100 * BIN_MS, 10);
	bins_add(&b, 100 * BIN_MS + 60000, 20);
	bins_add(&b, 101 * BIN_MS - 1, NAN);
	bins_add(&b, 104 * BIN_MS, 40);
	bins_add(&b, 109 * BIN_MS, 90);
	bins_add(&b, 99 * BIN_MS, 1);  /* before */
	bins_add(&b, 110 * BIN_MS, 1); /* after */
	bins_mean(&b);
	assert_float_equal(b.u[0], 15, 0);
	assert_true(isnan(b.u[1]));
	bins_truth(&b);
	assert_true(isnan(b.u[1])); /* what a forecast sees stays as it was */
	assert_float_equal(b.truth[1], 15, 0);
	assert_float_equal(b.truth[3], 15, 0);
	assert_float_equal(b.truth[4], 40, 0);
	assert_true(isnan(b.truth[5])); /* four in a row stay a gap */
	assert_true(isnan(b.truth[8]));
	bins_reach(&b, 112);
	assert_int_equal(b.n, 12);
	assert_true(isnan(b.u[11]));
	assert_true(isnan(b.truth[11]));
	bins_fini(&b);
	assert_int_equal(bin_of(-1), -1);
}

static void nothing_of_the_future_is_seen(void **state)
{
	struct bins b = saw(6 * BINS_DAY), c = saw(6 * BINS_DAY);
	struct features *x = calloc(1, sizeof(*x)), *y = calloc(1, sizeof(*y));
	int64_t origin = b.first + 5 * BINS_DAY;

	(void)state;
	for (size_t i = 5 * BINS_DAY; i < c.n; i++)
		c.u[i] = 99;
	struct window w = window_of(&b, origin, BINS_HISTORY, 0);
	struct window v = window_of(&c, origin, BINS_HISTORY, 0);
	assert_int_equal(w.n, 5 * BINS_DAY);
	assert_true(features_make(&w, x));
	assert_true(features_make(&v, y));
	assert_memory_equal(x, y, sizeof(*x));
	free(x);
	free(y);
	bins_fini(&b);
	bins_fini(&c);
}

static void earlier_days_make_the_guess(void **state)
{
	struct bins b = saw(4 * BINS_DAY + BINS_DAY / 2); /* until noon */
	struct features *f = calloc(1, sizeof(*f));

	(void)state;
	struct window w = window_of(&b, b.first + (int64_t)b.n, BINS_HISTORY, 0);
	assert_true(features_make(&w, f));
	assert_float_equal(f->slevel[10], (144 + 10) / 4.0, 0.01);
	assert_float_equal(f->slevel[47], (144 + 47) / 4.0, 0.01);
	assert_float_equal(f->peak_base[1], f->slevel[47], 0.01);
	assert_float_equal(f->dec[0][12], 0, 0); /* yesterday is known */
	assert_float_equal(f->dec[0][13], 1, 0); /* last week is not */
	bins_fini(&b);

	/* twelve bins only: no seasons, the last hour's mean */
	struct bins young = saw(12);
	w = window_of(&young, young.first + 12, BINS_HISTORY, 0);
	assert_true(features_make(&w, f));
	assert_float_equal(f->slevel[0], 11.0 / 8, 0.01);
	assert_float_equal(f->dec[0][12], 1, 0);
	bins_fini(&young);

	struct bins none = saw(12);
	for (size_t i = 0; i < none.n; i++)
		none.u[i] = NAN;
	w = window_of(&none, none.first + 12, BINS_HISTORY, 0);
	assert_false(features_make(&w, f));
	bins_fini(&none);
	free(f);
}

static void features_are_numbers_whatever_is_missing(void **state)
{
	struct bins b = saw(4 * BINS_DAY);
	struct features *f = calloc(1, sizeof(*f));
	struct rng rng = {9};

	(void)state;
	for (size_t i = 0; i < b.n - 1; i++)
		if (rng_unit(&rng) < 0.6)
			b.u[i] = NAN;
	for (size_t n = 1; n <= b.n; n += 37) {
		struct window w = {b.u + b.n - n, n, b.first + (int64_t)b.n, 120};
		const float *p = &f->centre;

		assert_true(features_make(&w, f));
		for (size_t i = 0; i < sizeof(*f) / sizeof(float); i++)
			assert_true(isfinite(p[i]));
	}
	free(f);
	bins_fini(&b);
}

static void a_window_that_bins_do_not_reach_is_empty(void **state)
{
	struct bins b = saw(BINS_DAY);

	(void)state;
	assert_int_equal(window_of(&b, b.first + 2 * BINS_DAY, BINS_HISTORY, 0).n, 0);
	assert_int_equal(window_of(&b, b.first - 5, BINS_HISTORY, 0).n, 0);
	bins_reach(&b, b.first + 2 * BINS_DAY);
	struct window w = window_of(&b, b.first + 2 * BINS_DAY, BINS_HISTORY, 0);
	assert_int_equal(w.n, 2 * BINS_DAY);
	assert_int_equal(window_silent(&w), BINS_DAY);
	bins_fini(&b);
}

static void slots_of_a_day_become_bins(void **state)
{
	uint8_t day[VRS_DAY_BYTES] = {0};
	const int64_t day_ms = (int64_t)20000 * BINS_DAY * BIN_MS;
	struct history_host host = {.last = NAN};

	(void)state;
	for (int i = 0; i < 10; i++) {
		const struct vrs_slot slot = {.cpu_ratio = i == 3 ? NAN : (float)i / 100};

		vrs_slot_encode(day + (size_t)i * VRS_SLOT_BYTES, &slot);
	}
	bins_init(&host.bins, bin_of(day_ms), 3);
	history_add_day(&host, day, sizeof(day), day_ms, day_ms + 9 * 60000);
	bins_mean(&host.bins);
	assert_float_equal(host.bins.u[0], (0 + 1 + 2 + 4) / 4.0,
			   0.01); /* 3 is a gap, not 0 */
	assert_float_equal(host.bins.u[1], (5 + 6 + 7 + 8) / 4.0,
			   0.01); /* 9 is the future */
	assert_true(isnan(host.bins.u[2]));
	assert_float_equal(host.last, 8, 0.01);
	bins_fini(&host.bins);

	/* a string that is cut gives what it has */
	bins_init(&host.bins, bin_of(day_ms), 3);
	history_add_day(&host, day, 6 * VRS_SLOT_BYTES + 3, day_ms, INT64_MAX);
	bins_mean(&host.bins);
	assert_float_equal(host.bins.u[1], 5, 0.01);
	bins_fini(&host.bins);
}

static void a_cluster_is_its_hosts_by_their_size(void **state)
{
	float a[] = {10, NAN, NAN, NAN, NAN, NAN}, c[] = {40, 40, 40, 40, 40, NAN};
	struct history_host host[] = {{.vcpus = 8, .bins = {.n = 6, .u = a}},
				      {.vcpus = 16, .bins = {.n = 6, .u = c}}};
	struct bins b;

	(void)state;
	history_weigh(host, 2, 0, 6, &b);
	assert_float_equal(b.u[0], 30, 0.01);
	assert_float_equal(b.u[3], 30, 0.01); /* a few missing ones change nothing */
	assert_float_equal(b.u[4], 40, 0.01); /* the silent one is not 0 */
	assert_true(isnan(b.u[5]));
	bins_fini(&b);
}

static void each_scaler_does_what_its_name_says(void **state)
{
	const float x[] = {2, NAN, 4, -8, 6, 6};
	const struct {
		double shift, scale;
	} want[SCALERS] = {{-8, 14}, {0, 8}, {2, sqrt(27.2)}, {4, 4}};

	(void)state;
	for (int k = 0; k < SCALERS; k++) {
		struct scaler s = scaler_fit((enum scaler_kind)k, x, 6);

		assert_float_equal(s.shift, want[k].shift, 1e-9);
		assert_float_equal(s.scale, want[k].scale, 1e-9);
		assert_float_equal(scaler_undo(&s, scaler_apply(&s, 5)), 5, 1e-9);
	}
	const float flat[] = {3, 3};
	assert_float_equal(scaler_fit(SCALER_MINMAX, flat, 2).scale, 1, 0);
	assert_float_equal(scaler_fit(SCALER_ROBUST, flat, 0).scale, 1, 0);
}

static void rows_with_a_gap_are_dropped(void **state)
{
	const float x[] = {1, 2, 3, 4, NAN, 6, 7, 8, 9, 10};
	float *rows;

	(void)state;
	assert_int_equal(paper_rows(x, 10, 3, &rows), 3);
	const float want[] = {1, 2, 3, 4, 6, 7, 8, 9, 7, 8, 9, 10};
	assert_memory_equal(rows, want, sizeof(want));
	free(rows);
	assert_int_equal(paper_rows(x, 3, 3, &rows), 0);
	free(rows);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bins_are_means_and_short_gaps_are_filled),
		cmocka_unit_test(nothing_of_the_future_is_seen),
		cmocka_unit_test(earlier_days_make_the_guess),
		cmocka_unit_test(features_are_numbers_whatever_is_missing),
		cmocka_unit_test(a_window_that_bins_do_not_reach_is_empty),
		cmocka_unit_test(slots_of_a_day_become_bins),
		cmocka_unit_test(a_cluster_is_its_hosts_by_their_size),
		cmocka_unit_test(each_scaler_does_what_its_name_says),
		cmocka_unit_test(rows_with_a_gap_are_dropped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
