#include <math.h>
#include <signal.h>

#include "check.h"
#include "vrs/hv.h"
#include "world.h"

enum { SOON = 20000 };
static const char id[] = "6f1c9c0e-5b2b-4c5a-9d62-0a3d3c7b5e11";

struct test {
	char *world;
	struct vrs_hv *hv;
	struct vrs_hv_vm *vm;
};

static int setup(void **state)
{
	struct test *t = vrs_calloc(1, sizeof(*t));
	struct vrs_err err = {0};

	t->world = world_make();
	world_host(t->world, "h1");
	char *image = vrs_asprintf("%s/web1.img", t->world);
	world_write(t->world, "web1.img", "");
	assert_int_equal(truncate(image, 1 << 20), 0);

	char *uri =
		vrs_asprintf("command:%s %s/h1", world_program("pretend-hv"), t->world);
	assert_ok(vrs_hv_open(&t->hv, uri, SOON, &err), &err);
	free(uri);

	t->vm = vrs_calloc(1, sizeof(*t->vm));
	vrs_strcpy(t->vm->id, sizeof(t->vm->id), id);
	vrs_strcpy(t->vm->name, sizeof(t->vm->name), "web1");
	t->vm->vcpus = 2;
	t->vm->ram_bytes = 1 << 30;
	t->vm->cpu_time_s = NAN;
	t->vm->n_disks = t->vm->n_nics = 1;
	vrs_strcpy(t->vm->disk[0].path, sizeof(t->vm->disk[0].path), image);
	vrs_strcpy(t->vm->disk[0].format, sizeof(t->vm->disk[0].format), "raw");
	vrs_strcpy(t->vm->nic[0].network, sizeof(t->vm->nic[0].network), "prod");
	t->vm->native = vrs_asprintf("{\"port\": %d}", world_port());
	free(image);
	*state = t;
	return 0;
}

static int teardown(void **state)
{
	struct test *t = *state;

	world_write(t->world, "h1/link", "up");
	world_do(t->world, "h1", "power-off");
	vrs_hv_close(t->hv);
	vrs_hv_vm_fini(t->vm);
	free(t->vm);
	world_remove(t->world);
	free(t);
	return 0;
}

static void define(struct test *t)
{
	struct vrs_err err = {0};

	assert_ok(vrs_hv_define(t->hv, SOON, t->vm, NULL, &err), &err);
}

static void start(struct test *t)
{
	struct vrs_err err = {0};

	define(t);
	assert_ok(vrs_hv_act(t->hv, VRS_HV_START, SOON, id, &err), &err);
}

static enum vrs_hv_state state_of(struct test *t)
{
	enum vrs_hv_state s = VRS_HV_UNKNOWN;
	struct vrs_err err = {0};

	assert_ok(vrs_hv_state(t->hv, SOON, id, &s, &err), &err);
	return s;
}

static void the_programs_load_becomes_a_ratio(void **state)
{
	struct test *t = *state;
	struct vrs_hv_host a, b;
	struct vrs_err err = {0};

	world_write(t->world, "h1/load", "0.75\n");
	assert_ok(vrs_hv_host(t->hv, SOON, &a, &err), &err);
	assert_ok(vrs_hv_host(t->hv, SOON, &b, &err), &err);
	assert_int_equal(b.vcpus, 4);
	assert_true(fabs(vrs_hv_cpu_ratio(&a, &b) - 0.75) < 0.01);
}

static void a_defined_vm_is_listed_as_it_was_given(void **state)
{
	struct test *t = *state;
	struct vrs_hv_vm *vms = NULL;
	size_t n = 0;
	struct vrs_err err = {0};

	define(t);
	assert_ok(vrs_hv_list(t->hv, SOON, &vms, &n, &err), &err);
	assert_int_equal(n, 1);
	assert_string_equal(vms[0].id, id);
	assert_string_equal(vms[0].name, "web1");
	assert_int_equal(vms[0].state, VRS_HV_OFF);
	assert_int_equal(vms[0].ram_bytes, 1 << 30);
	assert_int_equal(vms[0].disk[0].virtual_bytes, 1 << 20);
	assert_string_equal(vms[0].nic[0].network, "prod");
	assert_string_equal(vms[0].native, t->vm->native);
	vrs_hv_vms_free(vms, n);
}

