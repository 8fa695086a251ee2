/* What nobody needs any more goes away, and nothing else. */
#include "check.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image/part/part.h"
#include "image/serve/remove.h"

struct world {
	char dir[40], path[80], outside[80];
	struct sandbox roots;
};

static void put_file(const char *path)
{
	int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, "data", 4), 4);
	(void)close(fd);
}

static int set_up(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	struct vrs_err err = {0};
	char root[60];

	strcpy(w->dir, "/tmp/vrs-remove-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	(void)snprintf(root, sizeof(root), "%s/images", w->dir);
	assert_int_equal(mkdir(root, 0700), 0);
	(void)snprintf(w->path, sizeof(w->path), "%s/web1.raw", root);
	(void)snprintf(w->outside, sizeof(w->outside), "%s/other.raw", w->dir);
	put_file(w->path);
	put_file(w->outside);
	assert_ok(sandbox_add(&w->roots, root, &err), &err);
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;
	char command[80];

	(void)snprintf(command, sizeof(command), "rm -rf %s", w->dir);
	assert_int_equal(system(command), 0);
	sandbox_fini(&w->roots);
	free(w);
	return 0;
}

static int take_away(struct world *w, const char *path, int *ret, struct vrs_err *err)
{
	int status = image_remove(&w->roots, path, "job-1", 7, err);

	if (status >= 0)
		*ret = status;
	return status < 0 ? status : 0;
}

static void what_was_kept_beside_an_image_goes_with_it(void **state)
{
	static const char *const ends[] = {".kept-7", ".kept-12", ".kept-", ".kept-7x",
					   "2.kept-7"};
	struct world *w = *state;
	struct vrs_err err = {0};
	char file[120];
	int removed = 0;

	for (size_t i = 0; i < 5; i++) {
		(void)snprintf(file, sizeof(file), "%s%s", w->path, ends[i]);
		put_file(file);
	}
	assert_ok(take_away(w, w->path, &removed, &err), &err);
	for (size_t i = 0; i < 5; i++) {
		(void)snprintf(file, sizeof(file), "%s%s", w->path, ends[i]);
		assert_int_equal(access(file, F_OK) == 0, i >= 2);
	}
}

static void an_image_is_removed_once(void **state)
{
	struct world *w = *state;
	struct vrs_err err = {0};
	int removed = 0;

	assert_ok(take_away(w, w->path, &removed, &err), &err);
	assert_int_equal(removed, 1);
	assert_int_not_equal(access(w->path, F_OK), 0);
	assert_ok(take_away(w, w->path, &removed, &err), &err);
	assert_int_equal(removed, 0);
}

static void nothing_outside_the_roots_is_touched(void **state)
{
	struct world *w = *state;
	struct vrs_err err = {0};
	int removed;
	char path[160];

	assert_true(take_away(w, w->outside, &removed, &err) < 0);
	(void)snprintf(path, sizeof(path), "%s/images/../other.raw", w->dir);
	assert_true(take_away(w, path, &removed, &err) < 0);
	(void)snprintf(path, sizeof(path), "%s/images/link.raw", w->dir);
	assert_int_equal(symlink(w->outside, path), 0);
	assert_true(take_away(w, path, &removed, &err) < 0);
	assert_int_equal(access(path, F_OK), 0);
	assert_int_equal(access(w->outside, F_OK), 0);
}

static void what_is_no_file_stays(void **state)
{
	struct world *w = *state;
	struct vrs_err err = {0};
	int removed;
	char path[160];

	(void)snprintf(path, sizeof(path), "%s/images/folder", w->dir);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_fails(take_away(w, path, &removed, &err), VRS_EINVAL, &err);
	assert_int_equal(access(path, F_OK), 0);
	(void)snprintf(path, sizeof(path), "%s/images/pipe", w->dir);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_fails(take_away(w, path, &removed, &err), VRS_EINVAL, &err);
}

/* As QEMU locks an image that it writes to. */
static void an_image_in_use_stays(void **state)
{
	struct world *w = *state;
	struct vrs_err err = {0};
	int removed, fd = open(w->path, O_RDWR | O_CLOEXEC);
	struct flock lock = {
		.l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = 100, .l_len = 200};

	assert_int_equal(fcntl(fd, F_OFD_SETLK, &lock), 0);
	assert_fails(take_away(w, w->path, &removed, &err), VRS_ECONFLICT, &err);
	assert_int_equal(access(w->path, F_OK), 0);
	(void)close(fd);
}

static void an_image_whose_successor_is_being_made_stays(void **state)
{
	struct world *w = *state;
	struct vrs_err err = {0};
	struct part *part;
	unsigned flags;
	int removed;
	struct part_want want = {
		.path = w->path,
		.format = "raw",
		.job = "another",
		.identity = "raw:of:test",
		.base = w->path,
		.disk_bytes = 4,
		.token = 1,
	};

	assert_ok(part_open(&part, &w->roots, &want, &flags, &err), &err);
	assert_fails(take_away(w, w->path, &removed, &err), VRS_ECONFLICT, &err);
	assert_int_equal(access(w->path, F_OK), 0);
	part_close(part);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(what_was_kept_beside_an_image_goes_with_it),
		TEST(an_image_is_removed_once),
		TEST(nothing_outside_the_roots_is_touched),
		TEST(what_is_no_file_stays),
		TEST(an_image_in_use_stays),
		TEST(an_image_whose_successor_is_being_made_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
