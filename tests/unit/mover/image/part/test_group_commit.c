#include "check.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "image/base/tree.h"
#include "image/part/group_record.h"
#include "image/part/part.h"
#include "vrs/mem.h"

enum { SIZE = 2 * TREE_CHUNK_BYTES, BLOCK = 65536, DISKS = 4, MOST_STEPS = 60 };
enum { OLD = 3, NEW = 7 };
#ifdef VRS_FAULTS
static const bool has_fault_points = true;
#else
static const bool has_fault_points = false;
#endif

/* One VM's disks: a new one, one that replaces its seed, a new one in another directory,
 * and one whose place has something else that is kept aside. */
struct world {
	char dir[40], other[60];
	char path[DISKS][100];
	char kept[120];
	struct sandbox roots;
};

static int set_up(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	struct vrs_err err = {0};

	/* in memory where it can be: kills are tested here, not power cuts */
	strcpy(w->dir, "/dev/shm/vrs-group-XXXXXX");
	if (!mkdtemp(w->dir)) {
		strcpy(w->dir, "/tmp/vrs-group-XXXXXX");
		assert_non_null(mkdtemp(w->dir));
	}
	(void)snprintf(w->other, sizeof(w->other), "%s/other", w->dir);
	assert_int_equal(mkdir(w->other, 0700), 0);
	(void)snprintf(w->path[0], sizeof(w->path[0]), "%s/new.raw", w->dir);
	(void)snprintf(w->path[1], sizeof(w->path[1]), "%s/seed.raw", w->dir);
	(void)snprintf(w->path[2], sizeof(w->path[2]), "%s/far.raw", w->other);
	(void)snprintf(w->path[3], sizeof(w->path[3]), "%s/wrong.raw", w->dir);
	(void)snprintf(w->kept, sizeof(w->kept), "%s.kept-5", w->path[3]);
	assert_ok(sandbox_add(&w->roots, w->dir, &err), &err);
	*state = w;
	return 0;
}

static void empty(const char *dir)
{
	DIR *d = opendir(dir);

	for (struct dirent *e; d && (e = readdir(d));) {
		char path[400];

		(void)snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		if (e->d_type == DT_REG)
			(void)unlink(path);
	}
	if (d)
		(void)closedir(d);
}

static void empty_all(const struct world *w)
{
	empty(w->dir);
	empty(w->other);
}

static int tear_down(void **state)
{
	struct world *w = *state;

	empty_all(w);
	(void)rmdir(w->other);
	(void)rmdir(w->dir);
	sandbox_fini(&w->roots);
	free(w);
	return 0;
}

static void make_old(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT, 0600);

	assert_int_equal(ftruncate(fd, SIZE), 0);
	for (off_t at = 0; at < SIZE; at += BLOCK)
		assert_int_equal(pwrite(fd, &(uint8_t){OLD}, 1, at), 1);
	(void)close(fd);
}

static int byte_at(const char *path, off_t off)
{
	uint8_t byte;
	int fd = open(path, O_RDONLY);
	ssize_t n = fd < 0 ? 0 : pread(fd, &byte, 1, off);

	if (fd >= 0)
		(void)close(fd);
	return n == 1 ? byte : -1;
}

static int put(struct part *p, uint64_t off, struct vrs_err *err)
{
	static uint8_t payload[TREE_DIGEST_BYTES + BLOCK];

	memset(payload + TREE_DIGEST_BYTES, NEW, BLOCK);
	struct tree_digest d = tree_block(payload + TREE_DIGEST_BYTES, BLOCK);
	memcpy(payload, d.bytes, TREE_DIGEST_BYTES);
	return part_write(p, &(struct wire_blocks){payload, off, BLOCK, TREE_BLOCK_SHIFT},
			  err);
}

/* All of them open, with the first and the last block new. */
static int open_all(struct world *w, struct part *parts[DISKS], uint64_t token,
		    struct vrs_err *err)
{
	for (int i = 0; i < DISKS; i++) {
		struct part_want want = {
			.path = w->path[i],
			.format = "raw",
			.job = "j",
			.identity = "raw:of:test",
			.base = i == 1 ? w->path[i] : "",
			.disk_bytes = SIZE,
			.token = token,
			.displaces = i == 3,
		};
		unsigned flags;
		int status = part_open(&parts[i], &w->roots, &want, &flags, err);

		if (status == 0)
			status = put(parts[i], 0, err);
		if (status == 0)
			status = put(parts[i], SIZE - BLOCK, err);
		if (status == 0)
			status = part_mark(parts[i], 0, SIZE / TREE_CHUNK_BYTES, err);
		if (status < 0)
			return status;
	}
	return 0;
}

