/* Errors, memory, time, minutes in Redis: the first floor. */
#include "check.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vrs/clock.h"
#include "vrs/mem.h"
#include "vrs/series.h"

static void an_error_names_object_and_reason(void **state)
{
	(void)state;
	struct vrs_err err = {0};

	errno = ENOSPC;
	assert_int_equal(vrs_fail_errno(&err, "spool: write %s", "a.seg"), VRS_ENOSPC);
	assert_string_equal(err.text, "spool: write a.seg: No space left on device");
	assert_int_equal(vrs_context(&err, "collector %s", "c1"), VRS_ENOSPC);
	assert_string_equal(err.text,
			    "collector c1: spool: write a.seg: No space left on device");
	assert_int_equal(vrs_fail(NULL, VRS_EIO, "nobody listens"), VRS_EIO);
}

static void a_long_error_is_cut_not_overrun(void **state)
{
	(void)state;
	struct vrs_err err = {0};
	char big[2000];

	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	(void)vrs_fail(&err, VRS_EIO, "%s", big);
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
	(void)vrs_context(&err, "%s", big);
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
}

/* The reference values of Fowler, Noll and Vo. */
static void a_hash_is_fnv_1a_and_can_be_continued(void **state)
{
	(void)state;
	assert_true(vrs_hash(VRS_HASH_BEGIN, "", 0) == UINT64_C(0xcbf29ce484222325));
	assert_true(vrs_hash(VRS_HASH_BEGIN, "a", 1) == UINT64_C(0xaf63dc4c8601ec8c));
	uint64_t whole = vrs_hash(VRS_HASH_BEGIN, "foobar", 6);
	assert_true(whole == UINT64_C(0x85944171f73967e8));
	assert_true(vrs_hash(vrs_hash(VRS_HASH_BEGIN, "foo", 3), "bar", 3) == whole);
}

static void an_arena_stops_at_its_limit(void **state)
{
	(void)state;
	struct vrs_arena *a = vrs_arena_new(1000);

	assert_non_null(vrs_arena_alloc(a, 600));
	assert_null(vrs_arena_alloc(a, 600));
	assert_null(vrs_arena_alloc(a, SIZE_MAX));
	vrs_arena_reset(a);
	assert_non_null(vrs_arena_alloc(a, 600));
	vrs_arena_free(a);
}

static void an_arena_gives_aligned_separate_memory(void **state)
{
	(void)state;
	struct vrs_arena *a = vrs_arena_new(1 << 20);

	for (size_t i = 1; i < 2000; i++) {
		unsigned char *p = vrs_arena_alloc(a, i % 97 + 1);

		assert_non_null(p);
		assert_int_equal((uintptr_t)p % _Alignof(max_align_t), 0);
		memset(p, (int)i, i % 97 + 1);
	}
	vrs_arena_free(a);
}

static void names_that_become_keys_are_plain(void **state)
{
	(void)state;
	static const char *const good[] = {"c1", "host-2.example", "A_b", "0"};
	static const char *const bad[] = {"",     "-c",   ".x", "a b",      "a/b",
					  "a{b}", "a\nb", "é",  "../../etc"};

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_true(vrs_name_ok(good[i]));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(vrs_name_ok(bad[i]));
	assert_true(vrs_id_ok("c0ffee00-0000-4000-8000-000000000001"));
	assert_false(vrs_id_ok("a b"));
	assert_false(vrs_name_ok("0123456789012345678901234567890123456789012345678901234"
				 "567890123456789"));
}

static void time_goes_to_text_and_back(void **state)
{
	(void)state;
	static const int64_t moments[] = {0, 999, 951827696123, 1709164800000,
					  4102444799999};
	char buf[40];

	for (size_t i = 0; i < sizeof(moments) / sizeof(moments[0]); i++)
		assert_int_equal(
			vrs_time_parse(vrs_time_format(buf, sizeof(buf), moments[i])),
			moments[i]);
	assert_int_equal(vrs_time_parse("2026-11-23T08:15:00Z"), 1795421700000);
	assert_int_equal(vrs_time_parse("2026-11-23 08:15"), 1795421700000);
	assert_int_equal(vrs_time_parse("2026-11-23T10:15:00+02:00"), 1795421700000);
}

