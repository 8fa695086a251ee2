#include "vrs/fence.h"

#include <signal.h>

#include "check.h"
#include "world.h"

enum { SOON = 20000 };

struct test {
	char *world;
	struct vrs_site_pair arg[4];
	struct vrs_site_host host;
	char detail[200];
};

static void add(struct test *t, const char *key, char *value_take)
{
	t->arg[t->host.n_fence_args++] =
		(struct vrs_site_pair){.key = vrs_strdup(key), .value = value_take};
}

static int setup(void **state)
{
	struct test *t = vrs_calloc(1, sizeof(*t));

	t->world = world_make();
	world_host(t->world, "h1");
	t->host = (struct vrs_site_host){
		.cluster = vrs_strdup("c1"),
		.name = vrs_strdup("h1"),
		.fence = vrs_strdup(world_program("pretend-fence")),
		.fence_arg = t->arg};
	add(t, "dir", vrs_asprintf("%s/h1", t->world));
	*state = t;
	return 0;
}

static int teardown(void **state)
{
	struct test *t = *state;

	for (size_t i = 0; i < t->host.n_fence_args; i++) {
		free(t->arg[i].key);
		free(t->arg[i].value);
	}
	free(t->host.cluster);
	free(t->host.name);
	free(t->host.fence);
	world_remove(t->world);
	free(t);
	return 0;
}

/* Power and detail of a call that did not fail. */
static int taken(struct test *t, int status, const struct vrs_fence_result *r,
		 enum vrs_power *power)
{
	(void)vrs_strcpy(t->detail, sizeof(t->detail), r->detail);
	if (status == 0)
		*power = r->power;
	return status;
}

static int off(struct test *t, int64_t timeout_ms, enum vrs_power *power,
	       struct vrs_err *err)
{
	struct vrs_fence_result r = {0};
	int status = vrs_fence_off(&t->host, timeout_ms, &r, err);

	return taken(t, status, &r, power);
}

static int status_of(struct test *t, enum vrs_power *power, struct vrs_err *err)
{
	struct vrs_fence_result r = {0};
	int status = vrs_fence_status(&t->host, SOON, &r, err);

	return taken(t, status, &r, power);
}

static void off_confirmed_by_status_is_proof(void **state)
{
	struct test *t = *state;
	enum vrs_power power = VRS_POWER_UNKNOWN;
	struct vrs_err err = {0};

	assert_ok(status_of(t, &power, &err), &err);
	assert_int_equal(power, VRS_POWER_ON);
	assert_ok(off(t, SOON, &power, &err), &err);
	assert_int_equal(power, VRS_POWER_OFF);
	assert_string_equal(t->detail, "Status: OFF");
}

static void a_device_that_accepts_off_but_stays_on_proves_nothing(void **state)
{
	struct test *t = *state;
	enum vrs_power power = VRS_POWER_UNKNOWN;
	struct vrs_err err = {0};

	world_write(t->world, "h1/fence-mode", "lies");
	assert_ok(off(t, SOON, &power, &err), &err);
	assert_int_equal(power, VRS_POWER_ON);
}

static void a_device_that_refuses_proves_nothing(void **state)
{
	struct test *t = *state;
	enum vrs_power power = VRS_POWER_OFF;
	struct vrs_err err = {0};

	world_write(t->world, "h1/power", "off\n"); /* and even if it is off by chance */
	world_write(t->world, "h1/fence-mode", "refuses");
	assert_ok(off(t, SOON, &power, &err), &err);
	assert_int_equal(power, VRS_POWER_UNKNOWN);
	assert_string_equal(t->detail, "Failed: the device says no");
}

static void a_device_that_hangs_is_left_at_the_deadline(void **state)
{
	struct test *t = *state;
	enum vrs_power power = VRS_POWER_UNKNOWN;
	struct vrs_err err = {0};

	world_write(t->world, "h1/fence-mode", "hangs");
	assert_fails(off(t, 400, &power, &err), VRS_ETIMEOUT, &err);
	assert_int_equal(power, VRS_POWER_UNKNOWN);
}

