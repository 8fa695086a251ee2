#include "check.h"
#include "scheduler_rules.h"

#include <math.h>
#include <string.h>

static void an_unknown_link_is_assumed_and_said_to_be(void **state)
{
	(void)state;
	struct cost_model_rate r;

	cost_model_rate_of(&plan_defaults.cost, NULL, 0, &r);
	assert_int_equal(r.n, 0);
	assert_float_equal(r.mid, plan_defaults.cost.assumed_bytes_per_s, 1);
	assert_true(r.low < r.mid / 2 && r.high > r.mid * 2);
	assert_non_null(strstr(r.source, "assumed 50.0 MiB/s"));
}

static void more_measurements_give_a_narrower_interval(void **state)
{
	(void)state;
	double rates[20];
	struct cost_model_rate one, many;

	for (size_t i = 0; i < 20; i++)
		rates[i] = 100e6 + 1e6 * (double)i;
	cost_model_rate_of(&plan_defaults.cost, rates, 1, &one);
	cost_model_rate_of(&plan_defaults.cost, rates, 20, &many);
	assert_true(one.high / one.low > many.high / many.low);
	assert_float_equal(many.mid, 109.5e6, 1);
	assert_non_null(strstr(one.source, "in 1 transfer"));
	assert_non_null(strstr(many.source, "in 20 transfers"));
}

static void wild_measurements_are_left_out(void **state)
{
	(void)state;
	double rates[] = {NAN, -5, 0, INFINITY, 100e6};
	struct cost_model_rate r;

	cost_model_rate_of(&plan_defaults.cost, rates, 5, &r);
	assert_int_equal(r.n, 1);
	assert_float_equal(r.mid, 100e6, 1);
}

static void a_transfer_waits_for_those_before_it(void **state)
{
	(void)state;
	struct cost_model_rate r = {.low = 50e6, .mid = 100e6, .high = 200e6};
	struct cost_model_time t;

	cost_model_transfer(&plan_defaults.cost, &r, 1000000000, 0, &t);
	assert_int_equal(t.mid_ms, 10000 + plan_defaults.cost.setup_ms);
	assert_int_equal(t.low_ms, 5000 + plan_defaults.cost.setup_ms);
	assert_int_equal(t.high_ms, 20000 + plan_defaults.cost.setup_ms);
	cost_model_transfer(&plan_defaults.cost, &r, 1000000000, 3000000000u, &t);
	assert_int_equal(t.mid_ms, 40000 + plan_defaults.cost.setup_ms);
	cost_model_transfer(&plan_defaults.cost, &r, UINT64_MAX, UINT64_MAX, &t);
	assert_true(t.high_ms > 0);
}

static void the_choice(void **state)
{
	(void)state;
	static const struct {
		struct cost_model_options o;
		enum cost_model_choice choice;
	} cases[] = {
		{{.wait_ms = 3600, .local_ms = 60, .relocate_ms = 300}, COST_MODEL_LOCAL},
		{{.wait_ms = 3600, .local_ms = -1, .relocate_ms = 300},
		 COST_MODEL_RELOCATE},
		{{.wait_ms = 3600, .local_ms = -1, .relocate_ms = 3600}, COST_MODEL_WAIT},
		{{.wait_ms = 3600, .local_ms = -1, .relocate_ms = 2880},
		 COST_MODEL_RELOCATE},
		{{.wait_ms = 3600, .local_ms = -1, .relocate_ms = 2881}, COST_MODEL_WAIT},
		{{.wait_ms = 3600, .local_ms = -1, .relocate_ms = -1}, COST_MODEL_WAIT},
		{{.wait_ms = 30, .local_ms = 60, .relocate_ms = 300}, COST_MODEL_WAIT},
		{{.wait_ms = 3600, .local_ms = 400, .relocate_ms = 300},
		 COST_MODEL_RELOCATE},
		{{.wait_ms = 310, .local_ms = 305, .relocate_ms = 300}, COST_MODEL_LOCAL},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		if (cost_model_choose(&plan_defaults.cost, &cases[i].o) !=
		    cases[i].choice)
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