/* A child of ours that does one thing, with a fault: what it returned, or KILLED. Faults
 * are read once in a process, so this one never passes a point of them. */
enum { KILLED = 1 };
static int which; /* of the disks, where it matters */

static int child(struct world *w, const char *fault, int (*fn)(struct world *w))
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		(void)setenv("VRSAS_FAULTS", fault, 1);
		_exit(-fn(w));
	}
	int how = 0;
	assert_int_equal(waitpid(pid, &how, 0), pid);
	return WIFEXITED(how) ? -WEXITSTATUS(how) : KILLED;
}

static int child_killed_at(struct world *w, int n, int (*fn)(struct world *w))
{
	char fault[64];

	(void)snprintf(fault, sizeof(fault), "mover.target.group=kill@%d", n);
	return child(w, fault, fn);
}

static int seal_all(struct world *w)
{
	struct part *parts[DISKS] = {NULL};
	struct vrs_err err = {0};
	int status = open_all(w, parts, 5, &err);

	if (status == 0)
		status = part_commit_group(parts, DISKS, &err);
	for (int i = 0; i < DISKS; i++)
		part_close(parts[i]);
	return status;
}

static int recover_one(struct world *w)
{
	return part_recover(&w->roots, w->path[which], NULL);
}

/* A record without a use is swept by who looks at its disk, the first. */
static int recover_one_and_the_first(struct world *w)
{
	int status = recover_one(w);

	return status < 0 ? status : part_recover(&w->roots, w->path[0], NULL);
}

static int recover_each(struct world *w)
{
	int status = 0;

	for (int i = 0; i < DISKS && status == 0; i++)
		status = part_recover(&w->roots, w->path[i], NULL);
	return status;
}

static void lay_out(struct world *w)
{
	empty_all(w);
	make_old(w->path[1]);
	make_old(w->path[3]);
}

/* Nothing of it is half there. 1: all have their names, 0: none has. */
static int all_or_none(const struct world *w)
{
	bool named = access(w->path[0], F_OK) == 0;

	for (off_t at = 0; at < SIZE; at += BLOCK) {
		bool changed = at == 0 || at == SIZE - BLOCK;

		assert_int_equal(byte_at(w->path[0], at), named ? changed ? NEW : 0 : -1);
		assert_int_equal(byte_at(w->path[1], at), named && changed ? NEW : OLD);
		assert_int_equal(byte_at(w->path[2], at), named ? changed ? NEW : 0 : -1);
		assert_int_equal(byte_at(w->path[3], at),
				 named ? changed ? NEW : 0 : OLD);
		assert_int_equal(byte_at(w->kept, at), named ? OLD : -1);
	}
	return named;
}

static bool is_left(const char *dir, const char *what)
{
	DIR *d = opendir(dir);
	bool found = false;

	for (struct dirent *e; (e = readdir(d));) /* a cache may stay */
		found = found ||
			(strstr(e->d_name, what) && !strstr(e->d_name, ".vrs-hashes"));
	(void)closedir(d);
	return found;
}

static void nothing_is_left(const struct world *w)
{
	assert_false(is_left(w->dir, ".vrs-"));
	assert_false(is_left(w->other, ".vrs-"));
}

static int open_only(struct world *w)
{
	struct part *parts[DISKS];

	return open_all(w, parts, 5, NULL);
}

static void all_get_their_names_together(void **state)
{
	struct world *w = *state;

	lay_out(w);
	assert_int_equal(child(w, "", open_only), 0);
	assert_int_equal(all_or_none(w), 0);
	assert_int_equal(child(w, "", seal_all), 0);
	assert_int_equal(all_or_none(w), 1);
	nothing_is_left(w);
}

/* Killed at every step; then whoever comes next, at whichever of them, ends it. */
static void after_a_kill_who_comes_next_finishes_all_or_nothing(void **state)
{
	struct world *w = *state;
	int n_all = 0, n_none = 0, n;

	for (n = 1; n < MOST_STEPS; n++) {
		lay_out(w);
		int code = child_killed_at(w, n, seal_all);
		if (code == 0)
			break;
		assert_int_equal(code, KILLED);
		which = n % DISKS;
		assert_int_equal(child(w, "", recover_one_and_the_first), 0);
		assert_false(is_left(w->dir, ".vrs-group"));
		if (all_or_none(w)) {
			n_all++;
			nothing_is_left(w);
			assert_int_equal(child(w, "", seal_all), VRS_ECONFLICT);
		} else {
			n_none++;
			assert_int_equal(child(w, "", seal_all), 0);
		}
		assert_int_equal(all_or_none(w), 1);
		nothing_is_left(w);
	}
	print_message("%d kills: %d finished, %d taken back\n", n - 1, n_all, n_none);
	assert_true(n_all > DISKS && n_none >= DISKS && n < MOST_STEPS);
}

