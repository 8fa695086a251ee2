/* Settings: what is read, and what is refused with which words. */
#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vrs/conf.h"
#include "vrs/mem.h"
#include "vrs/site.h"

struct settings {
	char *name;
	int64_t count, interval_ms, limit_bytes;
	double share;
	bool on;
};

static const struct vrs_option options[] = {
	{"name", VRS_OPT_STRING, offsetof(struct settings, name), "x", 0, 0, "A name."},
	{"count", VRS_OPT_INT, offsetof(struct settings, count), "3", 1, 10, "A count."},
	{"interval", VRS_OPT_DURATION, offsetof(struct settings, interval_ms), "1m", 200,
	 3600e3, "A time."},
	{"limit", VRS_OPT_BYTES, offsetof(struct settings, limit_bytes), "0", 0, 0,
	 "A size."},
	{"share", VRS_OPT_DOUBLE, offsetof(struct settings, share), "0.5", 0, 1,
	 "A share."},
	{"on", VRS_OPT_BOOL, offsetof(struct settings, on), "no", 0, 0, "A switch."},
	{0},
};

static char path[] = "/tmp/vrs-conf-XXXXXX";

static void write_file(const char *text)
{
	FILE *f = fopen(path, "we");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static void defaults_then_file_then_environment_then_command_line(void **state)
{
	(void)state;
	static const char *const overrides[] = {"count=9", NULL};
	struct vrs_err err = {0};
	struct settings s = {0};

	write_file("[other]\nwhatever = 1\n[demo]\nname = Anna ; a comment\ncount = 5\n"
		   "interval = 500ms\n[common]\nlimit = 64K\non = yes\n");
	(void)setenv("VRSAS_DEMO_SHARE", "0.25", 1);
	(void)setenv("VRSAS_COUNT", "7", 1);
	assert_ok(vrs_conf_load(options, &s,
				&(struct vrs_conf_sources){"demo", path, overrides},
				&err),
		  &err);
	(void)unsetenv("VRSAS_DEMO_SHARE");
	(void)unsetenv("VRSAS_COUNT");
	assert_string_equal(s.name, "Anna");
	assert_int_equal(s.count, 9);
	assert_int_equal(s.interval_ms, 500);
	assert_int_equal(s.limit_bytes, 65536);
	assert_true(s.share > 0.24 && s.share < 0.26);
	assert_true(s.on);
	vrs_conf_fini(options, &s);
}

static void wrong_settings_are_named_with_file_and_line(void **state)
{
	(void)state;
	static const struct {
		const char *file, *says;
	} cases[] = {
		{"[demo]\nnmae = x\n", ":2: unknown key nmae in [demo]"},
		{"[demo]\n\ncount = 11\n", ":3: count = 11: must be in the range 1..10"},
		{"[demo]\ncount = many\n", ":2: count = many: must be a whole number"},
		{"[demo]\ncount = 2.5\n", ":2: count = 2.5: must be a whole number"},
		{"[demo]\ninterval = 100ms\n", "must be in the range 200ms..3600s"},
		{"[demo]\ninterval = soon\n", "must be a duration such as"},
		{"[demo]\nlimit = 5 apples\n", "must be a size such as"},
		{"[demo]\nshare = nan\n", "must be a number"},
		{"[demo]\non = perhaps\n", "must be yes or no"},
		{"[demo]\ncount = 2\ncount = 3\n", ":3: duplicate key count"},
		{"count = 2\n", "is not in a [section]"},
		{"[demo]\njust words\n", ":2: expected [section] or key = value"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct vrs_err err = {0};
		struct settings s = {0};

		write_file(cases[i].file);
		assert_true(vrs_conf_load(options, &s,
					  &(struct vrs_conf_sources){"demo", path, NULL},
					  &err) < 0);
		if (!strstr(err.text, cases[i].says))
			fail_msg("said: %s\nwanted: %s", err.text, cases[i].says);
		assert_null(s.name); /* nothing is kept */
	}
}

static void a_line_that_the_parser_would_cut_is_refused(void **state)
{
	(void)state;
	struct vrs_err err = {0};
	struct settings s = {0};
	char text[400] = "[demo]\nname = ";

	memset(text + strlen(text), 'x', 300);
	write_file(text);
	assert_fails(vrs_conf_load(options, &s,
				   &(struct vrs_conf_sources){"demo", path, NULL}, &err),
		     VRS_EPARSE, &err);
	assert_non_null(strstr(err.text, ":2: line is longer than"));
}

static void a_missing_file_is_an_error(void **state)
{
	(void)state;
	struct vrs_err err = {0};
	struct settings s = {0};

	assert_fails(vrs_conf_load(options, &s,
				   &(struct vrs_conf_sources){
					   "demo", "/nonexistent/x.conf", NULL},
				   &err),
		     VRS_ENOENT, &err);
	assert_non_null(strstr(err.text, "/nonexistent/x.conf: No such file"));
}

static void a_secret_that_all_can_read_is_refused(void **state)
{
	(void)state;
	struct vrs_err err = {0};
	char *secret = NULL;

	write_file("hunter2\n");
	assert_int_equal(chmod(path, 0644), 0);
	assert_fails(vrs_secret_read(path, &secret, &err), VRS_EDENIED, &err);
	assert_null(secret);
	assert_int_equal(chmod(path, 0600), 0);
	assert_ok(vrs_secret_read(path, &secret, &err), &err);
	assert_string_equal(secret, "hunter2");
	free(secret);
}

static void a_site_file_is_read_completely(void **state)
{
	(void)state;
	struct vrs_err err = {0};
	struct vrs_site *s = NULL;

	write_file("[cluster c1]\nimages = /ds\nshared_storage = yes\n"
		   "networks = prod:br-prod, dmz:br2\nrepair = 30m\n"
		   "[host c1/h1]\nuri = qemu+ssh://root@10.0.0.1:2222/system?keyfile=/k\n"
		   "fence = fence_ipmilan\nfence.ip = 10.0.9.1\n"
		   "[vm web*]\nclass = 1\nhealth = http://10.0.5.7/\n[vm *]\nprotect = "
		   "no\n");
	assert_ok(vrs_site_load(&s, path, &err), &err);
	const struct vrs_site_cluster *c = vrs_site_cluster(s, "c1");
	const struct vrs_site_host *h = vrs_site_host(s, "c1", "h1");
	assert_non_null(c);
	assert_non_null(h);
	assert_int_equal(c->n_networks, 2);
	assert_string_equal(c->network[1].key, "dmz");
	assert_string_equal(c->network[1].value, "br2");
	assert_int_equal(c->repair_ms, 1800000);
	assert_string_equal(h->address, "10.0.0.1");
	assert_string_equal(h->probe, "tcp://10.0.0.1:22");
	assert_string_equal(h->fence_arg[0].key, "ip");
	assert_int_equal(vrs_site_vm(s, "id", "web7")->vm_class, 1);
	assert_false(vrs_site_vm(s, "id", "other")->protect);
	vrs_site_free(s);
}

static void an_invalid_site_file_is_rejected(void **state)
{
	(void)state;
	static const struct {
		const char *file, *says;
	} cases[] = {
		{"", "no [cluster NAME] section"},
		{"[cluster c1]\nformat = zip\n", ":2: invalid format = zip"},
		{"[cluster c/1]\nformat = raw\n", "invalid cluster name"},
		{"[cluster c1]\nnetworks = prod\n", "expected NAME:LOCAL-NAME"},
		{"[host c1/h1]\nuri = test:///default\n",
		 "section [cluster c1] is missing"},
		{"[cluster c1]\nformat = raw\n[host c1/h1]\nssh = a@b\n",
		 "uri is not set"},
		{"[cluster c1]\nformat = raw\n[host h1]\nuri = x\n",
		 "expected [host CLUSTER/HOST]"},
		{"[vm a]\nclass = 5\n", "class = 5: expected 1 (most urgent) to 4"},
		{"[host c1/h1]\nfence.missing_as_off = 1\n", "not allowed"},
		{"[cluster c1]\ndriver = libvirt\n", "unknown key driver"},
		{"[cluster c1]\nmax_cpu_ratio = 1.5\n", "must be in the range 0.05..1"},
		{"[hosts]\na = b\n", "expected [cluster NAME]"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct vrs_err err = {0};
		struct vrs_site *s = NULL;

		write_file(cases[i].file);
		assert_true(vrs_site_load(&s, path, &err) < 0);
		if (!strstr(err.text, cases[i].says))
			fail_msg("said: %s\nwanted: %s", err.text, cases[i].says);
		assert_null(s);
	}
}

static int make_file(void **state)
{
	(void)state;
	int fd = mkstemp(path);

	return fd < 0 ? -1 : close(fd);
}

static int remove_file(void **state)
{
	(void)state;
	return unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults_then_file_then_environment_then_command_line),
		cmocka_unit_test(wrong_settings_are_named_with_file_and_line),
		cmocka_unit_test(a_line_that_the_parser_would_cut_is_refused),
		cmocka_unit_test(a_missing_file_is_an_error),
		cmocka_unit_test(a_secret_that_all_can_read_is_refused),
		cmocka_unit_test(a_site_file_is_read_completely),
		cmocka_unit_test(an_invalid_site_file_is_rejected),
	};

	return cmocka_run_group_tests_name("conf", tests, make_file, remove_file);
}
