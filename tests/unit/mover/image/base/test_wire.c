#include "check.h"

#include <stdlib.h>
#include <string.h>

#include "image/base/tree.h"
#include "image/base/wire.h"

struct got {
	int n;
	struct wire_head head;
	size_t n_bytes;
};

static int on_frame(void *arg, const struct wire_head *head, uint8_t *payload,
		    struct vrs_err *err)
{
	struct got *g = arg;

	(void)err;
	g->n++;
	g->head = *head;
	g->n_bytes += head->len;
	for (uint32_t i = 0; i < head->len; i++)
		assert_int_equal(payload[i], i & 0xff);
	free(payload);
	return 0;
}

static size_t make_frame(uint8_t *out, uint32_t seq, uint32_t len)
{
	struct wire_head h = {.type = WIRE_OK,
			      .slot = 3,
			      .shift = 16,
			      .seq = seq,
			      .len = len,
			      .a = 0x0123456789abcdefull,
			      .b = UINT64_MAX};

	wire_pack(out, &h);
	for (uint32_t i = 0; i < len; i++)
		out[WIRE_HEAD_BYTES + i] = (uint8_t)i;
	return WIRE_HEAD_BYTES + len;
}

static void frames_arrive_whole_however_they_are_cut(void **state)
{
	(void)state;
	uint8_t bytes[5000];
	size_t n = 0;

	for (uint32_t seq = 1; seq <= 8; seq++)
		n += make_frame(bytes + n, seq, seq * 50);
	for (size_t cut = 1; cut <= n; cut = cut * 2 + 1) {
		struct got got = {0};
		struct wire_reader r = {.on_frame = on_frame, .arg = &got};
		struct vrs_err err = {0};

		for (size_t at = 0; at < n; at += cut)
			assert_ok(wire_reader_feed(&r, bytes + at,
						   n - at < cut ? n - at : cut, &err),
				  &err);
		assert_int_equal(got.n, 8);
		assert_int_equal(got.n_bytes, 50 * 36);
		assert_int_equal(got.head.seq, 8);
		assert_int_equal(got.head.shift, 16);
		assert_true(got.head.a == 0x0123456789abcdefull);
		assert_true(got.head.b == UINT64_MAX);
		wire_reader_fini(&r);
	}
}

static void bytes_that_are_no_frame_are_refused(void **state)
{
	(void)state;
	static const struct {
		size_t at;
		uint8_t value;
		const char *why;
	} bad[] = {
		{0, 'X', "not a frame"},  {3, '2', "not a frame"},
		{4, 0, "unknown type"},   {4, WIRE_LAST_REQUEST + 1, "unknown type"},
		{4, 255, "unknown type"}, {15, 0xff, "too long"},
		{14, 0x12, "too long"},
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		uint8_t bytes[WIRE_HEAD_BYTES + 4];
		struct got got = {0};
		struct wire_reader r = {.on_frame = on_frame, .arg = &got};
		struct vrs_err err = {0};

		(void)make_frame(bytes, 1, 4);
		bytes[bad[i].at] = bad[i].value;
		assert_fails(wire_reader_feed(&r, bytes, sizeof(bytes), &err), VRS_EPARSE,
			     &err);
		assert_non_null(strstr(err.text, bad[i].why));
		assert_int_equal(got.n, 0);
		wire_reader_fini(&r);
	}
}

static void texts_are_bounded(void **state)
{
	(void)state;
	struct wire_texts t = {.len = 0};
	struct vrs_err err = {0};
	char out[8];

	assert_ok(wire_put_text(&t, "seven77", &err), &err);
	assert_ok(wire_put_text(&t, "", &err), &err);
	assert_ok(wire_put_text(&t, "eight888", &err), &err);
	struct wire_text_reader r = {t.bytes, t.len, 0};
	assert_ok(wire_get_text(&r, out, sizeof(out), &err), &err);
	assert_string_equal(out, "seven77");
	assert_ok(wire_get_text(&r, out, sizeof(out), &err), &err);
	assert_string_equal(out, "");
	assert_fails(wire_get_text(&r, out, sizeof(out), &err), VRS_EPARSE,
		     &err); /* too long for its place */
	r.n--;
	assert_fails(wire_get_text(&r, out, sizeof(out), &err), VRS_EPARSE, &err);
	t.bytes[4] = '\0'; /* a zero within */
	r = (struct wire_text_reader){t.bytes, t.len, 0};
	assert_fails(wire_get_text(&r, out, sizeof(out), &err), VRS_EPARSE, &err);
	r.pos = t.len + 1;
	assert_fails(wire_get_text(&r, out, sizeof(out), &err), VRS_EPARSE, &err);
}

