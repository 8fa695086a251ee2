/* The spool: what was synced is there afterwards, whatever happened to the file's end. */
#include "check.h"
#include "folder.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "ship/spool.h"
#include "vrs/mem.h"

enum { DAY_MS = 24 * 3600 * 1000 };

static char dir[64];

static int make_dir(void **state)
{
	(void)state;
	(void)snprintf(dir, sizeof(dir), "/tmp/vrs-spool-XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
	(void)state;
	remove_tree(dir);
	return 0;
}

static struct spool *reopen(struct spool *s, size_t segment_bytes, int64_t now_ms)
{
	struct spool_conf conf = {
		.dir = dir,
		.owner = "c1/main",
		.keep_ms = DAY_MS,
		.segment_bytes = segment_bytes,
	};
	struct vrs_err err = {0};

	spool_close(s);
	s = NULL;
	assert_ok(spool_open(&s, &conf, now_ms, &err), &err);
	return s;
}

/* Record n is n % 100 + 1 times the same letter. */
static size_t make_record(char buf[128], uint64_t n)
{
	size_t len = n % 100 + 1;

	memset(buf, 'a' + (int)(n % 26), len);
	return len;
}

static void put(struct spool *s, uint64_t from, uint64_t to, int64_t now_ms)
{
	struct vrs_err err = {0};
	struct spool_info info;
	char buf[128];

	for (uint64_t n = from; n <= to; n++) {
		assert_ok(spool_append(s, buf, make_record(buf, n), now_ms, &err), &err);
		spool_info(s, &info);
		assert_int_equal(info.head_seq, n);
	}
	assert_ok(spool_sync(s, &err), &err);
}

struct got {
	uint64_t first, last, n, holes;
};

static int take(void *arg, uint64_t seq, const void *bytes, size_t n_bytes)
{
	struct got *g = arg;
	char want[128];

	assert_int_equal(n_bytes, make_record(want, seq));
	assert_memory_equal(bytes, want, n_bytes);
	if (g->n++ == 0)
		g->first = seq;
	else
		g->holes += seq - g->last - 1;
	g->last = seq;
	return 0;
}

static struct got get(struct spool *s, uint64_t from, uint64_t to, size_t max_bytes,
		      uint64_t *next)
{
	struct vrs_err err = {0};
	struct got g = {0};

	struct spool_range range = {from, to, max_bytes, take, &g};

	assert_ok(spool_read(s, &range, next, &err), &err);
	return g;
}

static void records_are_read_again_after_a_restart(void **state)
{
	(void)state;
	struct spool *s = reopen(NULL, 0, 0);
	struct spool_info before, after;
	uint64_t next;

	put(s, 1, 300, 0);
	spool_info(s, &before);
	assert_true(before.epoch != 0);
	s = reopen(s, 0, 0);
	spool_info(s, &after);
	assert_true(after.epoch == before.epoch);
	assert_int_equal(after.first_seq, 1);
	assert_int_equal(after.head_seq, 300);
	put(s, 301, 310, 0); /* goes on at the end, not at the beginning */
	s = reopen(s, 0, 0);
	struct got g = get(s, 1, UINT64_MAX, SIZE_MAX, &next);
	assert_int_equal(g.first, 1);
	assert_int_equal(g.n, 310);
	assert_int_equal(next, 311);
	spool_close(s);
}

static void reads_are_bounded_and_can_be_continued(void **state)
{
	(void)state;
	struct spool *s = reopen(NULL, 2000, 0);
	uint64_t next = 5, n = 0;

	put(s, 1, 500, 0);
	while (next <= 400) {
		struct got g = get(s, next, 400, 700, &next);

		assert_true(g.n > 0);
		assert_int_equal(next, g.last + 1);
		n += g.n;
	}
	assert_int_equal(n, 396);
	struct got g = get(s, 77, 77, 1, &next); /* one is always given */
	assert_int_equal(g.n, 1);
	assert_int_equal(get(s, 501, 600, 1000, &next).n, 0);
	assert_int_equal(next, 501);
	spool_close(s);
}

static void records_expire_by_age_only(void **state)
{
	(void)state;
	struct spool *s = reopen(NULL, 1000, 0);
	struct spool_info info;
	uint64_t next;

	put(s, 1, 200, 1000);
	s = reopen(s, 1000, DAY_MS);
	spool_info(s, &info);
	assert_int_equal(info.first_seq, 1);
	put(s, 201, 220, DAY_MS + 2000); /* a new segment: time to look for old ones */
	put(s, 221, 240, DAY_MS + 2000);
	spool_info(s, &info);
	assert_true(info.first_seq > 100 && info.first_seq <= 201);
	struct got g = get(s, 1, 240, SIZE_MAX, &next);
	assert_int_equal(g.first, info.first_seq);
	assert_int_equal(g.last, 240);
	spool_close(s);
}

static void a_second_open_is_refused(void **state)
{
	(void)state;
	struct spool *s = reopen(NULL, 0, 0), *other = NULL;
	struct spool_conf conf = {.dir = dir, .owner = "c1/main", .keep_ms = 1};
	struct vrs_err err = {0};

	assert_fails(spool_open(&other, &conf, 0, &err), VRS_ECONFLICT, &err);
	spool_close(s);
	conf.owner = "c2/main";
	assert_fails(spool_open(&other, &conf, 0, &err), VRS_ECONFLICT, &err);
	conf.dir = "/proc/nowhere/spool";
	assert_true(spool_open(&other, &conf, 0, &err) < 0);
	assert_null(other);
}

static void numbers_can_be_skipped(void **state)
{
	(void)state;
	struct spool *s = reopen(NULL, 0, 0);
	struct vrs_err err = {0};
	uint64_t next;

	put(s, 1, 5, 0);
	assert_ok(spool_advance(s, 3, 0, &err), &err); /* known anyway */
	put(s, 6, 6, 0);
	assert_ok(spool_advance(s, 20, 0, &err), &err);
	put(s, 21, 25, 0);
	s = reopen(s, 0, 0);
	struct got g = get(s, 1, 25, SIZE_MAX, &next);
	assert_int_equal(g.n, 11);
	assert_int_equal(g.holes, 14);
	g = get(s, 10, 15, SIZE_MAX, &next);
	assert_int_equal(g.n, 0);
	assert_int_equal(next, 21); /* the hole shows */
	spool_close(s);
}

/* --- damage --- */

struct file {
	char path[128];
	unsigned char *bytes;
	size_t n;
};

static void file_load(struct file *f, const char *name)
{
	(void)snprintf(f->path, sizeof(f->path), "%s/%s", dir, name);
	FILE *in = fopen(f->path, "re");
	assert_non_null(in);
	assert_int_equal(fseek(in, 0, SEEK_END), 0);
	f->n = (size_t)ftell(in);
	rewind(in);
	f->bytes = malloc(f->n + 64);
	assert_non_null(f->bytes);
	assert_int_equal(fread(f->bytes, 1, f->n, in), f->n);
	(void)fclose(in);
}

static void file_save(const struct file *f, size_t n)
{
	FILE *out = fopen(f->path, "we");

	assert_non_null(out);
	assert_int_equal(fwrite(f->bytes, 1, n, out), n);
	assert_int_equal(fclose(out), 0);
}

static void empty_dir(void)
{
	remove_tree(dir);
	assert_int_equal(mkdir(dir, 0700), 0);
}

static const char first_segment[] = "0000000000000001.seg";

static void a_tail_torn_at_any_byte_is_truncated(void **state)
{
	(void)state;
	struct spool *s = reopen(NULL, 0, 0);
	struct spool_info info;
	struct file f;
	uint64_t next;

	put(s, 1, 20, 0);
	spool_info(s, &info);
	size_t durable = info.bytes;
	put(s, 21, 21, 0);
	spool_close(s);
	file_load(&f, first_segment);
	for (size_t n = durable; n < f.n; n++) {
		empty_dir();
		file_save(&f, n);
		s = reopen(NULL, 0, 0);
		spool_info(s, &info);
		assert_int_equal(info.head_seq, 20);
		assert_int_equal(info.cut_bytes, n - durable);
		put(s, 21, 22, 0);
		s = reopen(s, 0, 0);
		assert_int_equal(get(s, 1, 99, SIZE_MAX, &next).n, 22);
		assert_int_equal(next, 23);
		spool_close(s);
	}
	free(f.bytes);
}

static void an_empty_block_at_the_end_is_truncated(void **state)
{
	(void)state;
	struct spool *s = reopen(NULL, 0, 0);
	struct spool_info info;
	struct file f;

	put(s, 1, 20, 0);
	spool_close(s);
	file_load(&f, first_segment);
	memset(f.bytes + f.n, 0, 64);
	file_save(&f, f.n + 64);
	s = reopen(NULL, 0, 0);
	spool_info(s, &info);
	assert_int_equal(info.head_seq, 20);
	assert_int_equal(info.cut_bytes, 64);
	spool_close(s);
	free(f.bytes);
}

static void a_damaged_record_is_one_gap(void **state)
{
	(void)state;
	struct spool *s = reopen(NULL, 0, 0);
	struct spool_info info;
	struct file f;
	uint64_t next;

	put(s, 1, 50, 0);
	spool_close(s);
	file_load(&f, first_segment);
	f.bytes[f.n / 2] ^= 1;
	file_save(&f, f.n);
	s = reopen(NULL, 0, 0);
	spool_info(s, &info);
	assert_int_equal(info.head_seq, 50);
	struct got g = get(s, 1, 50, SIZE_MAX, &next);
	assert_int_equal(g.n, 49);
	assert_int_equal(g.holes, 1);
	spool_close(s);
	free(f.bytes);
}

/* Whatever bytes change: what is read is right, and no number is given twice. */
static void random_damage_never_gives_a_wrong_record_or_number(void **state)
{
	(void)state;
	struct spool *s = reopen(NULL, 0, 0);
	struct file f;

	put(s, 1, 60, 0);
	spool_close(s);
	file_load(&f, first_segment);
	unsigned char *good = malloc(f.n);
	assert_non_null(good);
	memcpy(good, f.bytes, f.n);
	srandom(7);
	for (int round = 0; round < 400; round++) {
		struct spool_info info;
		struct vrs_err err = {0};
		size_t n = f.n;
		uint64_t next;
		char buf[128];

		memcpy(f.bytes, good, f.n);
		for (long k = random() % 8; k >= 0; k--)
			f.bytes[(size_t)random() % f.n] = (unsigned char)random();
		if (random() % 4 == 0)
			n = (size_t)random() % f.n;
		empty_dir();
		file_save(&f, n);
		s = reopen(NULL, 0, 0);
		spool_info(s, &info);
		if (info.set_aside == 0 && n == f.n)
			assert_true(info.head_seq >= 60);
		if (info.set_aside == 0)
			(void)get(s, 1, info.head_seq, SIZE_MAX, &next);
		uint64_t seq = info.head_seq + 1;
		assert_ok(spool_append(s, buf, make_record(buf, seq), 0, &err), &err);
		assert_int_equal(get(s, seq, seq, 1, &next).n, 1);
		spool_close(s);
	}
	free(good);
	free(f.bytes);
}

static void a_lost_head_begins_a_new_epoch(void **state)
{
	(void)state;
	struct spool *s = reopen(NULL, 0, 0);
	struct spool_info before, after;
	struct file f;

	put(s, 1, 20, 0);
	spool_info(s, &before);
	spool_close(s);
	file_load(&f, first_segment);
	f.bytes[10] ^= 1;
	file_save(&f, f.n);
	s = reopen(NULL, 0, 0);
	spool_info(s, &after);
	assert_true(after.epoch != before.epoch);
	assert_int_equal(after.set_aside, 1);
	assert_int_equal(after.head_seq, 0);
	spool_close(s);
	free(f.bytes);
}

/* A limit on the size of files stands for a full disk. */
static void a_full_disk_rejects_a_record_and_keeps_the_others(void **state)
{
	(void)state;
	struct spool *s = reopen(NULL, 0, 0);
	struct rlimit was, tight;
	struct spool_info info;
	struct vrs_err err = {0};
	char buf[128];
	uint64_t next;

	put(s, 1, 20, 0);
	spool_info(s, &info);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
	tight = was;
	tight.rlim_cur = info.bytes + 20; /* the next record ends in its middle */
	(void)signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
	int status = spool_append(s, buf, make_record(buf, 21), 0, &err);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
	assert_int_equal(status, VRS_ENOSPC);

	put(s, 21, 25, 0);
	s = reopen(s, 0, 0);
	spool_info(s, &info);
	assert_int_equal(info.cut_bytes, 0);
	assert_int_equal(get(s, 1, 99, SIZE_MAX, &next).n, 25);
	spool_close(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, make_dir, remove_dir)
		TEST(records_are_read_again_after_a_restart),
		TEST(reads_are_bounded_and_can_be_continued),
		TEST(records_expire_by_age_only),
		TEST(a_second_open_is_refused),
		TEST(numbers_can_be_skipped),
		TEST(a_tail_torn_at_any_byte_is_truncated),
		TEST(an_empty_block_at_the_end_is_truncated),
		TEST(a_damaged_record_is_one_gap),
		TEST(random_damage_never_gives_a_wrong_record_or_number),
		TEST(a_lost_head_begins_a_new_epoch),
		TEST(a_full_disk_rejects_a_record_and_keeps_the_others),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
