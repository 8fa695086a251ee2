/* How long a copy takes, learnt from past ones. */
#include "check.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "jobs/eta.h"

/* The same numbers on every machine. */
struct dice {
	uint64_t x;
};

static double roll(struct dice *d)
{
	d->x ^= d->x << 13;
	d->x ^= d->x >> 7;
	d->x ^= d->x << 17;
	return ((double)(d->x >> 11) + 0.5) / 9007199254740992.0;
}

static double normal(struct dice *d)
{
	return sqrt(-2 * log(roll(d))) * cos(6.283185307179586 * roll(d));
}

static void remember(struct eta_past *past, size_t *n, const struct eta_past *one)
{
	size_t keep = *n < ETA_PAST_MAX ? *n : ETA_PAST_MAX - 1;

	memmove(past + 1, past, keep * sizeof(*past));
	past[0] = *one;
	*n = keep + 1;
}

/* 80 copies over a link of so many bytes a second, whose times are off by noise; how many
 * of the last 40 end between low and high? */
static int inside(uint64_t seed, double rate, double noise, double *ret_width)
{
	struct dice d = {seed};
	struct eta_past past[ETA_PAST_MAX];
	size_t n = 0;
	int hits = 0;

	*ret_width = 0;
	for (int i = 0; i < 80; i++) {
		struct eta_past one = {.at_ms = i};
		struct eta e;

		one.work.data_bytes = exp(log(20e6) + roll(&d) * log(1000));
		one.took_s = (0.8 + one.work.data_bytes / rate) * exp(noise * normal(&d));
		eta_predict(past, n, &one.work, &e);
		assert_true(e.low_s > 0 && e.low_s < e.seconds && e.seconds < e.high_s);
		if (i >= 40) {
			hits += one.took_s >= e.low_s && one.took_s <= e.high_s;
			*ret_width += log(e.high_s / e.low_s) / 40;
		}
		remember(past, &n, &one);
	}
	return hits;
}

static void nine_in_ten_end_inside_the_interval(void **state)
{
	static const double noises[] = {0.05, 0.15, 0.4};
	(void)state;

	for (size_t k = 0; k < 3; k++)
		for (uint64_t seed = 1; seed <= 20; seed++) {
			double width;
			int hits = inside(seed * 77777, 50e6 * (double)seed, noises[k],
					  &width);

			if (hits < 31)
				fail_msg("noise %.2f seed %d: %d of 40", noises[k],
					 (int)seed, hits);
			/* and the interval is not wide for the sake of it */
			assert_true(width < 2 * 1.645 * noises[k] * 1.9);
		}
}

static void on_average_it_is_nine_in_ten(void **state)
{
	int hits = 0;
	(void)state;

	for (uint64_t seed = 1; seed <= 100; seed++) {
		double width;

		hits += inside(seed * 31337, 200e6, 0.2, &width);
	}
	if (hits < 4000 * 86 / 100 || hits > 4000 * 96 / 100)
		fail_msg("%d of 4000", hits);
}

static void without_a_past_it_says_so_by_a_wide_interval(void **state)
{
	struct eta_work work = {.data_bytes = 15e9};
	struct eta e;
	(void)state;

	eta_predict(NULL, 0, &work, &e);
	assert_true(e.seconds > 50 && e.seconds < 200);
	assert_true(e.high_s / e.low_s > 4);
}

static void a_limit_is_known_beforehand(void **state)
{
	struct eta_past past[30];
	struct eta_work work = {.data_bytes = 1e9, .limit_bytes_per_s = 10e6};
	struct eta e;
	(void)state;

	for (size_t i = 0; i < 30; i++)
		past[i] = (struct eta_past){.work = {.data_bytes = 1e9}, .took_s = 5};
	eta_predict(past, 30, &work, &e);
	assert_true(e.low_s > 90 && e.seconds > 100 && e.seconds < 110);

	/* and what it held back is not what the link can do */
	for (size_t i = 0; i < 15; i++)
		past[i] = (struct eta_past){
			.work = {.data_bytes = 1e9, .limit_bytes_per_s = 10e6},
			.sent_bytes = 1e9,
			.took_s = 100};
	work.limit_bytes_per_s = 0;
	eta_predict(past, 30, &work, &e);
	assert_true(e.seconds < 6);
}