static void who_finishes_may_be_killed_as_well(void **state)
{
	struct world *w = *state;
	int n_killed = 0;
	bool over = false;

	for (int n = 1; n < MOST_STEPS && !over; n++)
		for (int k = 1; k < MOST_STEPS; k++) {
			lay_out(w);
			over = child_killed_at(w, n, seal_all) == 0;
			which = n % DISKS;
			if (over || child_killed_at(w, k, recover_one) != KILLED)
				break;
			n_killed++;
			which = k % DISKS;
			assert_int_equal(child(w, "", recover_one_and_the_first), 0);
			(void)all_or_none(w);
			assert_false(is_left(w->dir, ".vrs-group"));
		}
	print_message("%d pairs of kills\n", n_killed);
	assert_true(over && n_killed > MOST_STEPS);
}

static void a_step_that_fails_takes_all_back(void **state)
{
	struct world *w = *state;
	int n_failed = 0;

	for (int n = 1; n < MOST_STEPS; n++) {
		char fault[64];

		lay_out(w);
		(void)snprintf(fault, sizeof(fault), "mover.target.group=fail@%d", n);
		if (child(w, fault, seal_all) == 0) { /* after the mark, or over */
			assert_int_equal(all_or_none(w), 1);
			nothing_is_left(w);
			continue;
		}
		n_failed++;
		assert_int_equal(all_or_none(w), 0);
		assert_false(is_left(w->dir, ".vrs-group"));
		assert_int_equal(child(w, "", seal_all), 0); /* and then it goes on */
		assert_int_equal(all_or_none(w), 1);
		nothing_is_left(w);
	}
	assert_true(n_failed > DISKS);
}

static int discard_all(struct world *w)
{
	int status = 0;

	for (int i = DISKS; i-- > 0 && status == 0;)
		status = part_forget(&w->roots, w->path[i], "j", 6, NULL);
	return status;
}

static int discard_anothers(struct world *w)
{
	return part_forget(&w->roots, w->path[1], "another", 9, NULL);
}

static void a_job_that_is_thrown_away_leaves_all_or_nothing(void **state)
{
	struct world *w = *state;
	int n_all = 0, n_none = 0;

	for (int n = 1; n < MOST_STEPS; n++) {
		lay_out(w);
		if (child_killed_at(w, n, seal_all) == 0)
			break;
		assert_int_equal(child(w, "", discard_anothers),
				 is_left(w->dir, ".seed.raw.vrs-map") ? VRS_ECONFLICT
								      : 0);
		assert_int_equal(child(w, "", discard_all), 0);
		if (all_or_none(w))
			n_all++;
		else
			n_none++;
		nothing_is_left(w);
	}
	assert_true(n_all > DISKS && n_none > DISKS);
}

/* For good: somebody took the last one's place after the first had got its name. */
static void a_name_that_was_taken_meanwhile_undoes_the_others(void **state)
{
	struct world *w = *state;
	int n_taken = 0;

	for (int n = 1; n < MOST_STEPS; n++) {
		lay_out(w);
		assert_int_equal(child_killed_at(w, n, seal_all), KILLED);
		if (access(w->path[2], F_OK) == 0)
			break;
		make_old(w->path[2]);
		which = 0;
		assert_int_equal(child(w, "", recover_one), 0);
		assert_int_equal(access(w->path[0], F_OK), -1);
		for (int i = 1; i < DISKS; i++)
			assert_int_equal(byte_at(w->path[i], 0), OLD);
		assert_false(is_left(w->dir, ".vrs-group"));
		n_taken++;
		assert_int_equal(child(w, "", seal_all), VRS_ECONFLICT); /* still */
		assert_int_equal(access(w->path[0], F_OK), -1);
	}
	assert_true(n_taken > DISKS);
}

/* The record, four maps, the first name. */
enum { FIRST_NAME = 6 };

/* The seed was started and written to between the kill and the next try. */
static void a_seed_that_was_written_to_undoes_the_others(void **state)
{
	struct world *w = *state;

	lay_out(w);
	assert_int_equal(child_killed_at(w, FIRST_NAME, seal_all), KILLED);
	assert_int_equal(access(w->path[0], F_OK), 0);
	int fd = open(w->path[1], O_RDWR);
	assert_int_equal(pwrite(fd, "x", 1, BLOCK), 1);
	(void)close(fd);
	which = 1;
	assert_int_equal(child(w, "", recover_one), 0);
	assert_int_equal(access(w->path[0], F_OK), -1);
	assert_int_equal(access(w->path[2], F_OK), -1);
	assert_int_equal(byte_at(w->path[1], BLOCK), 'x');
	assert_int_equal(byte_at(w->path[1], 0), OLD);
	assert_int_equal(byte_at(w->path[3], 0), OLD);
}