static void ranges_are_whole_blocks_inside_the_disk(void **state)
{
	(void)state;
	const uint64_t size = (1 << 20) + 512; /* the last block is short */
	static const struct {
		uint64_t off, len;
		unsigned shift;
		bool ok;
	} cases[] = {
		{0, 65536, 16, true},
		{0, 262144, 16, true},
		{1 << 20, 512, 16, true},
		{1 << 20, 512, 12, true},
		{4096, 4096, 12, true},
		{4096, 65536, 16, false},               /* does not begin at a block */
		{0, 1000, 16, false},                   /* ends within a block */
		{0, 0, 16, false},                      /* nothing */
		{0, (1 << 20) + 512, 16, false},        /* more than one frame holds */
		{1 << 20, 1024, 16, false},             /* beyond the end */
		{UINT64_MAX - 65535, 65536, 16, false}, /* around the end of numbers */
		{0, UINT64_MAX, 16, false},
		{0, 65536, 13, false}, /* no such block */
		{0, 65536, 63, false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (wire_range_ok(cases[i].off, cases[i].len, cases[i].shift, size) !=
		    cases[i].ok)
			fail_msg("case %zu", i);
}

static void a_payload_is_as_long_as_its_digests_say(void **state)
{
	(void)state;
	static uint8_t p[4 * 16 + 3 * 65536];

	memset(p, 1, 3 * 16); /* three blocks with data, the fourth zero */
	memset(p + 48, 0, 16);
	struct wire_blocks b = {p, 0, 262144, 16};
	assert_true(wire_blocks_ok(&b, sizeof(p)));
	assert_false(wire_blocks_ok(&b, sizeof(p) - 1));
	assert_false(wire_blocks_ok(&b, 63));
	p[48] = 1; /* now the fourth claims data that is not there */
	assert_false(wire_blocks_ok(&b, sizeof(p)));
	/* a short last block */
	assert_true(wire_blocks_ok(&(struct wire_blocks){p, 1 << 20, 512, 16}, 16 + 512));
}

static void blocks_of_one_kind_are_one_run(void **state)
{
	(void)state;
	enum { N = 5, LEAF = 1 << TREE_LEAF_SHIFT };
	static uint8_t p[N * TREE_DIGEST_BYTES + 2 * LEAF + 512];
	const uint8_t *data = p + N * TREE_DIGEST_BYTES;
	struct wire_blocks b = {p, LEAF, 4 * LEAF + 512, TREE_LEAF_SHIFT};
	struct wire_run run = {0};

	p[0] = p[TREE_DIGEST_BYTES] = p[4 * TREE_DIGEST_BYTES] =
		1; /* data data 0 0 data */
	assert_true(wire_next_run(&b, &run));
	assert_int_equal(run.off, LEAF);
	assert_int_equal(run.len, 2 * LEAF);
	assert_ptr_equal(run.data, data);
	assert_true(wire_next_run(&b, &run));
	assert_int_equal(run.off, 3 * LEAF);
	assert_int_equal(run.len, 2 * LEAF);
	assert_null(run.data);
	assert_true(wire_next_run(&b, &run));
	assert_int_equal(run.off, 5 * LEAF);
	assert_int_equal(run.len, 512);
	assert_ptr_equal(run.data, data + 2 * LEAF);
	assert_false(wire_next_run(&b, &run));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_arrive_whole_however_they_are_cut),
		cmocka_unit_test(bytes_that_are_no_frame_are_refused),
		cmocka_unit_test(texts_are_bounded),
		cmocka_unit_test(ranges_are_whole_blocks_inside_the_disk),
		cmocka_unit_test(a_payload_is_as_long_as_its_digests_say),
		cmocka_unit_test(blocks_of_one_kind_are_one_run),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