static void copies_of_changes_do_not_speak_for_whole_ones(void **state)
{
	struct eta_past past[20];
	struct eta_work work = {.data_bytes = 1e9};
	struct eta e;
	(void)state;

	for (size_t i = 0; i < 20; i++)
		past[i] = (struct eta_past){
			.work = {.data_bytes = 1e9, .changes_only = i % 2 == 0},
			.took_s = i % 2 == 0 ? 1 : 20};
	eta_predict(past, 20, &work, &e);
	assert_true(e.seconds > 17 && e.seconds < 22);
	work.changes_only = true;
	eta_predict(past, 20, &work, &e);
	assert_true(e.seconds < 1.5);
}

static void who_shares_the_link_is_slower_if_that_was_seen(void **state)
{
	struct eta_past past[40];
	struct eta_work alone = {.data_bytes = 1e9},
			three = {.data_bytes = 1e9, .beside = 2};
	struct eta a, b;
	(void)state;

	for (size_t i = 0; i < 40; i++)
		past[i] = (struct eta_past){
			.work = {.data_bytes = 1e9, .beside = (uint32_t)(i % 3)},
			.took_s = 10 * (1 + (double)(i % 3))};
	eta_predict(past, 40, &alone, &a);
	eta_predict(past, 40, &three, &b);
	assert_true(a.seconds < 12 && b.seconds > 27 && b.seconds < 33);
}

static void while_it_runs_what_is_seen_counts_more_and_more(void **state)
{
	struct eta predicted = {10, 5, 20}, early, late;
	(void)state;

	eta_update(&predicted, 2, 0.05, &early); /* the pace so far says 40 s */
	eta_update(&predicted, 36, 0.9, &late);
	assert_true(early.seconds > 10 && early.seconds < 40);
	assert_true(late.seconds > 36 && late.seconds < 42);
	assert_true(late.high_s - late.low_s < early.high_s - early.low_s);
	eta_update(&predicted, 0, 0, &early);
	assert_true(fabs(early.seconds - predicted.seconds) < 1e-6);
	eta_update(&predicted, 1000, 0.5, &late); /* it cannot have ended already */
	assert_true(late.low_s >= 1000 && late.high_s >= late.seconds);
}

static void a_line_is_read_as_it_was_written(void **state)
{
	struct vrs_err err = {0};
	struct eta_past got, p = {.at_ms = 1700000000000,
				  .work = {.data_bytes = 123456789,
					   .changes_only = true,
					   .limit_bytes_per_s = 5e6,
					   .beside = 3},
				  .sent_bytes = 77,
				  .took_s = 1.5,
				  .predicted = {1.25, 0.5, 2.5}};
	char line[ETA_LINE_MAX];
	(void)state;

	strcpy(p.job, "web1-7");
	eta_past_print(line, &p);
	assert_string_equal(
		line, "1700000000000 changes 123456789 77 1500 1250 500 2500 5000000 3 "
		      "web1-7");
	assert_ok(eta_past_parse(&got, line, &err), &err);
	assert_memory_equal(&got, &p, sizeof(p));
}

static void lines_that_make_no_sense_are_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"1 full 2 3",
		"1 half 1 1 1 1 1 1 1 1 j",
		"1 full nan 1 1 1 1 1 1 1 j",
		"1 full 1 inf 1 1 1 1 1 1 j",
		"1 full 1 1 -5 1 1 1 1 1 j",
		"1 full 1 1 1 1 1 1 1 99999 j",
		"1 full 1 1 1 1 1 1 1 1 ../x",
	};
	struct vrs_err err = {0};
	struct eta_past p;
	(void)state;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_fails(eta_past_parse(&p, bad[i], &err), VRS_EPARSE, &err);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nine_in_ten_end_inside_the_interval),
		cmocka_unit_test(on_average_it_is_nine_in_ten),
		cmocka_unit_test(without_a_past_it_says_so_by_a_wide_interval),
		cmocka_unit_test(a_limit_is_known_beforehand),
		cmocka_unit_test(copies_of_changes_do_not_speak_for_whole_ones),
		cmocka_unit_test(who_shares_the_link_is_slower_if_that_was_seen),
		cmocka_unit_test(while_it_runs_what_is_seen_counts_more_and_more),
		cmocka_unit_test(a_line_is_read_as_it_was_written),
		cmocka_unit_test(lines_that_make_no_sense_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
