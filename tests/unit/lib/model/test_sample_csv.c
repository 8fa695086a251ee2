/* The exchange format: what is written is read again, what is wrong is named. */
#include "check.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vrs/sample_csv.h"

static const char header[] = "Date,Time,Hostname,IP,Max vCPUs,Left vCPUs,Max RAM,Left "
			     "RAM,Average CPU rate";

static int read_row(const char *line, struct vrs_table5_row *row, struct vrs_err *err)
{
	struct vrs_table5 t = {0};

	assert_int_equal(vrs_table5_line(&t, header, strlen(header), row, err), 0);
	return vrs_table5_line(&t, line, strlen(line), row, err);
}

static void a_row_is_read_with_its_units(void **state)
{
	(void)state;
	struct vrs_table5_row r;
	struct vrs_err err = {0};

	assert_int_equal(read_row("2026-11-23,08:15:00,h1,10.0.1.1,64,20,1024,256.5,"
				  "37.25\r\n",
				  &r, &err),
			 1);
	assert_int_equal(r.at_ms, 1795421700000);
	assert_string_equal(r.host, "h1");
	assert_string_equal(r.address, "10.0.1.1");
	assert_int_equal(r.vcpus_total, 64);
	assert_int_equal(r.vcpus_left, 20);
	assert_int_equal(r.ram_total_bytes, 1073741824);
	assert_int_equal(r.ram_left_bytes, 268959744);
	assert_float_equal(r.cpu_ratio, 0.3725, 1e-6);
}

static void quotes_and_gaps_are_understood(void **state)
{
	(void)state;
	struct vrs_table5_row r;
	struct vrs_err err = {0};

	assert_int_equal(read_row("\"2026-11-23\",08:15,\"h1\",\"::1\",4,0,,,", &r, &err),
			 1);
	assert_string_equal(r.address, "::1");
	assert_true(isnan(r.cpu_ratio));
	assert_int_equal(r.ram_total_bytes, 0);
}

static void what_is_wrong_is_named_with_its_line(void **state)
{
	(void)state;
	static const struct {
		const char *line, *says;
	} cases[] = {
		{"2026-02-29,08:15:00,h1,10.0.1.1,64,20,1,1,1", "Date"},
		{"2026-13-01,08:15:00,h1,10.0.1.1,64,20,1,1,1", "Date"},
		{"23.11.2026,08:15:00,h1,10.0.1.1,64,20,1,1,1", "Date"},
		{"2026-11-23,24:00:00,h1,10.0.1.1,64,20,1,1,1", "Time"},
		{"2026-11-23,08:15:00,h 1,10.0.1.1,64,20,1,1,1", "Hostname"},
		{"2026-11-23,08:15:00,../h1,10.0.1.1,64,20,1,1,1", "Hostname"},
		{"2026-11-23,08:15:00,,10.0.1.1,64,20,1,1,1", "Hostname"},
		{"2026-11-23,08:15:00,h1,1 2,64,20,1,1,1", "IP"},
		{"2026-11-23,08:15:00,h1,10.0.1.1,-1,20,1,1,1", "Max vCPUs"},
		{"2026-11-23,08:15:00,h1,10.0.1.1,99999999999999999,20,1,1,1",
		 "Max vCPUs"},
		{"2026-11-23,08:15:00,h1,10.0.1.1,4,5,1,1,1", "Left vCPUs"},
		{"2026-11-23,08:15:00,h1,10.0.1.1,4,2,1e3,1,1", "Max RAM"},
		{"2026-11-23,08:15:00,h1,10.0.1.1,4,2,1,2,1", "Left RAM"},
		{"2026-11-23,08:15:00,h1,10.0.1.1,4,2,1,1,100.01", "Average CPU rate"},
		{"2026-11-23,08:15:00,h1,10.0.1.1,4,2,1,1,nan", "Average CPU rate"},
		{"2026-11-23,08:15:00,h1,10.0.1.1,4,2,1,1", "fewer than 9"},
		{"2026-11-23,08:15:00,h1,10.0.1.1,4,2,1,1,1,", "more than 9"},
		{"\"2026-11-23,08:15:00,h1,10.0.1.1,4,2,1,1,1", "quote"},
		{"\"2026-11-23\"x,08:15:00,h1,10.0.1.1,4,2,1,1,1", "behind"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct vrs_table5_row r = {.host = "same"};
		struct vrs_err err = {0};

		assert_fails(read_row(cases[i].line, &r, &err), VRS_EPARSE, &err);
		assert_string_equal(r.host, "same");
		if (!strstr(err.text, cases[i].says) || !strstr(err.text, "line 2"))
			fail_msg("%s: %s", cases[i].line, err.text);
	}
}

static void a_file_without_the_header_is_refused(void **state)
{
	(void)state;
	struct vrs_table5 t = {0};
	struct vrs_table5_row r;
	struct vrs_err err = {0};
	const char *line = "2026-11-23,08:15:00,h1,10.0.1.1,4,2,1,1,1";

	assert_int_equal(vrs_table5_line(&t, "\n", 1, &r, &err), 0);
	assert_fails(vrs_table5_line(&t, line, strlen(line), &r, &err), VRS_EPARSE, &err);
}

static void what_is_written_is_read_again(void **state)
{
	(void)state;
	srandom(3);
	for (int i = 0; i < 2000; i++) {
		struct vrs_table5_row a = {.host = "h-1.x", .address = "fe80::1"}, b;
		struct vrs_text text = {0};
		struct vrs_err err = {0};

		a.at_ms = random() % 4000000000 * 1000;
		a.vcpus_total = (uint32_t)random() % 1000;
		a.vcpus_left = a.vcpus_total / 3;
		a.ram_total_bytes = (uint64_t)(random() % 1000000) << 20;
		a.ram_left_bytes = a.ram_total_bytes / 2 >> 20 << 20;
		a.cpu_ratio = i % 10 ? (float)(random() % 10001) / 10000 : NAN;
		vrs_table5_write(&text, &a);
		assert_int_equal(read_row(text.text, &b, &err), 1);
		assert_int_equal(a.at_ms, b.at_ms);
		assert_string_equal(a.host, b.host);
		assert_string_equal(a.address, b.address);
		assert_int_equal(a.vcpus_left, b.vcpus_left);
		assert_int_equal(a.ram_total_bytes, b.ram_total_bytes);
		assert_int_equal(a.ram_left_bytes, b.ram_left_bytes);
		assert_true(isnan(a.cpu_ratio)
				    ? isnan(b.cpu_ratio)
				    : fabsf(a.cpu_ratio - b.cpu_ratio) < 1e-6f);
		vrs_text_fini(&text);
	}
	struct vrs_text text = {0};
	vrs_table5_write_header(&text);
	assert_memory_equal(text.text, header, strlen(header));
	vrs_text_fini(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_row_is_read_with_its_units),
		cmocka_unit_test(quotes_and_gaps_are_understood),
		cmocka_unit_test(what_is_wrong_is_named_with_its_line),
		cmocka_unit_test(a_file_without_the_header_is_refused),
		cmocka_unit_test(what_is_written_is_read_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
