#include "check.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image/base/sandbox.h"
#include "vrs/mem.h"

static char top[] = "/tmp/vrs-beneath-XXXXXX";

static char *at(const char *name)
{
	static char path[16][300];
	static int turn;
	char *p = path[turn++ % 16];

	(void)snprintf(p, 300, "%s/%s", top, name);
	return p;
}

static void touch(const char *name)
{
	FILE *f = fopen(at(name), "w");

	assert_non_null(f);
	(void)fputs("x", f);
	(void)fclose(f);
}

static int set_up(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(top));
	assert_int_equal(mkdir(at("in"), 0700), 0);
	assert_int_equal(mkdir(at("in/sub"), 0700), 0);
	assert_int_equal(mkdir(at("inside-too"), 0700), 0);
	touch("secret");
	touch("in/a");
	touch("in/sub/b");
	touch("inside-too/c");
	assert_int_equal(symlink(at("secret"), at("in/link")), 0);
	assert_int_equal(symlink("a", at("in/own")), 0);
	assert_int_equal(symlink(at("inside-too"), at("in/dir")), 0);
	assert_int_equal(symlink(at("in"), at("root-link")), 0);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	static const char *const files[] = {
		"in/own", "in/link",      "in/dir",     "in/a",   "in/sub/b", "in/sub",
		"in",     "inside-too/c", "inside-too", "secret", "root-link"};

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		(void)remove(at(files[i]));
	(void)rmdir(top);
	return 0;
}

static int try_open(const struct sandbox *b, const char *path, struct vrs_err *err)
{
	int fd;
	int status = sandbox_open(b, path, O_RDONLY, &fd, err);

	if (status == 0)
		(void)close(fd);
	return status;
}

static void files_in_the_roots_open(void **state)
{
	(void)state;
	struct sandbox b = {.n = 0};
	struct vrs_err err = {0};

	assert_ok(sandbox_add(&b, at("in"), &err), &err);
	assert_ok(sandbox_add(&b, at("inside-too/"), &err), &err);
	assert_ok(try_open(&b, at("in/a"), &err), &err);
	assert_ok(try_open(&b, at("in/sub/b"), &err), &err);
	assert_ok(try_open(&b, at("inside-too/c"), &err), &err);
	assert_fails(try_open(&b, at("in/none"), &err), VRS_ENOENT, &err);
	sandbox_fini(&b);
}

static void nothing_outside_is_reached(void **state)
{
	(void)state;
	struct sandbox b = {.n = 0};
	struct vrs_err err = {0};
	const char *bad[] = {
		at("secret"),       at("in/../secret"), at("in/sub/../../secret"),
		at("in/link"),      at("in/own"),       at("in/dir/c"),
		at("inside-too/c"), at("in/./a"),
	};

	assert_ok(sandbox_add(&b, at("in"), &err), &err);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (try_open(&b, bad[i], &err) != VRS_EDENIED)
			fail_msg("%s: %s", bad[i], err.text);
	assert_fails(try_open(&b, "in/a", &err), VRS_EINVAL, &err);
	assert_fails(try_open(&b, "", &err), VRS_EINVAL, &err);
	sandbox_fini(&b);
}

static void a_root_may_be_reached_over_a_link_and_may_be_missing(void **state)
{
	(void)state;
	struct sandbox b = {.n = 0};
	struct vrs_err err = {0};

	assert_ok(sandbox_add(&b, at("root-link"), &err), &err);
	assert_ok(sandbox_add(&b, at("not-there"), &err), &err);
	assert_ok(try_open(&b, at("root-link/a"), &err), &err);
	assert_fails(try_open(&b, at("not-there/a"), &err), VRS_ENOENT, &err);
	assert_fails(sandbox_add(&b, "relative", &err), VRS_EINVAL, &err);
	sandbox_fini(&b);
}

static void the_directory_of_a_path_is_inside_too(void **state)
{
	(void)state;
	struct sandbox b = {.n = 0};
	struct vrs_err err = {0};
	const char *name, *path = at("in/sub/new.raw");
	int fd;

	assert_ok(sandbox_add(&b, at("in"), &err), &err);
	assert_ok(sandbox_dir(&b, path, &fd, &name, &err), &err);
	assert_string_equal(name, "new.raw");
	(void)close(fd);
	assert_fails(sandbox_dir(&b, at("new.raw"), &fd, &name, &err), VRS_EDENIED, &err);
	assert_int_not_equal(sandbox_dir(&b, at("in/dir/new.raw"), &fd, &name, &err), 0);
	assert_fails(sandbox_dir(&b, at("in/.."), &fd, &name, &err), VRS_EDENIED, &err);
	sandbox_fini(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_in_the_roots_open),
		cmocka_unit_test(nothing_outside_is_reached),
		cmocka_unit_test(a_root_may_be_reached_over_a_link_and_may_be_missing),
		cmocka_unit_test(the_directory_of_a_path_is_inside_too),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
