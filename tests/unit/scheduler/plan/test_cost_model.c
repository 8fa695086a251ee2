#include "check.h"
#include "plan/cost_model.h"

#include <math.h>
#include <string.h>

static void an_unknown_link_is_assumed_and_said_to_be(void **state)
{
	(void)state;
	struct worth_rate r;

	worth_rate_of(&worth_defaults, NULL, 0, &r);
	assert_int_equal(r.n, 0);
	assert_float_equal(r.mid, worth_defaults.assumed_bytes_per_s, 1);
	assert_true(r.low < r.mid / 2 && r.high > r.mid * 2);
	assert_non_null(strstr(r.source, "assumed 50.0 MiB/s"));
}

static void more_measurements_give_a_narrower_interval(void **state)
{
	(void)state;
	double rates[20];
	struct worth_rate one, many;

	for (size_t i = 0; i < 20; i++)
		rates[i] = 100e6 + 1e6 * (double)i;
	worth_rate_of(&worth_defaults, rates, 1, &one);
	worth_rate_of(&worth_defaults, rates, 20, &many);
	assert_true(one.high / one.low > many.high / many.low);
	assert_float_equal(many.mid, 109.5e6, 1);
	assert_non_null(strstr(one.source, "on 1 transfer"));
	assert_non_null(strstr(many.source, "on 20 transfers"));
}

static void wild_measurements_are_left_out(void **state)
{
	(void)state;
	double rates[] = {NAN, -5, 0, INFINITY, 100e6};
	struct worth_rate r;

	worth_rate_of(&worth_defaults, rates, 5, &r);
	assert_int_equal(r.n, 1);
	assert_float_equal(r.mid, 100e6, 1);
}

static void a_transfer_waits_for_those_before_it(void **state)
{
	(void)state;
	struct worth_rate r = {.low = 50e6, .mid = 100e6, .high = 200e6};
	struct worth_time t;

	worth_transfer(&worth_defaults, &r, 1000000000, 0, &t);
	assert_int_equal(t.mid_ms, 10000 + worth_defaults.setup_ms);
	assert_int_equal(t.low_ms, 5000 + worth_defaults.setup_ms);
	assert_int_equal(t.high_ms, 20000 + worth_defaults.setup_ms);
	worth_transfer(&worth_defaults, &r, 1000000000, 3000000000u, &t);
	assert_int_equal(t.mid_ms, 40000 + worth_defaults.setup_ms);
	worth_transfer(&worth_defaults, &r, UINT64_MAX, UINT64_MAX, &t);
	assert_true(t.high_ms > 0);
}

static void the_choice(void **state)
{
	(void)state;
	static const struct {
		struct worth_options o;
		enum worth_choice choice;
	} cases[] = {
		{{.wait_ms = 3600, .local_ms = 60, .relocate_ms = 300}, WORTH_LOCAL},
		{{.wait_ms = 3600, .local_ms = -1, .relocate_ms = 300}, WORTH_RELOCATE},
		{{.wait_ms = 3600, .local_ms = -1, .relocate_ms = 3600}, WORTH_WAIT},
		{{.wait_ms = 3600, .local_ms = -1, .relocate_ms = 2880}, WORTH_RELOCATE},
		{{.wait_ms = 3600, .local_ms = -1, .relocate_ms = 2881}, WORTH_WAIT},
		{{.wait_ms = 3600, .local_ms = -1, .relocate_ms = -1}, WORTH_WAIT},
		{{.wait_ms = 30, .local_ms = 60, .relocate_ms = 300}, WORTH_WAIT},
		{{.wait_ms = 3600, .local_ms = 400, .relocate_ms = 300}, WORTH_RELOCATE},
		{{.wait_ms = 310, .local_ms = 305, .relocate_ms = 300}, WORTH_LOCAL},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		if (worth_choose(&worth_defaults, &cases[i].o) != cases[i].choice)
			fail_msg("case %zu", i);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_unknown_link_is_assumed_and_said_to_be),
		cmocka_unit_test(more_measurements_give_a_narrower_interval),
		cmocka_unit_test(wild_measurements_are_left_out),
		cmocka_unit_test(a_transfer_waits_for_those_before_it),
		cmocka_unit_test(the_choice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
