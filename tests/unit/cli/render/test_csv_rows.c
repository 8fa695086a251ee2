#include "check.h"

#include <math.h>
#include <string.h>

#include "render/csv_rows.h"

static const int64_t noon_ms = 1795435200000;

static struct vrs_sample_row row_of(const char *host, int minute, float cpu_ratio)
{
	struct vrs_sample_row row = {
		.at_ms = noon_ms + minute * 60000LL,
		.vcpus_total = 64,
		.vcpus_left = 20,
		.ram_total_bytes = 4096,
		.ram_left_bytes = 1024,
		.cpu_ratio = (double)cpu_ratio,
		.mem_ratio = 0.75,
	};

	(void)vrs_strcpy(row.host, sizeof(row.host), host);
	return row;
}

static void add(struct rows *r, const char *host, int minute, float cpu_ratio)
{
	struct vrs_sample_row row = row_of(host, minute, cpu_ratio);
	struct vrs_err err = {0};

	assert_ok(rows_add(r, &row, &err), &err);
}

static void the_table_of_hosts_comes_first_then_a_batch_a_minute(void **state)
{
	struct rows *r = rows_new("c1");

	(void)state;
	add(r, "h1", 1, 0.5F);
	add(r, "h2", 1, 0.25F);
	add(r, "h1", 0, 0.75F);
	rows_finish(r);
	assert_int_equal(rows_head(r), 3);
	assert_int_equal(rows_hosts(r), 2);

	Vrsas__V1__Record *table = rows_record(r, 1);
	assert_int_equal(table->body_case, VRSAS__V1__RECORD__BODY_HOSTS);
	assert_string_equal(table->cluster, "c1");
	assert_string_equal(table->collector, "import");
	assert_string_equal(table->hosts->host[1]->name, "h2");
	rows_record_free(table);

	Vrsas__V1__Record *first = rows_record(r, 2);
	assert_int_equal(first->samples->at_ms, noon_ms);
	assert_int_equal(first->samples->n_host, 1);
	assert_float_equal(first->samples->cpu_ratio[0], 0.75, 1e-6);
	assert_float_equal(first->samples->mem_ratio[0], 0.75, 1e-6);
	assert_int_equal(first->samples->vcpus_used[0], 44);
	rows_record_free(first);

	Vrsas__V1__Record *second = rows_record(r, 3);
	assert_int_equal(second->samples->n_host, 2);
	rows_record_free(second);
	rows_free(r);
}

static void a_later_row_of_the_same_minute_wins(void **state)
{
	struct rows *r = rows_new("c1");

	(void)state;
	add(r, "h1", 0, 0.1F);
	add(r, "h2", 0, 0.2F);
	add(r, "h1", 0, 0.3F);
	rows_finish(r);
	assert_int_equal(rows_count(r), 2);
	Vrsas__V1__Record *batch = rows_record(r, 2);
	assert_int_equal(batch->samples->n_host, 2);
	assert_float_equal(batch->samples->cpu_ratio[0], 0.3, 1e-6);
	rows_record_free(batch);
	rows_free(r);
}

static void a_gap_stays_a_gap(void **state)
{
	struct rows *r = rows_new("c1");

	(void)state;
	add(r, "h1", 0, NAN);
	rows_finish(r);
	Vrsas__V1__Record *batch = rows_record(r, 2);
	assert_true(isnan(batch->samples->cpu_ratio[0]));
	assert_int_equal(batch->samples->state[0],
			 VRSAS__V1__HOST_STATE__HOST_STATE_UNSPECIFIED);
	rows_record_free(batch);
	rows_free(r);
}

static void the_epoch_is_the_content_s_and_the_cluster_s(void **state)
{
	struct rows *a = rows_new("c1"), *b = rows_new("c1"), *c = rows_new("c2");

	(void)state;
	rows_hash(a, 7);
	rows_hash(b, 7);
	rows_hash(c, 7);
	assert_int_equal(rows_epoch(a), rows_epoch(b));
	assert_int_not_equal(rows_epoch(b), rows_epoch(c));
	rows_hash(b, 8);
	assert_int_not_equal(rows_epoch(a), rows_epoch(b));
	rows_free(a);
	rows_free(b);
	rows_free(c);
}

static void a_name_that_cannot_be_a_host_s_is_refused(void **state)
{
	struct rows *r = rows_new("c1");
	struct vrs_sample_row row = row_of("../etc", 0, 0.5F);
	struct vrs_err err = {0};

	(void)state;
	assert_fails(rows_add(r, &row, &err), VRS_EINVAL, &err);
	rows_finish(r);
	assert_int_equal(rows_head(r), 0);
	rows_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_table_of_hosts_comes_first_then_a_batch_a_minute),
		cmocka_unit_test(a_later_row_of_the_same_minute_wins),
		cmocka_unit_test(a_gap_stays_a_gap),
		cmocka_unit_test(the_epoch_is_the_content_s_and_the_cluster_s),
		cmocka_unit_test(a_name_that_cannot_be_a_host_s_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