static void a_password_comes_from_a_file_that_others_cannot_read(void **state)
{
	struct test *t = *state;
	enum vrs_power power = VRS_POWER_UNKNOWN;
	struct vrs_err err = {0};
	char *file = vrs_asprintf("%s/secret", t->world);

	world_write(t->world, "h1/fence-password", "open sesame");
	assert_ok(off(t, SOON, &power, &err), &err);
	assert_int_equal(power, VRS_POWER_UNKNOWN);
	assert_non_null(strstr(t->detail, "Unable to connect/login"));

	world_write(t->world, "secret", "open sesame\n");
	add(t, "password_file", file);
	assert_int_equal(chmod(file, 0644), 0);
	assert_fails(off(t, SOON, &power, &err), VRS_EDENIED, &err);
	assert_int_equal(chmod(file, 0600), 0);
	assert_ok(off(t, SOON, &power, &err), &err);
	assert_int_equal(power, VRS_POWER_OFF);
}

static void settings_that_would_weaken_the_proof_are_refused(void **state)
{
	struct test *t = *state;
	static const char *const bad[][2] = {
		{"missing_as_off", "1"}, {"action", "status"},     {"password", "x"},
		{"passwd", "x"},         {"plug", "a\naction=on"}, {"a b", "x"},
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		enum vrs_power power = VRS_POWER_UNKNOWN;
		struct vrs_err err = {0};

		add(t, bad[i][0], vrs_strdup(bad[i][1]));
		assert_fails(vrs_fence_check(&t->host, &err), VRS_EINVAL, &err);
		assert_fails(off(t, SOON, &power, &err), VRS_EINVAL, &err);
		t->host.n_fence_args--;
		free(t->arg[t->host.n_fence_args].key);
		free(t->arg[t->host.n_fence_args].value);
	}
}

static void a_host_without_an_agent_says_so(void **state)
{
	struct test *t = *state;
	enum vrs_power power = VRS_POWER_UNKNOWN;
	struct vrs_err err = {0};

	free(t->host.fence);
	t->host.fence = NULL;
	assert_fails(off(t, SOON, &power, &err), VRS_EUNSUPPORTED, &err);
	t->host.fence = vrs_strdup("/no/such/agent");
	assert_fails(off(t, SOON, &power, &err), VRS_ENOENT, &err);
}

static void what_an_agent_says_becomes_one_clean_line(void **state)
{
	struct test *t = *state;
	enum vrs_power power = VRS_POWER_UNKNOWN;
	struct vrs_err err = {0};
	char *agent = vrs_asprintf("%s/agent", t->world);

	world_write(t->world, "agent",
		    "#!/bin/sh\ncat >/dev/null\n"
		    "printf 'first\\n\\033[31mred\\ttext\\n\\n' >&2\nexit 1\n");
	assert_int_equal(chmod(agent, 0755), 0);
	free(t->host.fence);
	t->host.fence = agent;
	assert_ok(off(t, SOON, &power, &err), &err);
	assert_string_equal(t->detail, " [31mred text");
}

/* The real thing, where it is installed: the family's own dummy. */
static void an_agent_of_the_family_is_understood(void **state)
{
	struct test *t = *state;
	enum vrs_power power = VRS_POWER_UNKNOWN;
	struct vrs_err err = {0};

	if (access("/usr/sbin/fence_dummy", X_OK) < 0)
		skip();
	free(t->host.fence);
	t->host.fence = vrs_strdup("/usr/sbin/fence_dummy");
	free(t->arg[0].key);
	free(t->arg[0].value);
	t->host.n_fence_args = 0;
	char *path = vrs_asprintf("%s/status", t->world);
	FILE *f = fopen(path, "we");
	assert_non_null(f);
	(void)fputs("on", f);
	(void)fclose(f);
	add(t, "status_file", path);
	assert_ok(status_of(t, &power, &err), &err);
	assert_int_equal(power, VRS_POWER_ON);
	assert_ok(off(t, SOON, &power, &err), &err);
	assert_int_equal(power, VRS_POWER_OFF);
}

int main(void)
{
#define with_switch(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		with_switch(off_confirmed_by_status_is_proof),
		with_switch(a_device_that_accepts_off_but_stays_on_proves_nothing),
		with_switch(a_device_that_refuses_proves_nothing),
		with_switch(a_device_that_hangs_is_left_at_the_deadline),
		with_switch(a_password_comes_from_a_file_that_others_cannot_read),
		with_switch(settings_that_would_weaken_the_proof_are_refused),
		with_switch(a_host_without_an_agent_says_so),
		with_switch(what_an_agent_says_becomes_one_clean_line),
		with_switch(an_agent_of_the_family_is_understood),
	};

	(void)signal(SIGPIPE, SIG_IGN); /* as daemons do */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
