#include "check.h"

#include <math.h>
#include <string.h>

#include "render/table.h"

static const char *const headers[] = {"NAME", ">SIZE", "NOTE", NULL};

static void columns_are_as_wide_as_their_widest_cell(void **state)
{
	struct table *t = table_new(headers);
	struct vrs_text out = {0};

	(void)state;
	table_cell(t, PLAIN, "a");
	table_cell(t, PLAIN, "1");
	table_cell(t, PLAIN, "first");
	table_cell(t, PLAIN, "longer");
	table_cell(t, PLAIN, "12345");
	table_cell(t, PLAIN, "%s", "");
	table_note(t, PLAIN, "why: %d", 42);
	table_print(t, &out, true, false);
	assert_string_equal(out.text, "NAME     SIZE  NOTE\n"
				      "a           1  first\n"
				      "longer  12345  -\n"
				      "    why: 42\n");
	table_free(t);
	vrs_text_fini(&out);
}

static void without_headers_only_cells_count(void **state)
{
	struct table *t = table_new(headers);
	struct vrs_text out = {0};

	(void)state;
	table_cell(t, PLAIN, "a");
	table_cell(t, PLAIN, "1");
	table_cell(t, PLAIN, "x");
	table_print(t, &out, false, false);
	assert_string_equal(out.text, "a  1  x\n");
	table_free(t);
	vrs_text_fini(&out);
}

static void characters_are_counted_not_bytes(void **state)
{
	struct table *t = table_new(headers);
	struct vrs_text out = {0};

	(void)state;
	table_cell(t, PLAIN, "žluť");
	table_cell(t, PLAIN, "1");
	table_cell(t, PLAIN, "x");
	table_cell(t, PLAIN, "abcd");
	table_cell(t, PLAIN, "1");
	table_cell(t, PLAIN, "x");
	table_print(t, &out, false, false);
	assert_string_equal(out.text, "žluť  1  x\nabcd  1  x\n");
	table_free(t);
	vrs_text_fini(&out);
}

static void colour_is_given_back_after_each_cell(void **state)
{
	struct vrs_text out = {0};

	(void)state;
	tone_add(&out, true, BAD, "down");
	assert_string_equal(out.text, "\033[31mdown\033[0m");
	vrs_text_fini(&out);
	out = (struct vrs_text){0};
	tone_add(&out, false, BAD, "down");
	assert_string_equal(out.text, "down");
	vrs_text_fini(&out);
}

static void bytes_of_a_peer_do_not_steer_the_terminal(void **state)
{
	struct vrs_text out = {0};

	(void)state;
	tone_add(&out, false, PLAIN, "%s", "a\033[2Jb\nc");
	assert_string_equal(out.text, "a?[2Jb?c");
	vrs_text_fini(&out);
}

static void a_bar_is_never_longer_than_asked(void **state)
{
	static const struct {
		double ratio;
		const char *text;
	} cases[] = {{0, "...."}, {0.5, "##.."}, {0.99, "###."},       {1, "####"},
		     {7, "####"}, {-1, "...."},  {(double)NAN, "...."}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct vrs_text out = {0};

		bar_add(&out, cases[i].ratio, 4);
		assert_string_equal(out.text, cases[i].text);
		vrs_text_fini(&out);
	}
}

static void a_path_keeps_its_peak_when_it_is_squeezed(void **state)
{
	const float path[] = {0, 0, 1, 0, 0, 0, NAN, NAN};
	struct vrs_text out = {0};

	(void)state;
	spark_add(&out, path, 8, 4);
	assert_string_equal(out.text, "▁█▁ ");
	vrs_text_fini(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(columns_are_as_wide_as_their_widest_cell),
		cmocka_unit_test(without_headers_only_cells_count),
		cmocka_unit_test(characters_are_counted_not_bytes),
		cmocka_unit_test(colour_is_given_back_after_each_cell),
		cmocka_unit_test(bytes_of_a_peer_do_not_steer_the_terminal),
		cmocka_unit_test(a_bar_is_never_longer_than_asked),
		cmocka_unit_test(a_path_keeps_its_peak_when_it_is_squeezed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
