#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "vrs/metrics.h"

static char *written(const struct vrs_page *page)
{
	struct vrs_text t = {0};

	vrs_page_write(page, &t);
	return t.text ? t.text : strdup("");
}

static struct vrs_page *small_page(const char *service)
{
	struct vrs_page *page = vrs_page_new(service, "a-1");

	vrs_page_add(page, VRS_COUNTER, "vrsas_x_total", "How many.", 3, "path", "live",
		     NULL);
	vrs_page_add(page, VRS_GAUGE, "vrsas_y_ratio", "A share.", 0.25, NULL);
	return page;
}

static void a_page_is_families_with_their_series_together(void **state)
{
	(void)state;
	struct vrs_page *page = small_page("etl");

	vrs_page_add(page, VRS_COUNTER, "vrsas_x_total", "How many.", 4, "path", "fill",
		     NULL);
	char *text = written(page);
	assert_string_equal(
		text, "# HELP vrsas_x_total How many.\n# TYPE vrsas_x_total counter\n"
		      "vrsas_x_total{service=\"etl\",instance=\"a-1\",path=\"live\"} 3\n"
		      "vrsas_x_total{service=\"etl\",instance=\"a-1\",path=\"fill\"} 4\n"
		      "# HELP vrsas_y_ratio A share.\n# TYPE vrsas_y_ratio gauge\n"
		      "vrsas_y_ratio{service=\"etl\",instance=\"a-1\"} 0.25\n");
	free(text);
	vrs_page_free(page);
}

static void unknown_values_are_skipped(void **state)
{
	(void)state;
	struct vrs_page *page = vrs_page_new("etl", "a");

	vrs_page_add(page, VRS_GAUGE, "vrsas_y_ratio", "A share.", NAN, NULL);
	char *text = written(page);
	assert_string_equal(text, "");
	free(text);
	vrs_page_free(page);
}

static void values_of_labels_are_escaped(void **state)
{
	(void)state;
	struct vrs_page *page = vrs_page_new("etl", "a");

	vrs_page_add(page, VRS_GAUGE, "vrsas_y", "Y.", 1, "vm", "a\"b\\c\nd", NULL);
	char *text = written(page);
	assert_non_null(strstr(text, "vm=\"a\\\"b\\\\c\\nd\"} 1\n"));
	free(text);
	vrs_page_free(page);
}

static void a_histogram_counts_up_to_each_bound(void **state)
{
	(void)state;
	static const double bounds[] = {1, 2.5};
	struct vrs_page *page = vrs_page_new("etl", "a");
	struct vrs_histogram h;

	vrs_histogram_init(&h, bounds, 2);
	vrs_histogram_add(&h, 1); /* a bound belongs to its bucket */
	vrs_histogram_add(&h, 2);
	vrs_histogram_add(&h, 7);
	vrs_histogram_add(&h, NAN);
	vrs_page_histogram(page, "vrsas_z_seconds", "Z.", &h, NULL);
	char *text = written(page);
	assert_non_null(strstr(text, "le=\"1\"} 1\n"));
	assert_non_null(strstr(text, "le=\"2.5\"} 2\n"));
	assert_non_null(strstr(text, "le=\"+Inf\"} 3\n"));
	assert_non_null(
		strstr(text, "vrsas_z_seconds_sum{service=\"etl\",instance=\"a\"} 10\n"));
	assert_non_null(strstr(
		text, "vrsas_z_seconds_count{service=\"etl\",instance=\"a\"} 3\n"));
	free(text);
	vrs_page_free(page);
}

static void pages_of_several_services_are_merged(void **state)
{
	(void)state;
	static const double bounds[] = {1};
	struct vrs_page *all = vrs_page_new("gateway", "g");
	struct vrs_err err = {0};
	struct vrs_histogram h;

	for (int i = 0; i < 2; i++) {
		const char *service = i ? "mover" : "etl";
		struct vrs_page *page = small_page(service);

		vrs_histogram_init(&h, bounds, 1);
		vrs_page_histogram(page, "vrsas_z_seconds", "Z.", &h, NULL);
		char *text = written(page);
		assert_int_equal(
			vrs_page_take(all, service, "a-1", text, strlen(text), &err), 0);
		free(text);
		vrs_page_free(page);
	}
	char *text = written(all);
	assert_non_null(
		strstr(text, "vrsas_y_ratio{service=\"etl\",instance=\"a-1\"} 0.25\n"
			     "vrsas_y_ratio{service=\"mover\",instance=\"a-1\"} 0.25\n"));
	const char *first = strstr(text, "# TYPE vrsas_z_seconds histogram\n");
	assert_non_null(first);
	assert_null(strstr(first + 1, "# TYPE vrsas_z_seconds"));
	free(text);
	vrs_page_free(all);
}

static void an_invalid_page_adds_nothing(void **state)
{
	(void)state;
#define HEAD "# HELP vrsas_x X.\n# TYPE vrsas_x gauge\n"
#define MINE "service=\"etl\",instance=\"a\""
	static const char *const bad[] = {
		"vrsas_x{" MINE "} 1\n",             /* no family */
		HEAD "vrsas_x{service=\"etl\"} 1\n", /* whose? */
		HEAD "vrsas_x{service=\"mover\",instance=\"a\"} 1\n",
		HEAD "vrsas_x{" MINE "}\n", /* no value */
		HEAD "vrsas_x{" MINE "} one\n",
		HEAD "vrsas_x{" MINE "} 1 2\n",         /* no times */
		HEAD "vrsas_y{" MINE "} 1\n",           /* another name */
		HEAD "vrsas_x{" MINE ",l=\"a} 1\n",     /* a label without an end */
		HEAD "vrsas_x{" MINE ",l=\"\\x\"} 1\n", /* an escape of none */
		HEAD "vrsas_x{" MINE "} 1",             /* cut */
		"# HELP vrsas_x X.\n# TYPE vrsas_x colour\n",
		"# TYPE vrsas_x gauge\n",
		"# HELP vrsas_x X.\n# TYPE vrsas_y gauge\n",
		HEAD HEAD "vrsas_x{" MINE "} 1\n",
		"# EOF\n",
		"\n",
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct vrs_page *all = vrs_page_new("gateway", "g");
		struct vrs_err err = {0};

		assert_fails(vrs_page_take(all, "etl", "a", bad[i], strlen(bad[i]), &err),
			     VRS_EPARSE, &err);
		char *text = written(all);
		assert_string_equal(text, "");
		free(text);
		vrs_page_free(all);
	}
}

static void a_family_of_another_type_is_refused(void **state)
{
	(void)state;
	static const char other[] =
		"# HELP vrsas_x_total X.\n# TYPE vrsas_x_total gauge\n"
		"vrsas_x_total{service=\"etl\",instance=\"a\"} 1\n";
	struct vrs_page *all = small_page("gateway");
	struct vrs_err err = {0};

	assert_fails(vrs_page_take(all, "etl", "a", other, strlen(other), &err),
		     VRS_EPARSE, &err);
	vrs_page_free(all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_page_is_families_with_their_series_together),
		cmocka_unit_test(unknown_values_are_skipped),
		cmocka_unit_test(values_of_labels_are_escaped),
		cmocka_unit_test(a_histogram_counts_up_to_each_bound),
		cmocka_unit_test(pages_of_several_services_are_merged),
		cmocka_unit_test(an_invalid_page_adds_nothing),
		cmocka_unit_test(a_family_of_another_type_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