static void a_move_is_applied_before_the_program_sees_it(void **state)
{
	struct test *t = *state;
	const struct vrs_hv_disk disk = {.path = "/ds/web1.raw", .bus = "virtio"};
	const char *const from[] = {"prod"}, *const to[] = {"lan 7"};
	struct vrs_hv_move move = {.disk = &disk,
				   .n_disks = 1,
				   .nic_model = "e1000",
				   .network_from = from,
				   .network_to = to,
				   .n_networks = 1};
	struct vrs_hv_vm *got = vrs_calloc(1, sizeof(*got));
	struct vrs_err err = {0};

	assert_ok(vrs_hv_define(t->hv, SOON, t->vm, &move, &err), &err);
	assert_ok(vrs_hv_get(t->hv, SOON, id, got, &err), &err);
	assert_string_equal(got->disk[0].path, "/ds/web1.raw");
	assert_string_equal(got->disk[0].format, "raw");
	assert_string_equal(got->nic[0].network, "lan 7");
	assert_string_equal(got->nic[0].model, "e1000");
	vrs_hv_vm_fini(got);
	free(got);

	move.n_disks = 2;
	assert_fails(vrs_hv_define(t->hv, SOON, t->vm, &move, &err), VRS_EINVAL, &err);
}

static void every_operation_is_idempotent(void **state)
{
	struct test *t = *state;
	struct vrs_err err = {0};

	for (int i = 0; i < 2; i++)
		define(t);
	for (int i = 0; i < 2; i++)
		assert_ok(vrs_hv_act(t->hv, VRS_HV_START, SOON, id, &err), &err);
	assert_int_equal(state_of(t), VRS_HV_RUNNING);
	for (int i = 0; i < 2; i++)
		assert_ok(vrs_hv_act(t->hv, VRS_HV_SHUTDOWN, SOON, id, &err), &err);
	assert_int_equal(state_of(t), VRS_HV_OFF);
	assert_ok(vrs_hv_act(t->hv, VRS_HV_START, SOON, id, &err), &err);
	for (int i = 0; i < 2; i++)
		assert_ok(vrs_hv_act(t->hv, VRS_HV_DESTROY, SOON, id, &err), &err);
	for (int i = 0; i < 2; i++)
		assert_ok(vrs_hv_act(t->hv, VRS_HV_AUTOSTART_OFF, SOON, id, &err), &err);
	for (int i = 0; i < 2; i++)
		assert_ok(vrs_hv_act(t->hv, VRS_HV_UNDEFINE, SOON, id, &err), &err);
}

static void a_running_vm_is_neither_redefined_nor_undefined(void **state)
{
	struct test *t = *state;
	struct vrs_err err = {0};

	start(t);
	assert_fails(vrs_hv_define(t->hv, SOON, t->vm, NULL, &err), VRS_ECONFLICT, &err);
	assert_fails(vrs_hv_act(t->hv, VRS_HV_UNDEFINE, SOON, id, &err), VRS_ECONFLICT,
		     &err);
	assert_int_equal(state_of(t), VRS_HV_RUNNING);
}

static void a_host_without_power_is_not_reachable_and_comes_back_empty(void **state)
{
	struct test *t = *state;
	enum vrs_hv_state s;
	struct vrs_err err = {0};

	start(t);
	world_do(t->world, "h1", "power-off");
	assert_fails(vrs_hv_state(t->hv, SOON, id, &s, &err), VRS_ECONN, &err);
	world_do(t->world, "h1", "power-on");
	assert_int_equal(state_of(t), VRS_HV_OFF);
}

static void a_guest_that_ignores_its_button_is_a_timeout(void **state)
{
	struct test *t = *state;
	struct vrs_err err = {0};
	char *deaf = vrs_asprintf("h1/deaf-%s", id);

	start(t);
	world_write(t->world, deaf, "");
	free(deaf);
	assert_fails(vrs_hv_act(t->hv, VRS_HV_SHUTDOWN, SOON, id, &err), VRS_ETIMEOUT,
		     &err);
	assert_int_equal(state_of(t), VRS_HV_RUNNING);
}

