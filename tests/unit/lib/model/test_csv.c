/* Files as people bring them: spreadsheets, gzip, other line ends; and what is refused.
 */
#include "check.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "vrs/csv.h"

static char path[64];

static void put(const char *bytes, size_t n)
{
	(void)strcpy(path, "/tmp/vrs-csv-XXXXXX");
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, n), (ssize_t)n);
	assert_int_equal(close(fd), 0);
}

static struct vrs_csv *open_text(const char *text)
{
	struct vrs_csv *c = NULL;
	struct vrs_err err = {0};

	put(text, strlen(text));
	assert_ok(vrs_csv_open(&c, path, &err), &err);
	(void)unlink(path);
	return c;
}

/* Reads to the first error: its text must hold this. */
static void refused(const char *bytes, size_t n, const char *says)
{
	struct vrs_csv *c = NULL;
	struct vrs_err err = {0};
	int status;

	put(bytes, n);
	status = vrs_csv_open(&c, path, &err);
	(void)unlink(path);
	while (status >= 0 && (status = vrs_csv_next(c, &err)) > 0)
		;
	vrs_csv_close(c);
	assert_int_equal(status, VRS_EPARSE);
	if (!strstr(err.text, says))
		fail_msg("'%s' does not hold '%s'", err.text, says);
}

static void quotes_line_ends_and_the_mark_of_utf8_are_read(void **state)
{
	(void)state;
	struct vrs_csv *c = open_text("\xef\xbb\xbf# of last week\r\n\r\n"
				      "Name , \"cpu \"\"avg\"\"\",x\r\n"
				      " a b ,\"1,5\" ,\r\n"
				      "  \n"
				      "\"\",2,z");

	assert_int_equal(vrs_csv_columns(c), 3);
	assert_int_equal(vrs_csv_column(c, "name"), 0);
	assert_int_equal(vrs_csv_column(c, "CPU \"avg\""), 1);
	assert_int_equal(vrs_csv_column(c, "y"), -1);
	assert_int_equal(vrs_csv_next(c, NULL), 1);
	assert_string_equal(vrs_csv_field(c, 0), "a b");
	assert_string_equal(vrs_csv_field(c, 1), "1,5");
	assert_string_equal(vrs_csv_field(c, 2), "");
	assert_int_equal(vrs_csv_next(c, NULL), 1);
	assert_string_equal(vrs_csv_field(c, 0), "");
	assert_string_equal(vrs_csv_field(c, 2), "z");
	assert_int_equal(vrs_csv_next(c, NULL), 0);
	vrs_csv_close(c);
}

static void numbers_are_decimal_and_nothing_else(void **state)
{
	(void)state;
	static const struct {
		const char *text, *says; /* NULL: it is read */
		double value;
	} cases[] = {
		{"9.83", NULL, 9.83},
		{"-0.5", NULL, -0.5},
		{"100", NULL, 100},
		{"\"9,83\"", ":2:2: cpu '9,83': expected a decimal point, as in 9.83", 0},
		{"0x1p3", ":2:2: cpu '0x1p3': expected a decimal number, as in 9.83", 0},
		{"1e3", "expected a decimal number", 0},
		{"inf", "expected a decimal number", 0},
		{"", "expected a decimal number", 0},
		{".5", "expected a decimal number", 0},
		{"5.", "expected a decimal number", 0},
		{"5%", "expected a decimal number", 0},
		{"1\x1b[2J", "cpu '1?[2J'", 0},
		{"1234567890123456", "expected a decimal number", 0},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char text[64];
		struct vrs_err err = {0};
		double v = 7;

		(void)snprintf(text, sizeof(text), "name,cpu\na,%s\n", cases[i].text);
		struct vrs_csv *c = open_text(text);
		assert_int_equal(vrs_csv_next(c, &err), 1);
		int status = vrs_csv_number(c, 1, &v, &err);
		if (cases[i].says) {
			assert_int_equal(status, VRS_EPARSE);
			assert_float_equal(v, 7, 0);
			if (!strstr(err.text, cases[i].says))
				fail_msg("%s: %s", cases[i].text, err.text);
		} else {
			assert_ok(status, &err);
			assert_float_equal(v, cases[i].value, 1e-12);
		}
		vrs_csv_close(c);
	}
}

