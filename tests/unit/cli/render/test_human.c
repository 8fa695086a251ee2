#include "check.h"

#include <math.h>
#include <string.h>

#include "render/human.h"

static void bytes_have_three_digits_at_most(void **state)
{
	static const struct {
		uint64_t bytes;
		const char *text;
	} cases[] = {
		{0, "0 B"},
		{1, "1 B"},
		{1023, "1023 B"},
		{1024, "1.0 KiB"},
		{1536, "1.5 KiB"},
		{10 * 1024 - 1, "10 KiB"},
		{1024 * 1024 - 1, "1.0 MiB"},
		{48ULL << 20, "48 MiB"},
		{(1ULL << 40) + (1ULL << 39), "1.5 TiB"},
		{UINT64_MAX, "16 EiB"},
	};
	char buf[HUMAN_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(human_bytes(buf, cases[i].bytes), cases[i].text);
}

static void spans_show_their_two_largest_parts(void **state)
{
	static const struct {
		int64_t ms;
		const char *text;
	} cases[] = {
		{-1, "-"},
		{0, "0 ms"},
		{999, "999 ms"},
		{1000, "1.0 s"},
		{12345, "12.3 s"},
		{59999, "59.9 s"},
		{60000, "1 min 00 s"},
		{245000, "4 min 05 s"},
		{3600000, "1 h 00 min"},
		{90061000, "1 d 1 h"},
	};
	char buf[HUMAN_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(human_span(buf, cases[i].ms), cases[i].text);
}

static void ages_know_never_and_the_future(void **state)
{
	char buf[HUMAN_MAX];
	int64_t now = 1800000000000;

	(void)state;
	assert_string_equal(human_age(buf, now, 0), "never");
	assert_string_equal(human_age(buf, now, now), "0 s ago");
	assert_string_equal(human_age(buf, now, now + 300), "0 s ago");
	assert_string_equal(human_age(buf, now, now - 90000), "90 s ago");
	assert_string_equal(human_age(buf, now, now - 600000), "10 min ago");
	assert_string_equal(human_age(buf, now, now + 600000), "in 10 min");
	assert_string_equal(human_age(buf, now, now - 3LL * 86400000), "3 d ago");
}

static void a_time_is_utc_and_says_so(void **state)
{
	char buf[HUMAN_MAX];

	(void)state;
	assert_string_equal(human_time(buf, 1795421700123), "2026-11-23 08:15:00Z");
	assert_string_equal(human_time(buf, 0), "-");
}

static void what_is_not_known_is_a_dash(void **state)
{
	char buf[HUMAN_MAX];

	(void)state;
	assert_string_equal(human_ratio(buf, (double)NAN), "-");
	assert_string_equal(human_ratio(buf, 0.424), "42 %");
	assert_string_equal(human_rate(buf, (double)INFINITY), "-");
	assert_string_equal(human_rate(buf, -1), "-");
	assert_string_equal(human_rate(buf, 112.4 * 1048576), "112 MiB/s");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_have_three_digits_at_most),
		cmocka_unit_test(spans_show_their_two_largest_parts),
		cmocka_unit_test(ages_know_never_and_the_future),
		cmocka_unit_test(a_time_is_utc_and_says_so),
		cmocka_unit_test(what_is_not_known_is_a_dash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