static int recover_within_the_other(struct world *w)
{
	struct sandbox only = {.n = 0};
	int status = sandbox_add(&only, w->other, NULL);

	if (status == 0)
		status = part_recover(&only, w->path[2], NULL);
	sandbox_fini(&only);
	return status;
}

static void one_that_may_not_touch_all_of_them_changes_nothing(void **state)
{
	struct world *w = *state;

	lay_out(w);
	assert_int_equal(child_killed_at(w, FIRST_NAME, seal_all), KILLED);
	assert_int_equal(child(w, "", recover_within_the_other), VRS_EDENIED);
	assert_int_equal(access(w->path[0], F_OK), 0);
	which = 2;
	assert_int_equal(child(w, "", recover_one), 0);
	assert_int_equal(all_or_none(w), 1);
	nothing_is_left(w);
}

static void a_record_that_was_taken_away_leaves_parts(void **state)
{
	struct world *w = *state;
	char record[120];

	lay_out(w);
	assert_int_equal(child_killed_at(w, FIRST_NAME - 1, seal_all), KILLED);
	(void)snprintf(record, sizeof(record), "%s/.new.raw.vrs-group", w->dir);
	assert_int_equal(unlink(record), 0);
	assert_int_equal(child(w, "", recover_each), 0);
	assert_int_equal(all_or_none(w), 0);
	assert_int_equal(child(w, "", seal_all), 0);
	assert_int_equal(all_or_none(w), 1);
}

static void a_record_is_read_as_it_was_written(void **state)
{
	(void)state;
	struct group g = {.nonce = 77, .token = 5, .job = "j", .n = 2}, got;
	struct vrs_err err = {0};
	uint8_t *bytes = calloc(1, GROUP_MAX_BYTES);
	char a[] = "/a/b.raw", b[] = "/c.raw";

	g.disk[0] = (struct group_disk){.path = a, .part_inode = 1};
	g.disk[1] = (struct group_disk){
		.path = b,
		.after_mark = true,
		.part_inode = 2,
		.base_inode = 3,
		.base_bytes = 4,
		.base_mtime_ns = 5,
	};
	size_t n = group_pack(&g, bytes);
	assert_ok(group_unpack(&got, bytes, n, &err), &err);
	assert_int_equal(got.n, 2);
	assert_string_equal(got.job, "j");
	assert_string_equal(got.disk[1].path, b);
	assert_true(got.disk[1].after_mark && !got.disk[0].after_mark && !got.marked);
	assert_int_equal(got.disk[1].base_mtime_ns, 5);
	group_fini(&got);

	group_mark(bytes, 76); /* of another one */
	assert_ok(group_unpack(&got, bytes, n, &err), &err);
	assert_false(got.marked);
	group_fini(&got);
	group_mark(bytes, 77);
	assert_ok(group_unpack(&got, bytes, n, &err), &err);
	assert_true(got.marked);
	group_fini(&got);

	for (size_t i = GROUP_LIST_OFFSET; i < n; i++) {
		bytes[i] ^= 4;
		assert_fails(group_unpack(&got, bytes, n, &err), VRS_EPARSE, &err);
		bytes[i] ^= 4;
	}
	for (size_t cut = 0; cut < n; cut += 3)
		assert_fails(group_unpack(&got, bytes, cut, &err), VRS_EPARSE, &err);
	strcpy(a, "/c.raw"); /* twice the same */
	n = group_pack(&g, bytes);
	assert_fails(group_unpack(&got, bytes, n, &err), VRS_EPARSE, &err);
	strcpy(a, "/../x"); /* out of its directory */
	n = group_pack(&g, bytes);
	assert_fails(group_unpack(&got, bytes, n, &err), VRS_EPARSE, &err);
	free(bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(all_get_their_names_together),
		TEST(a_record_is_read_as_it_was_written),
	};
	const struct CMUnitTest at_fault_points[] = {
		TEST(after_a_kill_who_comes_next_finishes_all_or_nothing),
		TEST(who_finishes_may_be_killed_as_well),
		TEST(a_step_that_fails_takes_all_back),
		TEST(a_job_that_is_thrown_away_leaves_all_or_nothing),
		TEST(a_name_that_was_taken_meanwhile_undoes_the_others),
		TEST(a_seed_that_was_written_to_undoes_the_others),
		TEST(one_that_may_not_touch_all_of_them_changes_nothing),
		TEST(a_record_that_was_taken_away_leaves_parts),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	if (has_fault_points)
		failed += cmocka_run_group_tests(at_fault_points, NULL, NULL);
	return failed;
}
