/* Recorded loads from CSV files, and the scores of placement. */
#include "check.h"
#include "evaluation/placement.h"
#include "kernels/rng.h"
#include "net/traces.h"
#include "paper/workload.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char path[] = "/tmp/vrs-trace-XXXXXX";

static int set_up(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	return fd < 0 || close(fd) < 0 ? -1 : 0;
}

static int tear_down(void **state)
{
	(void)state;
	return unlink(path);
}

static void put(const char *text)
{
	FILE *f = fopen(path, "we");

	assert_non_null(f);
	assert_int_equal(fputs(text, f) < 0, 0);
	assert_int_equal(fclose(f), 0);
}

static void rows_are_repaired_and_counted(void **state)
{
	struct traces t = {0};
	struct vrs_err err = {0};

	(void)state;
	put("entity,extra,timestamp,cpu_pct\n"
	    "b,x,2024-01-01T00:00:00Z,10\n"
	    "b,x,2024-01-01T00:02:00Z,30\n"
	    "b,x,2024-01-01T00:01:00Z,20\n" /* late */
	    "b,x,2024-01-01T00:01:00Z,77\n" /* again */
	    "b,x,2024-01-01T00:03:00Z,NaN\n"
	    "b,x,2024-01-01T00:04:00Z,-1\n"
	    "b,x,2024-01-01T00:05:00Z,100.5\n"
	    "b,x,2024-01-01T00:06:00Z,\n" /* a gap, as it should be */
	    "a,x,2024-01-01T00:00:00Z,5\n");
	assert_ok(traces_read(&t, path, &err), &err);
	assert_int_equal(t.n, 2);
	assert_string_equal(t.trace[0].name, "a");
	assert_int_equal(t.impossible, 3);
	assert_int_equal(t.twice, 1);
	assert_int_equal(t.unordered, 1);
	const struct trace *b = traces_find(&t, "b");
	assert_int_equal(b->n, 3);
	assert_float_equal(b->pct[1], 20, 0);
	struct bins bins;
	trace_bins(b, b->at_ms[2], &bins); /* before the third one only */
	assert_int_equal(bins.n, 1);
	assert_float_equal(bins.u[0], 15, 0);
	bins_fini(&bins);
	traces_free(&t);
}

static void the_exchange_format_is_read_too(void **state)
{
	struct traces t = {0};
	struct vrs_err err = {0};

	(void)state;
	put("Date,Time,Hostname,IP,Max vCPUs,Left vCPUs,Max RAM,Left RAM,Average CPU "
	    "rate\n"
	    "2026-11-23,08:15:00,h1,10.0.1.1,64,20,262144,98304,37.25\n"
	    "2026-11-23,08:16:00,h1,10.0.1.1,64,20,262144,98304,\n");
	assert_ok(traces_read(&t, path, &err), &err);
	assert_int_equal(t.n, 1);
	assert_int_equal(t.trace[0].n, 1);
	assert_float_equal(t.trace[0].pct[0], 37.25, 0.01);
	traces_free(&t);
}

static void a_file_that_cannot_be_read_is_refused_with_its_line(void **state)
{
	struct traces t = {0};
	struct vrs_err err = {0};

	(void)state;
	put("timestamp,entity,cpu_pct\n2024-01-01T00:00:00Z,a,\"9,83\"\n");
	assert_fails(traces_read(&t, path, &err), VRS_EPARSE, &err);
	assert_non_null(
		strstr(err.text, ":2:3: cpu_pct '9,83': expected a decimal point"));
	traces_free(&t);
}

static void draws_are_those_of_splitmix(void **state)
{
	struct rng r = {1234567};

	(void)state;
	assert_true(rng_next(&r) == 6457827717110365317U);
	assert_true(rng_next(&r) == 3203168211198807973U);
	assert_true(rng_next(&r) == 9817491932198370423U);
}

/* Six clusters; number k runs at 10 + 4k now and jumps to `later[k]` after an hour. */
static void avoidable_overloads_are_counted(void **state)
{
	static const float later[] = {90, 20, 90, 90, 30, 90};
	struct bins truth[6];
	struct placement_conf conf = placement_defaults;
	struct placement_result r;

	(void)state;
	for (int k = 0; k < 6; k++) {
		bins_init(&truth[k], 0, 3 * BINS_DAY);
		for (size_t i = 0; i < truth[k].n; i++)
			bins_add(&truth[k], (int64_t)i * BIN_MS,
				 i < 2 * BINS_DAY + BINS_HOUR ? 10 + 4 * k
							      : (double)later[k]);
		bins_mean(&truth[k]);
		bins_truth(&truth[k]);
	}
	conf.from_ms = conf.to_ms = (int64_t)2 * BINS_DAY * BIN_MS;
	conf.draws = 400;
	placement_run(truth, 6, &conf, &r);
	const struct placement_score *naive = &r.score[POLICY_NAIVE_NOW];
	assert_int_equal(r.origins, 1);
	assert_int_equal(naive->events, 400);
	assert_int_equal(naive->feasible, 400); /* 1 or 4 is always among the five */
	assert_float_equal(placement_aor(&r.score[POLICY_ORACLE]), 0, 0);
	/* the emptiest one now overloads unless it failed itself: 5 of 6 draws */
	assert_float_equal(placement_aor(naive), 5.0 / 6, 0.05);
	assert_int_equal(r.score[POLICY_PEAK_P50].events, 0);
	for (int k = 0; k < 6; k++)
		bins_fini(&truth[k]);
}

static void workloads_are_as_described(void **state)
{
	enum { N = 7 * 1440 };
	float *x = calloc(N, sizeof(*x)), *y = calloc(N, sizeof(*y));
	struct workload w = {.kind = 1, .seed = 4, .scale = 1};
	const int64_t monday = 1704067200000;
	double night = 0, rise = 0, weekend = 0, low = 100, high = 0;

	(void)state;
	workload_fill(&w, monday, N, x);
	workload_fill(&w, monday, N, y);
	assert_memory_equal(x, y, N * sizeof(*x)); /* seeded */
	for (int i = 0; i < N; i++)
		assert_true(x[i] >= 0 && x[i] <= 20);
	w.kind = 2;
	workload_fill(&w, monday, N, x);
	for (int i = 0; i < 60; i++) {
		night += (double)x[3 * 60 + i] / 60;
		rise += (double)x[8 * 60 + 45 + i] / 60;
		weekend += (double)x[5 * 1440 + 8 * 60 + 45 + i] / 60;
	}
	assert_true(night < 15 && rise > 55 && weekend < 20);
	w.kind = 3;
	workload_fill(&w, monday, N, x);
	for (int i = 0; i < N; i++) {
		low = fmin(low, (double)x[i]);
		high = fmax(high, (double)x[i]);
	}
	assert_true(low > 20 && high < 80);
	free(x);
	free(y);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_are_repaired_and_counted),
		cmocka_unit_test(the_exchange_format_is_read_too),
		cmocka_unit_test(a_file_that_cannot_be_read_is_refused_with_its_line),
		cmocka_unit_test(draws_are_those_of_splitmix),
		cmocka_unit_test(avoidable_overloads_are_counted),
		cmocka_unit_test(workloads_are_as_described),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
