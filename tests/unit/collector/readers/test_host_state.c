#include "readers/host_state.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "vrs/mem.h"

enum {
	UP = VRSAS__V1__HOST_STATE__HOST_STATE_UP,
	UNREACHABLE = VRSAS__V1__HOST_STATE__HOST_STATE_UNREACHABLE
};

static struct reading at(double busy, double total)
{
	return (struct reading){.cpu_ratio = NAN,
				.host = {.vcpus = 4,
					 .ram_total_bytes = 1000,
					 .ram_used_bytes = 250,
					 .cpu_busy = busy,
					 .cpu_total = total,
					 .cpu_known = true}};
}

static struct gauge answer(struct host_state *t, struct reading r, int64_t mono_ms)
{
	struct gauge g;
	float cores[4];

	host_state_answered(t, &r, mono_ms, &g, cores);
	return g;
}

static void cpu_is_what_happened_between_two_readings(void **state)
{
	(void)state;
	struct host_state t = {0};

	assert_true(isnan(answer(&t, at(10, 100), 0).cpu_ratio));
	struct gauge g = answer(&t, at(40, 200), 1000);
	assert_float_equal(g.cpu_ratio, 0.3, 1e-6);
	assert_float_equal(g.mem_ratio, 0.25, 1e-6);
	assert_int_equal(g.state, UP);
	host_state_fini(&t);
}

static void the_first_reading_after_a_silence_has_no_cpu(void **state)
{
	(void)state;
	struct host_state t = {0};
	struct gauge g;

	(void)answer(&t, at(10, 100), 0);
	host_state_silent(&t, "no route to host", &g);
	assert_int_equal(g.state, UNREACHABLE);
	assert_true(isnan(g.cpu_ratio));
	host_state_silent(&t, "no route to host", &g);
	assert_int_equal(t.silent_samples, 2);
	assert_string_equal(t.detail, "no route to host");

	g = answer(&t, at(90, 400), 3000);
	assert_true(isnan(g.cpu_ratio));
	assert_int_equal(t.silent_samples, 0);
	assert_string_equal(t.detail, "");
	g = answer(&t, at(140, 500), 4000);
	assert_float_equal(g.cpu_ratio, 0.5, 1e-6);
	host_state_fini(&t);
}

static void restarted_counters_give_no_value(void **state)
{
	(void)state;
	struct host_state t = {0};

	(void)answer(&t, at(1000, 9000), 0);
	assert_true(isnan(answer(&t, at(5, 50), 1000).cpu_ratio)); /* it was rebooted */
	assert_float_equal(answer(&t, at(15, 150), 2000).cpu_ratio, 0.1, 1e-6);
	host_state_fini(&t);
}

static void facts_of_a_silent_host_are_kept(void **state)
{
	(void)state;
	struct host_state t = {0};
	struct gauge g;

	(void)answer(&t, at(1, 2), 0);
	host_state_silent(&t, "gone", &g);
	assert_int_equal(t.vcpus, 4);
	assert_int_equal(t.ram_bytes, 1000);
	host_state_fini(&t);
}

static void a_vms_cores_are_its_cpu_time_over_the_time(void **state)
{
	(void)state;
	struct host_state t = {0};
	struct vrs_hv_vm *vm = vrs_calloc(2, sizeof(*vm));
	struct reading r = at(1, 2);
	struct gauge g;
	float cores[2];

	r.vm = vm;
	r.n_vms = 2;
	strcpy(vm[0].id, "a");
	strcpy(vm[1].id, "b");
	vm[0].cpu_time_s = 100;
	vm[1].cpu_time_s = NAN; /* off */
	host_state_answered(&t, &r, 1000, &g, cores);
	assert_true(isnan(cores[0]) && isnan(cores[1]));
	vm[0].cpu_time_s = 103;
	vm[1].cpu_time_s = 1;
	host_state_answered(&t, &r, 3000, &g, cores);
	assert_float_equal(cores[0], 1.5, 1e-6);
	assert_true(isnan(cores[1]));
	vm[0].cpu_time_s = 2; /* started anew */
	vm[1].cpu_time_s = 2;
	host_state_answered(&t, &r, 4000, &g, cores);
	assert_true(isnan(cores[0]));
	assert_float_equal(cores[1], 1, 1e-6);
	host_state_fini(&t);
	free(vm);
}

static void a_trace_provides_the_cpu_ratio(void **state)
{
	(void)state;
	struct host_state t = {0};
	struct reading r = {.cpu_ratio = 0.7, .vcpus_used = 3};

	struct gauge g = answer(&t, r, 0);
	assert_float_equal(g.cpu_ratio, 0.7, 1e-6);
	assert_true(isnan(g.mem_ratio));
	assert_int_equal(g.vcpus_used, 3);
	host_state_fini(&t);
}

static void an_interval_is_named_by_its_start(void **state)
{
	(void)state;
	assert_int_equal(host_state_interval(180000, 60000), 120000);
	assert_int_equal(host_state_interval(180001, 60000), 120000);
	assert_int_equal(host_state_interval(239999, 60000), 120000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cpu_is_what_happened_between_two_readings),
		cmocka_unit_test(the_first_reading_after_a_silence_has_no_cpu),
		cmocka_unit_test(restarted_counters_give_no_value),
		cmocka_unit_test(facts_of_a_silent_host_are_kept),
		cmocka_unit_test(a_vms_cores_are_its_cpu_time_over_the_time),
		cmocka_unit_test(a_trace_provides_the_cpu_ratio),
		cmocka_unit_test(an_interval_is_named_by_its_start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
