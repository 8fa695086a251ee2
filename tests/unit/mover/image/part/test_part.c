#include "check.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image/base/tree.h"
#include "image/base/wire.h"
#include "image/part/part.h"
#include "vrs/mem.h"

enum { SIZE = 3 * TREE_CHUNK_BYTES + 4096, BLOCK = 65536 };

struct world {
	char dir[40], path[80];
	struct sandbox roots;
};

static int set_up(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	struct vrs_err err = {0};

	strcpy(w->dir, "/tmp/vrs-part-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	(void)snprintf(w->path, sizeof(w->path), "%s/disk.raw", w->dir);
	assert_ok(sandbox_add(&w->roots, w->dir, &err), &err);
	*state = w;
	return 0;
}

static size_t n_files(const struct world *w, bool remove_them)
{
	DIR *d = opendir(w->dir);
	size_t n = 0;

	for (struct dirent *e; (e = readdir(d));) {
		char path[400];

		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		n++;
		(void)snprintf(path, sizeof(path), "%s/%s", w->dir, e->d_name);
		if (remove_them)
			(void)unlink(path);
	}
	(void)closedir(d);
	return n;
}

static int tear_down(void **state)
{
	struct world *w = *state;

	(void)n_files(w, true);
	(void)rmdir(w->dir);
	sandbox_fini(&w->roots);
	free(w);
	return 0;
}

static int open_part(struct world *w, struct part **ret, const char *job, uint64_t token,
		     const char *base, unsigned *ret_flags, struct vrs_err *err)
{
	struct part_want want = {
		.path = w->path,
		.format = "raw",
		.job = job,
		.identity = "raw:of:test",
		.base = base,
		.disk_bytes = SIZE,
		.token = token,
	};

	return part_open(ret, &w->roots, &want, ret_flags, err);
}

/* One block full of a byte, with its digest in front. */
static int put(struct part *p, uint64_t off, uint8_t fill, struct vrs_err *err)
{
	static uint8_t payload[TREE_DIGEST_BYTES + BLOCK];
	uint8_t *data = payload + TREE_DIGEST_BYTES;

	memset(data, fill, BLOCK);
	struct tree_digest d = tree_block(data, BLOCK);
	memcpy(payload, d.bytes, TREE_DIGEST_BYTES);
	return part_write(p, &(struct wire_blocks){payload, off, BLOCK, TREE_BLOCK_SHIFT},
			  err);
}

static uint8_t byte_at(const char *path, off_t off)
{
	uint8_t byte = 0;
	int fd = open(path, O_RDONLY);

	assert_true(fd >= 0);
	assert_int_equal(pread(fd, &byte, 1, off), 1);
	(void)close(fd);
	return byte;
}

static void nothing_has_the_name_until_it_is_sealed(void **state)
{
	struct world *w = *state;
	struct vrs_err err = {0};
	struct part *p;
	unsigned flags;

	assert_ok(open_part(w, &p, "j", 1, "", &flags, &err), &err);
	assert_int_equal(flags, 0);
	assert_ok(put(p, BLOCK, 7, &err), &err);
	assert_ok(part_mark(p, 0, 1, &err), &err);
	assert_int_equal(access(w->path, F_OK), -1);
	assert_ok(part_commit(p, &err), &err);
	part_close(p);
	assert_int_equal(byte_at(w->path, BLOCK), 7);
	assert_int_equal(byte_at(w->path, 0), 0);
	assert_int_equal(n_files(w, false), 1);
}

static void a_further_try_finds_what_is_there(void **state)
{
	struct world *w = *state;
	struct vrs_err err = {0};
	struct part *p;
	unsigned flags;

	assert_ok(open_part(w, &p, "j", 1, "", &flags, &err), &err);
	assert_ok(put(p, 0, 1, &err), &err);
	assert_ok(part_mark(p, 0, 1, &err), &err);
	assert_ok(put(p, TREE_CHUNK_BYTES, 2, &err), &err); /* begun, not complete */
	part_close(p);
	assert_ok(open_part(w, &p, "j", 2, "", &flags, &err), &err);
	assert_int_equal(flags, WIRE_TARGET_RESUMED);
	assert_int_equal(part_map(p)->state[0], CHUNK_DURABLE);
	assert_int_equal(part_map(p)->state[1], CHUNK_DOUBT);
	assert_int_equal(part_map(p)->state[2], CHUNK_NONE);
	part_close(p);
}

static void a_later_token_takes_over_and_the_older_one_cannot_write(void **state)
{
	struct world *w = *state;
	struct vrs_err err = {0};
	struct part *old, *new, *late;
	unsigned flags;

	assert_ok(open_part(w, &old, "j", 5, "", &flags, &err), &err);
	assert_ok(put(old, 0, 1, &err), &err);
	assert_ok(part_mark(old, 0, 1, &err), &err);
	assert_ok(open_part(w, &new, "j", 6, "", &flags, &err), &err);
	assert_int_equal(flags, WIRE_TARGET_RESUMED | WIRE_TARGET_CUT);
	assert_int_equal(part_map(new)->state[0], CHUNK_WRITTEN); /* same machine */
	assert_fails(put(old, BLOCK, 9, &err), VRS_ECONFLICT, &err);
	assert_fails(part_mark(old, 1, 1, &err), VRS_ECONFLICT, &err);
	assert_fails(part_commit(old, &err), VRS_ECONFLICT, &err);
	assert_fails(open_part(w, &late, "j", 5, "", &flags, &err), VRS_ECONFLICT, &err);
	part_close(old);
	assert_ok(put(new, BLOCK, 3, &err), &err);
	assert_ok(part_commit(new, &err), &err);
	part_close(new);
	assert_int_equal(byte_at(w->path, BLOCK), 3);
}

static void after_the_seal_the_older_one_cannot_write_into_the_image(void **state)
{
	struct world *w = *state;
	struct vrs_err err = {0};
	struct part *old, *new;
	unsigned flags;

	assert_ok(open_part(w, &old, "j", 5, "", &flags, &err), &err);
	assert_ok(open_part(w, &new, "j", 5, "", &flags, &err), &err); /* same token */
	assert_ok(part_commit(new, &err), &err);
	part_close(new);
	assert_fails(put(old, 0, 9, &err), VRS_ECONFLICT, &err);
	part_close(old);
	assert_int_equal(byte_at(w->path, 0), 0);
}

static void another_job_gets_the_place_only_when_nobody_writes(void **state)
{
	struct world *w = *state;
	struct vrs_err err = {0};
	struct part *a, *b;
	unsigned flags;

	assert_ok(open_part(w, &a, "a", 9, "", &flags, &err), &err);
	assert_ok(put(a, 0, 1, &err), &err);
	assert_fails(open_part(w, &b, "b", 1, "", &flags, &err), VRS_ECONFLICT, &err);
	part_close(a);
	assert_ok(open_part(w, &b, "b", 1, "", &flags, &err), &err);
	assert_int_equal(flags, 0);
	assert_int_equal(part_map(b)->state[0], CHUNK_NONE);
	part_close(b);
}

static void an_image_that_is_there_is_not_replaced(void **state)
{
	struct world *w = *state;
	struct vrs_err err = {0};
	struct part *p;
	unsigned flags;

	assert_ok(open_part(w, &p, "j", 1, "", &flags, &err), &err);
	FILE *f = fopen(w->path, "w"); /* somebody makes it meanwhile */
	(void)fputs("precious", f);
	(void)fclose(f);
	assert_fails(part_commit(p, &err), VRS_ECONFLICT, &err);
	part_close(p);
	assert_int_equal(byte_at(w->path, 0), 'p');
	assert_fails(open_part(w, &p, "j", 2, "", &flags, &err), VRS_ECONFLICT, &err);
}

static void make_base(struct world *w)
{
	int fd = open(w->path, O_RDWR | O_CREAT, 0600);

	assert_int_equal(ftruncate(fd, SIZE), 0);
	assert_int_equal(pwrite(fd, "base", 4, BLOCK), 4);
	(void)close(fd);
}

static void the_base_is_replaced_only_if_it_is_still_the_same(void **state)
{
	struct world *w = *state;
	struct vrs_err err = {0};
	struct part *p;
	unsigned flags;

	make_base(w);
	assert_ok(open_part(w, &p, "j", 1, w->path, &flags, &err), &err);
	assert_int_equal(flags, WIRE_TARGET_CLONED | WIRE_TARGET_OVERLAY);
	assert_int_equal(part_map(p)->state[0], CHUNK_DOUBT);
	assert_ok(put(p, 0, 5, &err), &err);
	int fd = open(w->path, O_RDWR);
	assert_int_equal(pwrite(fd, "x", 1, 2 * BLOCK), 1); /* it was started after all */
	(void)close(fd);
	assert_fails(part_commit(p, &err), VRS_ECONFLICT, &err);
	part_close(p);
	assert_int_equal(byte_at(w->path, 0), 0);

	assert_ok(open_part(w, &p, "j", 2, w->path, &flags, &err), &err);
	assert_ok(put(p, 0, 5, &err), &err);
	assert_ok(part_commit(p, &err), &err);
	part_close(p);
	assert_int_equal(byte_at(w->path, 0), 5);
	assert_int_equal(byte_at(w->path, BLOCK), 'b');
}

static void what_had_the_name_can_be_kept_aside(void **state)
{
	struct world *w = *state;
	struct vrs_err err = {0};
	struct part *p;
	unsigned flags;
	char kept[120];
	struct part_want want = {
		.path = w->path,
		.format = "raw",
		.job = "j",
		.identity = "raw:of:test",
		.base = "",
		.disk_bytes = SIZE,
		.token = 4,
		.displaces = true,
	};

	make_base(w);
	assert_ok(part_open(&p, &w->roots, &want, &flags, &err), &err);
	assert_ok(put(p, 0, 5, &err), &err);
	assert_int_equal(byte_at(w->path, BLOCK), 'b');
	assert_ok(part_commit(p, &err), &err);
	part_close(p);
	assert_int_equal(byte_at(w->path, 0), 5);
	assert_int_equal(byte_at(w->path, BLOCK), 0);
	(void)snprintf(kept, sizeof(kept), "%s.kept-4", w->path);
	assert_int_equal(byte_at(kept, BLOCK), 'b');

	/* the next one that is proven makes room: only the newest is kept */
	want.token = 5;
	assert_ok(part_open(&p, &w->roots, &want, &flags, &err), &err);
	assert_ok(put(p, 0, 6, &err), &err);
	assert_ok(part_commit(p, &err), &err);
	part_close(p);
	assert_int_equal(access(kept, F_OK), -1);
	(void)snprintf(kept, sizeof(kept), "%s.kept-5", w->path);
	assert_int_equal(byte_at(kept, 0), 5);
}

/* As QEMU does it: a lock on one byte says "I may write". */
static void a_disk_that_a_guest_runs_on_is_not_replaced(void **state)
{
	struct world *w = *state;
	struct vrs_err err = {0};
	struct part *p;
	unsigned flags;
	struct flock lock = {.l_type = F_RDLCK, .l_start = 101, .l_len = 1};

	make_base(w);
	assert_ok(open_part(w, &p, "j", 1, w->path, &flags, &err), &err);
	int fd = open(w->path, O_RDWR);
	assert_int_equal(fcntl(fd, F_OFD_SETLK, &lock), 0);
	assert_fails(part_commit(p, &err), VRS_ECONFLICT, &err);
	part_close(p);
	(void)close(fd);
	assert_int_equal(byte_at(w->path, BLOCK), 'b');
}

static void a_damaged_block_is_not_written(void **state)
{
	struct world *w = *state;
	struct vrs_err err = {0};
	struct part *p;
	unsigned flags;
	static uint8_t payload[TREE_DIGEST_BYTES + BLOCK];

	memset(payload, 1, sizeof(payload)); /* a digest of nothing */
	assert_ok(open_part(w, &p, "j", 1, "", &flags, &err), &err);
	assert_fails(
		part_write(p, &(struct wire_blocks){payload, 0, BLOCK, TREE_BLOCK_SHIFT},
			   &err),
		VRS_EIO, &err);
	assert_int_equal(part_map(p)->state[0], CHUNK_NONE);
	part_close(p);
}

static void what_is_thrown_away_is_gone(void **state)
{
	struct world *w = *state;
	struct vrs_err err = {0};
	struct part *p;
	unsigned flags;

	assert_ok(open_part(w, &p, "j", 3, "", &flags, &err), &err);
	assert_ok(put(p, 0, 1, &err), &err);
	assert_ok(part_discard(p, &err), &err);
	part_close(p);
	assert_int_equal(n_files(w, false), 0);
	assert_ok(open_part(w, &p, "j", 3, "", &flags, &err), &err);
	part_close(p);
	assert_fails(part_forget(&w->roots, w->path, "other", 9, &err), VRS_ECONFLICT,
		     &err);
	assert_fails(part_forget(&w->roots, w->path, "j", 2, &err), VRS_ECONFLICT, &err);
	assert_ok(part_forget(&w->roots, w->path, "j", 3, &err), &err);
	assert_int_equal(n_files(w, false), 0);
	assert_ok(part_forget(&w->roots, w->path, "j", 3, &err), &err);
}

static void a_torn_map_costs_a_look_not_the_content(void **state)
{
	struct world *w = *state;
	struct vrs_err err = {0};
	struct part *p;
	unsigned flags;
	char map[120];

	assert_ok(open_part(w, &p, "j", 1, "", &flags, &err), &err);
	assert_ok(put(p, 0, 1, &err), &err);
	assert_ok(part_mark(p, 0, 1, &err), &err);
	part_close(p);
	(void)snprintf(map, sizeof(map), "%s/.disk.raw.vrs-map", w->dir);
	int fd = open(map, O_RDWR);
	assert_int_equal(pwrite(fd, "\3\3\3", 3, CHUNKMAP_PAGE_BYTES), 3);
	(void)close(fd);
	assert_ok(open_part(w, &p, "j", 2, "", &flags, &err), &err);
	for (uint64_t i = 0; i < part_map(p)->n_chunks; i++)
		assert_int_equal(part_map(p)->state[i], CHUNK_DOUBT);
	part_close(p);

	fd = open(map, O_RDWR);
	assert_int_equal(pwrite(fd, "what?", 5, 100), 5); /* the head: start again */
	(void)close(fd);
	assert_ok(open_part(w, &p, "j", 3, "", &flags, &err), &err);
	assert_int_equal(flags, 0);
	part_close(p);
}

static uint64_t room_of_part(const struct world *w)
{
	char path[100];
	struct stat st;

	(void)snprintf(path, sizeof(path), "%s/.disk.raw.vrs-part", w->dir);
	assert_int_equal(stat(path, &st), 0);
	return (uint64_t)st.st_blocks * 512;
}

static void room_taken_for_what_is_zeros_is_given_back(void **state)
{
	struct world *w = *state;
	struct vrs_err err = {0};
	struct part *p;
	unsigned flags;
	const uint64_t room = 2u << 20;

	assert_ok(open_part(w, &p, "x1", 1, "", &flags, &err), &err);
	assert_int_equal(part_allocate(p, SIZE - 4096, 8192, &err), VRS_EPARSE);
	assert_ok(part_allocate(p, TREE_CHUNK_BYTES, room, &err), &err);
	if (room_of_part(w) < room) { /* a file system that cannot */
		part_close(p);
		skip();
	}
	assert_ok(put(p, TREE_CHUNK_BYTES, 7, &err), &err);
	assert_true(room_of_part(w) >= room);
	assert_ok(put(p, TREE_CHUNK_BYTES + BLOCK, 0, &err), &err);
	assert_true(room_of_part(w) < room);
	assert_ok(part_mark(p, 1, 1, &err), &err);
	assert_ok(part_commit(p, &err), &err);
	part_close(p);
	assert_int_equal(byte_at(w->path, TREE_CHUNK_BYTES), 7);
	assert_int_equal(byte_at(w->path, TREE_CHUNK_BYTES + BLOCK), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(nothing_has_the_name_until_it_is_sealed),
		TEST(a_further_try_finds_what_is_there),
		TEST(a_later_token_takes_over_and_the_older_one_cannot_write),
		TEST(after_the_seal_the_older_one_cannot_write_into_the_image),
		TEST(another_job_gets_the_place_only_when_nobody_writes),
		TEST(an_image_that_is_there_is_not_replaced),
		TEST(the_base_is_replaced_only_if_it_is_still_the_same),
		TEST(what_had_the_name_can_be_kept_aside),
		TEST(a_disk_that_a_guest_runs_on_is_not_replaced),
		TEST(a_damaged_block_is_not_written),
		TEST(room_taken_for_what_is_zeros_is_given_back),
		TEST(what_is_thrown_away_is_gone),
		TEST(a_torn_map_costs_a_look_not_the_content),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
