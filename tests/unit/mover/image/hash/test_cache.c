#include "check.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "folder.h"
#include "image/hash/cache.h"
#include "image/hash/hashes.h"
#include "image/part/part.h"
#include "vrs/mem.h"

enum { SIZE = 2 * TREE_CHUNK_BYTES + 12345, BLOCK = 65536 };

struct world {
	char dir[40], path[100], cache[120];
	int dir_fd;
	struct sandbox roots;
};

static int64_t now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Until another write would get another time. */
static void let_rest(const char *path)
{
	struct timespec now;
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	do
		(void)clock_gettime(CLOCK_REALTIME_COARSE, &now);
	while ((now.tv_sec - st.st_ctim.tv_sec) * 1000000000L +
		       (now.tv_nsec - st.st_ctim.tv_nsec) <
	       30 * 1000000L);
}

static void write_at(const char *path, off_t off, uint8_t byte)
{
	int fd = open(path, O_RDWR | O_CREAT, 0600);

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, &byte, 1, off), 1);
	(void)close(fd);
}

static int set_up(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	struct vrs_err err = {0};

	strcpy(w->dir, "/tmp/vrs-cache-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	(void)snprintf(w->path, sizeof(w->path), "%s/disk.raw", w->dir);
	(void)snprintf(w->cache, sizeof(w->cache), "%s/.disk.raw.vrs-hashes", w->dir);
	assert_ok(sandbox_add(&w->roots, w->dir, &err), &err);
	w->dir_fd = open(w->dir, O_RDONLY | O_DIRECTORY);
	for (off_t at = 0; at < SIZE; at += BLOCK / 2)
		write_at(w->path, at, (uint8_t)(1 + at / BLOCK));
	assert_int_equal(truncate(w->path, SIZE), 0);
	let_rest(w->path);
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;

	(void)close(w->dir_fd);
	sandbox_fini(&w->roots);
	remove_tree(w->dir);
	free(w);
	return 0;
}

/* One look at the image: opens it, hashes all of it, writes down what is known. Returns
 * how many blocks had to be read; out: the hashes. -1: nothing may be remembered. */
static int look(struct world *w, int64_t at_ms, uint8_t out[3 * HASHES_MAX_BYTES])
{
	struct vrs_err err = {0};
	struct disk *d;
	int n_read = 0, fd = open(w->path, O_RDONLY);
	size_t len = 0, used;

	assert_ok(disk_open(&d, fd, "raw", DISK_READ, &err), &err);
	struct hashcache *c = hashcache_open(w->dir_fd, "disk.raw", d->fd, at_ms);
	for (uint64_t i = 0; i < 3; i++) {
		struct cachefile_entry k = {.known = 0};

		if (c)
			hashcache_get(c, i, &k);
		n_read += (int)((tree_chunk_bytes(SIZE, i) + BLOCK - 1) / BLOCK) -
			  __builtin_popcountll(k.known);
		assert_ok(hashes_of_chunk(d,
					  &(struct hashes_want){
						  .chunk = i, .leaves = true, .cache = c},
					  out + len, &used, &err),
			  &err);
		len += used;
	}
	if (c)
		hashcache_save(c);
	hashcache_close(c);
	disk_close(d);
	return c ? n_read : -1;
}

enum { ALL = 2 * TREE_BLOCKS_PER_CHUNK + 1 };

static void what_was_read_once_is_known(void **state)
{
	struct world *w = *state;
	static uint8_t first[3 * HASHES_MAX_BYTES], again[3 * HASHES_MAX_BYTES],
		plain[3 * HASHES_MAX_BYTES];
	struct vrs_err err = {0};
	struct disk *d;
	size_t len = 0, used;

	assert_int_equal(look(w, now_ms(), first), ALL);
	assert_int_equal(look(w, now_ms(), again), 0);
	assert_memory_equal(first, again, sizeof(first));
	assert_ok(disk_open(&d, open(w->path, O_RDONLY), "raw", DISK_READ, &err), &err);
	for (uint64_t i = 0; i < 3; i++, len += used)
		assert_ok(hashes_of_chunk(
				  d, &(struct hashes_want){.chunk = i, .leaves = true},
				  plain + len, &used, &err),
			  &err);
	disk_close(d);
	assert_memory_equal(first, plain, len);
}

static void a_write_of_one_byte_forgets_all(void **state)
{
	struct world *w = *state;
	static uint8_t first[3 * HASHES_MAX_BYTES], again[3 * HASHES_MAX_BYTES];

	assert_int_equal(look(w, now_ms(), first), ALL);
	write_at(w->path, 5 * BLOCK + 77, 200);
	let_rest(w->path);
	assert_int_equal(look(w, now_ms(), again), ALL);
	assert_memory_not_equal(first, again, sizeof(first));
}

static void setting_the_time_back_does_not_help(void **state)
{
	struct world *w = *state;
	static uint8_t out[3 * HASHES_MAX_BYTES];
	struct stat st;

	assert_int_equal(look(w, now_ms(), out), ALL);
	assert_int_equal(stat(w->path, &st), 0);
	write_at(w->path, BLOCK, 200);
	struct timespec as_it_was[2] = {st.st_atim, st.st_mtim};
	assert_int_equal(utimensat(AT_FDCWD, w->path, as_it_was, 0), 0);
	let_rest(w->path);
	assert_int_equal(look(w, now_ms(), out), ALL);
}

static void what_was_just_written_is_not_remembered(void **state)
{
	struct world *w = *state;
	static uint8_t out[3 * HASHES_MAX_BYTES];
	int n = 0;

	for (int i = 0; i < 100 && n != -1; i++) { /* a machine may be slow once */
		write_at(w->path, BLOCK, (uint8_t)i);
		n = look(w, now_ms(), out);
	}
	assert_int_equal(n, -1);
}

static void what_somebody_may_write_is_not_remembered(void **state)
{
	struct world *w = *state;
	static uint8_t out[3 * HASHES_MAX_BYTES];
	int fd = open(w->path, O_RDWR);
	uint8_t *map = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	assert_true(map != MAP_FAILED);
	assert_int_equal(look(w, now_ms(), out), -1);
	(void)close(fd); /* the mapping is a writer still */
	assert_int_equal(look(w, now_ms(), out), -1);
	(void)munmap(map, SIZE);
	let_rest(w->path);
	assert_int_equal(look(w, now_ms(), out), ALL);
}

static void a_change_while_it_is_read_leaves_nothing(void **state)
{
	struct world *w = *state;
	struct cachefile_entry slot = {.known = 1};
	int fd = open(w->path, O_RDONLY);
	struct hashcache *c = hashcache_open(w->dir_fd, "disk.raw", fd, now_ms());

	assert_non_null(c);
	hashcache_put(c, 0, &slot);
	write_at(w->path, BLOCK, 99);
	hashcache_save(c);
	hashcache_close(c);
	(void)close(fd);
	assert_int_equal(access(w->cache, F_OK), -1);
}

static void after_a_day_all_is_read_again(void **state)
{
	struct world *w = *state;
	static uint8_t out[3 * HASHES_MAX_BYTES];
	int64_t t = now_ms();

	assert_int_equal(look(w, t, out), ALL);
	assert_int_equal(look(w, t + HASHCACHE_BEST_BEFORE_MS - 1, out), 0);
	assert_int_equal(look(w, t + HASHCACHE_BEST_BEFORE_MS, out), ALL);
	assert_int_equal(look(w, t - 1, out), ALL); /* the clock went back */
}

static void another_file_of_the_name_is_not_known(void **state)
{
	struct world *w = *state;
	static uint8_t out[3 * HASHES_MAX_BYTES];
	char other[120];

	assert_int_equal(look(w, now_ms(), out), ALL);
	(void)snprintf(other, sizeof(other), "%s/other", w->dir);
	write_at(other, SIZE - 1, 1);
	assert_int_equal(rename(other, w->path), 0);
	let_rest(w->path);
	assert_true(look(w, now_ms(), out) > 0);
}

static void a_damaged_file_costs_a_look(void **state)
{
	struct world *w = *state;
	static uint8_t first[3 * HASHES_MAX_BYTES], again[3 * HASHES_MAX_BYTES];

	assert_int_equal(look(w, now_ms(), first), ALL);
	write_at(w->cache, (off_t)cachefile_entry_at(1) + 100, 0xee);
	assert_int_equal(look(w, now_ms(), again), TREE_BLOCKS_PER_CHUNK);
	assert_memory_equal(first, again, sizeof(first));
	write_at(w->cache, 40, 0xee);
	assert_int_equal(look(w, now_ms(), again), ALL);
	assert_int_equal(truncate(w->cache, CACHEFILE_HEAD_BYTES + 5), 0);
	assert_int_equal(look(w, now_ms(), again), ALL);
	assert_memory_equal(first, again, sizeof(first));
	assert_int_equal(look(w, now_ms(), again), 0);
	assert_int_equal(chmod(w->cache, 0666), 0); /* anybody's */
	assert_int_equal(look(w, now_ms(), again), ALL);
}

/* --- a seed --- */

static void put(struct part *p, uint64_t off, uint8_t fill)
{
	static uint8_t payload[TREE_DIGEST_BYTES + 4096];
	struct vrs_err err = {0};

	memset(payload + TREE_DIGEST_BYTES, fill, 4096);
	struct tree_digest d = tree_block(payload + TREE_DIGEST_BYTES, 4096);
	memcpy(payload, d.bytes, TREE_DIGEST_BYTES);
	assert_ok(part_write(p,
			     &(struct wire_blocks){payload, off, 4096, TREE_LEAF_SHIFT},
			     &err),
		  &err);
}

/* A round of a seed: compares all, changes two blocks, reads back. Returns how many
 * blocks were known before. */
static int seed(struct world *w, uint64_t token, uint8_t fill)
{
	static uint8_t out[HASHES_MAX_BYTES];
	struct vrs_err err = {0};
	struct part *p;
	unsigned flags;
	size_t used;
	int n_known = 0;
	struct part_want want = {
		.path = w->path,
		.format = "raw",
		.job = "j",
		.identity = "raw:of:test",
		.base = w->path,
		.disk_bytes = SIZE,
		.token = token,
	};

	assert_ok(part_open(&p, &w->roots, &want, &flags, &err), &err);
	struct disk *d = part_proof(p);
	assert_non_null(d->cache);
	for (uint64_t i = 0; i < 3; i++) {
		struct cachefile_entry k;

		hashcache_get(d->cache, i, &k);
		n_known += __builtin_popcountll(k.known);
		assert_ok(hashes_of_chunk(d,
					  &(struct hashes_want){.chunk = i,
								.leaves = true,
								.cache = d->cache},
					  out, &used, &err),
			  &err);
	}
	put(p, 3 * BLOCK, fill);
	put(p, TREE_CHUNK_BYTES + 4096, fill);
	assert_ok(part_mark(p, 0, 3, &err), &err);
	assert_ok(part_sync(p, NULL, &err), &err);
	/* the proof of what differs is of what differs, not of what the base was */
	static uint8_t proof[HASHES_MAX_BYTES], plain[HASHES_MAX_BYTES];
	for (uint64_t i = 0; i < 3; i++) {
		assert_ok(hashes_of_chunk(d,
					  &(struct hashes_want){.chunk = i,
								.leaves = false,
								.cache = d->cache},
					  proof, &used, &err),
			  &err);
		assert_ok(hashes_of_chunk(
				  d, &(struct hashes_want){.chunk = i, .leaves = false},
				  plain, &used, &err),
			  &err);
		assert_memory_equal(proof, plain, TREE_DIGEST_BYTES);
	}
	assert_ok(part_commit(p, &err), &err);
	part_close(p);
	return n_known;
}

static void a_seed_reads_again_only_what_the_last_one_changed(void **state)
{
	struct world *w = *state;
	static uint8_t out[3 * HASHES_MAX_BYTES], plain[3 * HASHES_MAX_BYTES];

	assert_int_equal(seed(w, 1, 201), 0);
	assert_int_equal(seed(w, 2, 202), ALL - 2);
	assert_int_equal(seed(w, 3, 203), ALL - 2);
	assert_int_equal(look(w, now_ms(), out), 2);
	assert_int_equal(unlink(w->cache), 0);
	assert_int_equal(look(w, now_ms(), plain), ALL);
	assert_memory_equal(out, plain, sizeof(out));
}

static void a_seed_that_somebody_reads_while_it_changes_is_not_known(void **state)
{
	struct world *w = *state;
	static uint8_t out[3 * HASHES_MAX_BYTES];

	assert_int_equal(seed(w, 1, 201), 0);
	int fd = open(w->path, O_RDONLY); /* then it is not ours alone */
	assert_int_equal(seed(w, 2, 202), ALL - 2);
	(void)close(fd);
	let_rest(w->path);
	assert_int_equal(look(w, now_ms(), out), ALL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(what_was_read_once_is_known),
		TEST(a_write_of_one_byte_forgets_all),
		TEST(setting_the_time_back_does_not_help),
		TEST(what_was_just_written_is_not_remembered),
		TEST(what_somebody_may_write_is_not_remembered),
		TEST(a_change_while_it_is_read_leaves_nothing),
		TEST(after_a_day_all_is_read_again),
		TEST(another_file_of_the_name_is_not_known),
		TEST(a_damaged_file_costs_a_look),
		TEST(a_seed_reads_again_only_what_the_last_one_changed),
		TEST(a_seed_that_somebody_reads_while_it_changes_is_not_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
