/* Packing is used where it is faster, and only there. */
#include "check.h"
#include "copy/auto_compress.h"

enum { PIECE = 1 << 18, IN_FLIGHT = 64 };

/* Pieces go over a link of so many bytes a millisecond; packing gives that many at most.
 * Returns the share of the last pieces that were packed. */
static double share_packed(struct auto_compress *p, double channel_rate, double pack_rate,
			   double shrinks, int n_pieces)
{
	struct auto_compress_piece flying[IN_FLIGHT];
	double now_ms = 1;
	int n_packed = 0, counted = 0;

	for (int i = 0; i < n_pieces + IN_FLIGHT; i++) {
		if (i >= IN_FLIGHT) {
			struct auto_compress_piece f = flying[i % IN_FLIGHT];
			double wire =
				f.packed && shrinks < 0.94 ? shrinks * PIECE : PIECE;
			double channel_ms = wire / channel_rate;
			double pack_ms = f.packed ? PIECE / pack_rate : 0;

			now_ms += channel_ms > pack_ms ? channel_ms : pack_ms;
			f.data_bytes = PIECE;
			f.wire_bytes = (uint64_t)wire;
			auto_compress_arrived(p, &f, (int64_t)now_ms);
		}
		struct auto_compress_piece *f = &flying[i % IN_FLIGHT];
		f->len = PIECE;
		auto_compress_next(p, f);
		if (i >= n_pieces / 2 && p->stage == AUTO_COMPRESS_KEEP) {
			counted++;
			n_packed += f->packed;
		}
	}
	return counted ? (double)n_packed / counted : 0;
}

static void a_slow_link_is_packed_for(void **state)
{
	(void)state;
	struct auto_compress p = {.mode = AUTO_COMPRESS_AUTO};

	assert_true(share_packed(&p, 50e3, 400e3, 0.4, 20000) > 0.9);
}

/* Of the first 64 MiB over a slow link, most are packed already. */
static void a_slow_link_is_found_out_soon(void **state)
{
	(void)state;
	struct auto_compress p = {.mode = AUTO_COMPRESS_AUTO};
	struct auto_compress_piece flying[IN_FLIGHT];
	double now_ms = 1;
	int n_packed = 0;

	for (int i = 0; i < 256; i++) {
		struct auto_compress_piece *f = &flying[i % IN_FLIGHT];

		if (i >= IN_FLIGHT) {
			double wire = f->packed ? 0.4 * PIECE : PIECE;

			now_ms += wire / 50e3;
			f->data_bytes = PIECE;
			f->wire_bytes = (uint64_t)wire;
			auto_compress_arrived(&p, f, (int64_t)now_ms);
		}
		f->len = PIECE;
		auto_compress_next(&p, f);
		n_packed += f->packed;
	}
	assert_true(n_packed > 128);
}

static void a_fast_link_is_not(void **state)
{
	(void)state;
	struct auto_compress p = {.mode = AUTO_COMPRESS_AUTO};

	assert_true(share_packed(&p, 1000e3, 400e3, 0.4, 20000) < 0.05);
}

/* Nor does it pay for trials: of the first 512 MiB, some pieces are looked at. */
static void a_link_that_is_too_fast_is_not_tried(void **state)
{
	(void)state;
	struct auto_compress p = {.mode = AUTO_COMPRESS_AUTO};
	struct auto_compress_piece flying[IN_FLIGHT];
	double now_ms = 1;
	int n_packed = 0;

	for (int i = 0; i < 2048; i++) {
		struct auto_compress_piece *f = &flying[i % IN_FLIGHT];

		if (i >= IN_FLIGHT) {
			now_ms += PIECE / 700e3;
			f->data_bytes = PIECE;
			f->wire_bytes = PIECE / 2;
			auto_compress_arrived(&p, f, (int64_t)now_ms);
		}
		f->len = PIECE;
		auto_compress_next(&p, f);
		n_packed += f->packed;
	}
	assert_in_range(n_packed, 2048 / 64, 2048 / 32);
}

static void what_does_not_shrink_is_left_alone(void **state)
{
	(void)state;
	struct auto_compress p = {.mode = AUTO_COMPRESS_AUTO};

	assert_true(share_packed(&p, 50e3, 400e3, 0.99, 20000) < 0.05);
}

static void a_link_that_changes_changes_the_answer(void **state)
{
	(void)state;
	struct auto_compress p = {.mode = AUTO_COMPRESS_AUTO};

	assert_true(share_packed(&p, 1000e3, 400e3, 0.4, 20000) < 0.05);
	assert_true(share_packed(&p, 50e3, 400e3, 0.4, 40000) > 0.9);
}

static void never_and_always_are_obeyed(void **state)
{
	(void)state;
	struct auto_compress never = {.mode = AUTO_COMPRESS_NEVER},
			     always = {.mode = AUTO_COMPRESS_ALWAYS};
	struct auto_compress_piece piece = {.len = PIECE};

	for (int i = 0; i < 1000; i++) {
		auto_compress_next(&never, &piece);
		assert_false(piece.packed);
		auto_compress_next(&always, &piece);
		assert_true(piece.packed);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_slow_link_is_packed_for),
		cmocka_unit_test(a_slow_link_is_found_out_soon),
		cmocka_unit_test(a_fast_link_is_not),
		cmocka_unit_test(a_link_that_is_too_fast_is_not_tried),
		cmocka_unit_test(what_does_not_shrink_is_left_alone),
		cmocka_unit_test(a_link_that_changes_changes_the_answer),
		cmocka_unit_test(never_and_always_are_obeyed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