static void a_program_that_hangs_is_killed_at_the_deadline(void **state)
{
	struct test *t = *state;
	struct vrs_hv_host h;
	struct vrs_err err = {0};

	world_write(t->world, "h1/hang", "");
	assert_fails(vrs_hv_host(t->hv, 200, &h, &err), VRS_ETIMEOUT, &err);
}

static void exit_codes_become_reasons(void **state)
{
	struct test *t = *state;
	static const struct {
		const char *fault;
		int code;
	} cases[] = {
		{"1 it broke", VRS_EIO},   {"2 x", VRS_EINVAL},
		{"3 x", VRS_ENOENT},       {"4 x", VRS_ECONFLICT},
		{"5 x", VRS_ECONN},        {"6 x", VRS_ETIMEOUT},
		{"7 x", VRS_EDENIED},      {"8 no room", VRS_ENOSPC},
		{"9 x", VRS_EUNSUPPORTED}, {"77 x", VRS_EIO},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct vrs_err err = {0};

		world_write(t->world, "h1/fail-start", cases[i].fault);
		assert_fails(vrs_hv_act(t->hv, VRS_HV_START, SOON, id, &err),
			     cases[i].code, &err);
		assert_non_null(strstr(err.text, strchr(cases[i].fault, ' ') + 1));
	}
}

static void invalid_replies_are_rejected(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"",
		"hello",
		"[]",
		"{}",
		"{\"vcpus\": 0, \"ram_total_bytes\": 1}",
		"{\"vcpus\": -4, \"ram_total_bytes\": 1}",
		"{\"vcpus\": 4, \"ram_total_bytes\": \"much\"}",
		"{\"vcpus\": 4, \"vcpus\": 4, \"ram_total_bytes\": 1}",
		"{\"vcpus\": 4, \"ram_total_bytes\": 1e400}",
		"{\"a\":[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]}",
	};
	char *world = world_make();
	char *answer = vrs_asprintf("%s/answer", world);
	char *uri = vrs_asprintf("command:/bin/sh -c cat<$0 %s", answer);
	struct vrs_err err = {0};
	struct vrs_hv *hv = NULL;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		world_write(world, "answer", bad[i]);
		assert_fails(vrs_hv_open(&hv, uri, SOON, &err), VRS_EPARSE, &err);
	}
	world_write(world, "answer",
		    "{\"vcpus\": 4, \"ram_total_bytes\": 1, \"new\": 1}");
	assert_ok(vrs_hv_open(&hv, uri, SOON, &err), &err);
	vrs_hv_close(hv);
	free(uri);
	free(answer);
	world_remove(world);
}

static void a_missing_program_is_reported_at_once(void **state)
{
	(void)state;
	struct vrs_hv *hv = NULL;
	struct vrs_err err = {0};

	assert_fails(vrs_hv_open(&hv, "command:", SOON, &err), VRS_EINVAL, &err);
	assert_fails(vrs_hv_open(&hv, "command:relative", SOON, &err), VRS_EINVAL, &err);
	assert_fails(vrs_hv_open(&hv, "command:/no/such", SOON, &err), VRS_ENOENT, &err);
	assert_fails(vrs_hv_open(&hv, "command:/bin/false", SOON, &err), VRS_EIO, &err);
}

int main(void)
{
#define with_host(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		with_host(the_programs_load_becomes_a_ratio),
		with_host(a_defined_vm_is_listed_as_it_was_given),
		with_host(a_move_is_applied_before_the_program_sees_it),
		with_host(every_operation_is_idempotent),
		with_host(a_running_vm_is_neither_redefined_nor_undefined),
		with_host(a_host_without_power_is_not_reachable_and_comes_back_empty),
		with_host(a_guest_that_ignores_its_button_is_a_timeout),
		with_host(a_program_that_hangs_is_killed_at_the_deadline),
		with_host(exit_codes_become_reasons),
		cmocka_unit_test(invalid_replies_are_rejected),
		cmocka_unit_test(a_missing_program_is_reported_at_once),
	};

	(void)signal(SIGPIPE, SIG_IGN); /* as daemons do */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