static void bad_times_are_refused(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"",
		"yesterday",
		"2026-13-01T00:00:00",
		"2026-02-29T00:00:00",
		"2026-11-23T24:00:00",
		"2026-11-23T08:15:00Zjunk",
		"2026-11-23",
		"2026-11-23T08:60:00",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(vrs_time_parse(bad[i]), -1);
}

static void a_slot_keeps_a_reading(void **state)
{
	(void)state;
	uint8_t bytes[VRS_SLOT_BYTES];
	struct vrs_slot got, slot = {.cpu_ratio = 0.4217f,
				     .mem_ratio = 1.0f,
				     .vcpus_used = 513,
				     .state = 1,
				     .flags = VRS_SLOT_LIVE};

	vrs_slot_encode(bytes, &slot);
	vrs_slot_decode(bytes, &got);
	assert_true(fabsf(got.cpu_ratio - slot.cpu_ratio) < 5.1e-5f);
	assert_true(fabsf(got.mem_ratio - 1.0f) < 1e-6f);
	assert_int_equal(got.vcpus_used, 513);
	assert_int_equal(got.state, 1);
	assert_int_equal(got.flags, VRS_SLOT_LIVE);
}

static void an_idle_minute_is_not_a_missing_one(void **state)
{
	(void)state;
	uint8_t bytes[VRS_SLOT_BYTES] = {0};
	struct vrs_slot got;

	vrs_slot_decode(bytes, &got);
	assert_true(isnan(got.cpu_ratio));
	struct vrs_slot idle = {.cpu_ratio = 0, .mem_ratio = NAN};
	vrs_slot_encode(bytes, &idle);
	vrs_slot_decode(bytes, &got);
	assert_true(got.cpu_ratio >= 0 && got.cpu_ratio <= 0);
	assert_true(isnan(got.mem_ratio));
}

static void a_minute_has_one_place(void **state)
{
	(void)state;
	char key[128];
	int64_t at = vrs_time_parse("2026-11-23T23:59:59Z");

	vrs_series_key(key, sizeof(key), "c1", "h1", at);
	assert_string_equal(key, "vrsas:v1:m:{c1}:h1:20261123");
	assert_int_equal(vrs_series_offset(at), 1439 * VRS_SLOT_BYTES);
	vrs_series_key(key, sizeof(key), "c1", "h1", at + 1000);
	assert_string_equal(key, "vrsas:v1:m:{c1}:h1:20261124");
	vrs_series_key(key, sizeof(key), "c1", "h1",
		       vrs_time_parse("2028-02-29T12:00:00Z"));
	assert_string_equal(key, "vrsas:v1:m:{c1}:h1:20280229");
	vrs_series_key(key, sizeof(key), "c1", "h1",
		       vrs_time_parse("2100-03-01T00:00:00Z"));
	assert_string_equal(key, "vrsas:v1:m:{c1}:h1:21000301");
	vrs_series_key(key, sizeof(key), "c1", "h1", 0);
	assert_string_equal(key, "vrsas:v1:m:{c1}:h1:19700101");
	assert_int_equal(vrs_series_offset(at + 1000), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_error_names_object_and_reason),
		cmocka_unit_test(a_long_error_is_cut_not_overrun),
		cmocka_unit_test(a_hash_is_fnv_1a_and_can_be_continued),
		cmocka_unit_test(an_arena_stops_at_its_limit),
		cmocka_unit_test(an_arena_gives_aligned_separate_memory),
		cmocka_unit_test(names_that_become_keys_are_plain),
		cmocka_unit_test(time_goes_to_text_and_back),
		cmocka_unit_test(bad_times_are_refused),
		cmocka_unit_test(a_slot_keeps_a_reading),
		cmocka_unit_test(an_idle_minute_is_not_a_missing_one),
		cmocka_unit_test(a_minute_has_one_place),
	};

	return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
