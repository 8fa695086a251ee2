/* The exchange format: what is written is read again, what is wrong is named. */
#include "check.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vrs/sample_csv.h"

static const char header[] = "Date,Time,Hostname,IP,Max vCPUs,Left vCPUs,Max RAM,Left "
			     "RAM,Average CPU rate";
static const char trace[] = "entity,extra,timestamp,cpu_pct,mem_pct,vcpus";

/* A file of the header and one line. */
static int read_row(const char *first, const char *line, struct vrs_sample_row *row,
		    struct vrs_err *err)
{
	char path[] = "/tmp/vrs-sample-csv-XXXXXX";
	struct vrs_samples s;
	struct vrs_csv *csv = NULL;
	FILE *f = fdopen(mkstemp(path), "w");

	assert_non_null(f);
	(void)fprintf(f, "%s\n%s\n", first, line);
	assert_int_equal(fclose(f), 0);
	int status = vrs_csv_open(&csv, path, err);
	if (status == 0)
		status = vrs_samples_begin(&s, csv, err);
	if (status == 0)
		status = vrs_samples_next(&s, row, err);
	vrs_csv_close(csv);
	(void)unlink(path);
	return status;
}

static void a_row_is_read_with_its_units(void **state)
{
	(void)state;
	struct vrs_sample_row r;
	struct vrs_err err = {0};

	assert_int_equal(read_row(header,
				  "2026-11-23,08:15:00,h1,10.0.1.1,64,20,1024,256.5,"
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

static void quotes_and_gaps_are_read(void **state)
{
	(void)state;
	struct vrs_sample_row r;
	struct vrs_err err = {0};

	assert_int_equal(
		read_row(header, "\"2026-11-23\",08:15,\"h1\",\"::1\",4,0,,,", &r, &err),
		1);
	assert_string_equal(r.address, "::1");
	assert_true(isnan(r.cpu_ratio));
	assert_int_equal(r.ram_total_bytes, 0);
}

static void an_error_names_line_column_and_what_is_expected(void **state)
{
	(void)state;
	static const struct {
		const char *header, *line, *says;
	} cases[] = {
		{header, "2026-02-29,08:15:00,h1,10.0.1.1,64,20,1,1,1",
		 ":2:1: Date '2026-02-29': expected a date"},
		{header, "23.11.2026,08:15:00,h1,10.0.1.1,64,20,1,1,1", ":2:1: Date"},
		{header, "1795421700,08:15:00,h1,10.0.1.1,64,20,1,1,1",
		 "not an epoch number"},
		{header, "2026-11-23,24:00:00,h1,10.0.1.1,64,20,1,1,1", ":2:2: Time"},
		{header, "2026-11-23,08:15:00,h 1,10.0.1.1,64,20,1,1,1",
		 ":2:3: Hostname"},
		{header, "2026-11-23,08:15:00,../h1,10.0.1.1,64,20,1,1,1",
		 ":2:3: Hostname"},
		{header, "2026-11-23,08:15:00,,10.0.1.1,64,20,1,1,1", ":2:3: Hostname"},
		{header, "2026-11-23,08:15:00,h1,1 2,64,20,1,1,1", ":2:4: IP"},
		{header, "2026-11-23,08:15:00,h1,10.0.1.1,-1,20,1,1,1",
		 ":2:5: Max vCPUs '-1': expected 0 to 65535"},
		{header, "2026-11-23,08:15:00,h1,10.0.1.1,6.5,2,1,1,1",
		 "expected a whole number"},
		{header, "2026-11-23,08:15:00,h1,10.0.1.1,99999999999999999,20,1,1,1",
		 ":2:5: Max vCPUs"},
		{header, "2026-11-23,08:15:00,h1,10.0.1.1,4,5,1,1,1",
		 ":2:6: Left vCPUs '5': expected 0 to 4"},
		{header, "2026-11-23,08:15:00,h1,10.0.1.1,4,2,1e3,1,1", ":2:7: Max RAM"},
		{header, "2026-11-23,08:15:00,h1,10.0.1.1,4,2,1,2,1", ":2:8: Left RAM"},
		{header, "2026-11-23,08:15:00,h1,10.0.1.1,4,2,1,1,100.01",
		 ":2:9: Average CPU rate"},
		{header, "2026-11-23,08:15:00,h1,10.0.1.1,4,2,1,1,nan",
		 ":2:9: Average CPU rate"},
		{header, "2026-11-23,08:15:00,h1,10.0.1.1,4,2,1,1,\"9,83\"",
		 "expected a decimal point, as in 9.83"},
		{header, "2026-11-23,08:15:00,h1,10.0.1.1,4,2,1,1,9,83",
		 ":2:10: 10 columns"},
		{trace, "b,x,1704067200,5,,",
		 ":2:3: timestamp '1704067200': expected date and time"},
		{trace, "b,x,1.7e9,5,,", "not an epoch number"},
		{trace, "b,x,yesterday,5,,", ":2:3: timestamp 'yesterday'"},
		{trace, "b,x,2024-01-01T00:00:00Z,0x10,,",
		 ":2:4: cpu_pct '0x10': expected a decimal number"},
		{trace, "b,x,2024-01-01T00:00:00Z,lots,,", ":2:4: cpu_pct 'lots'"},
		{trace, "../x y,x,2024-01-01T00:00:00Z,1,,", ":2:1: entity"},
		{trace, "b,x,2024-01-01T00:00:00Z,1,,70000", ":2:6: vcpus"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct vrs_sample_row r = {.host = "same"};
		struct vrs_err err = {0};

		assert_fails(read_row(cases[i].header, cases[i].line, &r, &err),
			     VRS_EPARSE, &err);
		assert_string_equal(r.host, "same");
		if (!strstr(err.text, cases[i].says))
			fail_msg("%s: %s", cases[i].line, err.text);
	}
}

static void a_trace_is_read_by_its_column_names(void **state)
{
	(void)state;
	struct vrs_sample_row r;
	struct vrs_err err = {0};

	assert_int_equal(read_row(trace, "b,x,2024-01-01T00:00:00Z,9.83,50,8", &r, &err),
			 1);
	assert_string_equal(r.host, "b");
	assert_int_equal(r.at_ms, 1704067200000);
	assert_float_equal(r.cpu_ratio, 0.0983, 1e-9);
	assert_float_equal(r.mem_ratio, 0.5, 1e-9);
	assert_int_equal(r.vcpus_total, 8);
	assert_false(r.impossible);
	assert_int_equal(read_row(trace, "b,x,2024-01-01T00:00:00Z,,,", &r, &err), 1);
	assert_true(isnan(r.cpu_ratio) && !r.impossible);
	static const char *const impossible[] = {"NaN", "-1", "100.5"};
	for (int i = 0; i < 3; i++) {
		char line[64];

		(void)snprintf(line, sizeof(line), "b,x,2024-01-01T00:00:00Z,%s,,",
			       impossible[i]);
		assert_int_equal(read_row(trace, line, &r, &err), 1);
		assert_true(isnan(r.cpu_ratio) && r.impossible);
	}
}

static void a_file_without_a_known_header_is_refused(void **state)
{
	(void)state;
	struct vrs_sample_row r;
	struct vrs_err err = {0};
	const char *line = "2026-11-23,08:15:00,h1,10.0.1.1,4,2,1,0,9";

	assert_fails(read_row(line, line, &r, &err), VRS_EPARSE, &err);
	assert_non_null(strstr(err.text, "expected the header"));
	assert_fails(read_row("timestamp,name,cpu_pct", "", &r, &err), VRS_EPARSE, &err);
}

static void what_is_written_is_read_again(void **state)
{
	(void)state;
	srandom(3);
	for (int i = 0; i < 2000; i++) {
		struct vrs_sample_row a = {.host = "h-1.x", .address = "fe80::1"}, b;
		struct vrs_text text = {0};
		struct vrs_err err = {0};

		a.at_ms = random() % 4000000000 * 1000;
		a.vcpus_total = (uint32_t)random() % 1000;
		a.vcpus_left = a.vcpus_total / 3;
		a.ram_total_bytes = (uint64_t)(random() % 1000000) << 20;
		a.ram_left_bytes = a.ram_total_bytes / 2 >> 20 << 20;
		a.cpu_ratio = i % 10 ? (double)(random() % 10001) / 10000 : NAN;
		vrs_samples_write(&text, &a);
		assert_int_equal(read_row(header, text.text, &b, &err), 1);
		assert_int_equal(a.at_ms, b.at_ms);
		assert_string_equal(a.host, b.host);
		assert_string_equal(a.address, b.address);
		assert_int_equal(a.vcpus_left, b.vcpus_left);
		assert_int_equal(a.ram_total_bytes, b.ram_total_bytes);
		assert_int_equal(a.ram_left_bytes, b.ram_left_bytes);
		assert_true(isnan(a.cpu_ratio) ? isnan(b.cpu_ratio)
					       : fabs(a.cpu_ratio - b.cpu_ratio) < 1e-6);
		vrs_text_fini(&text);
	}
	struct vrs_text text = {0};
	vrs_samples_write_header(&text);
	assert_memory_equal(text.text, header, strlen(header));
	vrs_text_fini(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_row_is_read_with_its_units),
		cmocka_unit_test(quotes_and_gaps_are_read),
		cmocka_unit_test(an_error_names_line_column_and_what_is_expected),
		cmocka_unit_test(a_trace_is_read_by_its_column_names),
		cmocka_unit_test(a_file_without_a_known_header_is_refused),
		cmocka_unit_test(what_is_written_is_read_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
