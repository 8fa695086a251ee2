#include "check.h"

#include <string.h>

#include "ssh/place.h"

static void machines_are_written_as_people_write_them(void **state)
{
	(void)state;
	static const struct {
		const char *text, *user, *host;
		int port;
	} cases[] = {
		{"root@h1", "root", "h1", 0},
		{"h1.example.org:2222", "", "h1.example.org", 2222},
		{"a.b@10.0.0.1:22", "a.b", "10.0.0.1", 22},
		{"root@[fe80::1]:22", "root", "fe80::1", 22},
		{"[::1]", "", "::1", 0},
		{"fe80::1", "", "fe80::1", 0},
		{"", "", "", 0},
		{"local", "", "", 0},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct place p;
		struct vrs_err err = {0};

		assert_ok(place_parse(&p, cases[i].text, &err), &err);
		assert_string_equal(p.user, cases[i].user);
		assert_string_equal(p.host, cases[i].host);
		assert_int_equal(p.port, cases[i].port);
	}
}

static void what_could_become_an_option_or_a_command_is_refused(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"-oProxyCommand=x", "root@-h", "a b@h",     "h;reboot", "$(x)@h", "h:0",
		"h:65536",          "h:",      "h:22x",     "@h",       "root@",  "[::1",
		"[::1]22",          "h'x",     "root@h:-1",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct place p;
		struct vrs_err err = {0};

		if (place_parse(&p, bad[i], &err) == 0)
			fail_msg("%s was taken", bad[i]);
	}
}

static void a_colon_before_the_first_slash_divides_host_and_path(void **state)
{
	(void)state;
	char path[4096];
	struct place p;
	struct vrs_err err = {0};

	assert_ok(place_parse_path(&p, path, "root@h:/ds/a:b.raw", &err), &err);
	assert_string_equal(p.host, "h");
	assert_string_equal(path, "/ds/a:b.raw");
	assert_ok(place_parse_path(&p, path, "root@[::1]:/ds/a", &err), &err);
	assert_string_equal(p.host, "::1");
	assert_ok(place_parse_path(&p, path, "/ds/a:b.raw", &err), &err);
	assert_string_equal(p.host, "");
	assert_ok(place_parse_path(&p, path, "./a:b", &err), &err);
	assert_string_equal(path, "./a:b");
	assert_fails(place_parse_path(&p, path, "h:relative", &err), VRS_EINVAL, &err);
	assert_fails(place_parse_path(&p, path, ":/x", &err), VRS_EINVAL, &err);
}

static void formats_are_told_by_the_name(void **state)
{
	(void)state;
	assert_string_equal(place_format("/a/b.qcow2"), "qcow2");
	assert_string_equal(place_format("/a/b.VMDK"), "vmdk");
	assert_string_equal(place_format("/a/b.vhdx"), "vhdx");
	assert_string_equal(place_format("/a/b.img"), "raw");
	assert_string_equal(place_format("/a.qcow2/b"), "raw");
}

static void a_place_is_told_with_its_port(void **state)
{
	(void)state;
	char buf[360];
	struct place p = {.user = "root", .host = "h", .port = 2222};

	assert_string_equal(place_text(buf, &p), "root@h:2222");
	p = (struct place){.port = 0};
	assert_string_equal(place_text(buf, &p), "this machine");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(machines_are_written_as_people_write_them),
		cmocka_unit_test(what_could_become_an_option_or_a_command_is_refused),
		cmocka_unit_test(a_colon_before_the_first_slash_divides_host_and_path),
		cmocka_unit_test(formats_are_told_by_the_name),
		cmocka_unit_test(a_place_is_told_with_its_port),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
