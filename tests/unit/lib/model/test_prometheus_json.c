#include <string.h>

#include "check.h"
#include "vrs/json_prom.h"

#define VECTOR(list)                                                                     \
	"{\"status\":\"success\",\"data\":{\"resultType\":\"vector\",\"result\":[" list  \
	"]}}"
#define MATRIX(list)                                                                     \
	"{\"status\":\"success\",\"data\":{\"resultType\":\"matrix\",\"result\":[" list  \
	"]}}"

static int parse(struct vrs_prom_answer *a, const char *text, struct vrs_err *err)
{
	return vrs_prom_parse(a, text, strlen(text), err);
}

static void a_vector_has_one_point_a_series(void **state)
{
	(void)state;
	struct vrs_prom_answer a;
	struct vrs_err err = {0};

	assert_ok(
		parse(&a,
		      VECTOR("{\"metric\":{\"what\":\"cpu\"},\"value\":[1700000000.25,"
			     "\"0.5\"]},{\"metric\":{},\"value\":[1700000000,\"NaN\"]}"),
		      &err),
		&err);
	assert_int_equal(a.n, 2);
	assert_string_equal(a.series[0].what, "cpu");
	assert_int_equal(a.series[0].n, 1);
	assert_int_equal(a.series[0].point[0].at_ms, 1700000000250);
	assert_float_equal(a.series[0].point[0].value, 0.5, 0);
	assert_string_equal(a.series[1].what, "");
	assert_int_equal(a.series[1].n, 0); /* not a number: not there */
	vrs_prom_fini(&a);
}

static void a_matrix_has_many(void **state)
{
	(void)state;
	struct vrs_prom_answer a;
	struct vrs_err err = {0};

	assert_ok(parse(&a,
			MATRIX("{\"metric\":{},\"values\":[[1700000000,\"1\"],"
			       "[1700000060,\"+Inf\"],[1700000120,\"2\"]]}"),
			&err),
		  &err);
	assert_int_equal(a.n, 1);
	assert_int_equal(a.series[0].n, 2);
	assert_float_equal(a.series[0].point[1].value, 2, 0);
	vrs_prom_fini(&a);
	assert_ok(parse(&a, MATRIX(""), &err), &err);
	assert_int_equal(a.n, 0);
	vrs_prom_fini(&a);
}

static void an_error_response_has_its_reason(void **state)
{
	(void)state;
	struct vrs_prom_answer a = {.n = 7};
	struct vrs_err err = {0};

	assert_fails(parse(&a,
			   "{\"status\":\"error\",\"errorType\":\"bad_data\","
			   "\"error\":\"parse error: oh\"}",
			   &err),
		     VRS_EIO, &err);
	assert_non_null(strstr(err.text, "parse error: oh"));
	assert_int_equal(a.n, 7);
}

static void an_invalid_response_is_rejected(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"",
		"hello",
		"{}",
		"[]",
		"{\"status\":\"success\"}",
		"{\"status\":\"success\",\"status\":\"success\"}",
		"{\"status\":\"success\",\"data\":{\"resultType\":\"scalar\",\"result\":"
		"[1,\"1\"]}}",
		VECTOR("1"),
		VECTOR("{\"metric\":{}}"),
		VECTOR("{\"metric\":{},\"value\":[]}"),
		VECTOR("{\"metric\":{},\"value\":[1,2]}"),
		VECTOR("{\"metric\":{},\"value\":[\"1\",\"2\"]}"),
		VECTOR("{\"metric\":{},\"value\":[1,\"x\"]}"),
		VECTOR("{\"metric\":{},\"value\":[1,\"\"]}"),
		VECTOR("{\"metric\":{},\"value\":[-1,\"1\"]}"),
		VECTOR("{\"metric\":{},\"value\":[1e30,\"1\"]}"),
		VECTOR("{\"metric\":[],\"value\":[1,\"1\"]}"),
		MATRIX("{\"metric\":{},\"value\":[1,\"1\"]}"),
		MATRIX("{\"metric\":{},\"values\":[1]}"),
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct vrs_prom_answer a = {0};
		struct vrs_err err = {0};

		assert_fails(parse(&a, bad[i], &err), VRS_EPARSE, &err);
		assert_null(a.series);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_vector_has_one_point_a_series),
		cmocka_unit_test(a_matrix_has_many),
		cmocka_unit_test(an_error_response_has_its_reason),
		cmocka_unit_test(an_invalid_response_is_rejected),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