static void a_time_is_a_date_and_no_epoch(void **state)
{
	(void)state;
	struct vrs_csv *c = open_text("at,x\n2026-11-23T08:15:00Z,1795421700\n");
	struct vrs_err err = {0};
	int64_t at_ms = 0;

	assert_int_equal(vrs_csv_next(c, &err), 1);
	assert_ok(vrs_csv_time(c, 0, &at_ms, &err), &err);
	assert_int_equal(at_ms, 1795421700000);
	assert_fails(vrs_csv_time(c, 1, &at_ms, &err), VRS_EPARSE, &err);
	assert_non_null(strstr(err.text, ":2:2: x '1795421700'"));
	assert_non_null(strstr(err.text, "not an epoch number"));
	vrs_csv_close(c);
}

static void every_row_has_the_columns_of_the_header(void **state)
{
	(void)state;
	static const struct {
		const char *text, *says;
	} cases[] = {
		{"", "the file is empty"},
		{"# only a comment\n\n", "the file is empty"},
		{"a,b\n1,2\n1,9,83\n", ":3:3: 3 columns, but the header has 2"},
		{"a,b\n1\n", ":2:2: 1 columns, but the header has 2"},
		{"a;b\n1;2\n", ":1:1: columns must be separated by commas"},
		{"a,b,A\n", ":1:3: duplicate column 'A'"},
		{"a,b\n\"1,2\n", ":2:1: quote is not closed"},
		{"a,b\n1,\"2\"x\n", ":2:2: text after the closing quote"},
		{"a,b\n1,2\"x\"\n", ":2:2: quote in an unquoted field"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		refused(cases[i].text, strlen(cases[i].text), cases[i].says);
	refused("a,b\n1,\0z\n", 9, ":2: NUL byte");
}

static void lines_and_columns_have_a_bound(void **state)
{
	(void)state;
	static char text[VRS_CSV_MAX_LINE + 64];

	memset(text, 'x', sizeof(text) - 1);
	refused(text, sizeof(text), ":1: line longer than 8192 bytes");
	memset(text, ',', VRS_CSV_MAX_COLUMNS);
	refused(text, VRS_CSV_MAX_COLUMNS, ":1:65: more than 64 columns");
}

static void gzip_is_found_by_content_and_must_be_whole(void **state)
{
	(void)state;
	static char bytes[1 << 20];
	struct vrs_csv *c = NULL, *plain = open_text("a,b\n1,2\n3,4\n");
	struct vrs_err err = {0};

	put("", 0);
	gzFile gz = gzopen(path, "wbe");
	(void)gzputs(gz, "a,b\n1,2\n3,4\n");
	assert_int_equal(gzclose(gz), Z_OK);
	assert_ok(vrs_csv_open(&c, path, &err), &err);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(vrs_csv_next(c, &err), 1);
		assert_int_equal(vrs_csv_next(plain, &err), 1);
	}
	assert_string_equal(vrs_csv_field(c, 1), "4");
	assert_int_equal(vrs_csv_next(c, &err), 0);
	assert_true(vrs_csv_hash(c) == vrs_csv_hash(plain)); /* of the content */
	vrs_csv_close(c);
	vrs_csv_close(plain);

	gz = gzopen(path, "wbe");
	(void)gzputs(gz, "a,b\n");
	for (unsigned i = 0; i < 50000; i++)
		(void)gzprintf(gz, "%u,%u\n", i, i * 7919 % 10007);
	assert_int_equal(gzclose(gz), Z_OK);
	FILE *f = fopen(path, "re");
	assert_non_null(f);
	size_t n = fread(bytes, 1, sizeof(bytes), f);
	(void)fclose(f);
	(void)unlink(path);
	refused(bytes, n / 2, "truncated");
	refused(bytes, n - 3, "truncated");
	bytes[n / 2] ^= 0x55;
	refused(bytes, n, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(quotes_line_ends_and_the_mark_of_utf8_are_read),
		cmocka_unit_test(numbers_are_decimal_and_nothing_else),
		cmocka_unit_test(a_time_is_a_date_and_no_epoch),
		cmocka_unit_test(every_row_has_the_columns_of_the_header),
		cmocka_unit_test(lines_and_columns_have_a_bound),
		cmocka_unit_test(gzip_is_found_by_content_and_must_be_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
