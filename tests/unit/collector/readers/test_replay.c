#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check.h"
#include "readers/procfs.h"
#include "readers/replay.h"
#include "vrs/clock.h"
#include "vrs/mem.h"

static char path[] = "/tmp/vrs-trace-XXXXXX.csv";

static void write_trace(const char *text)
{
	strcpy(path, "/tmp/vrs-trace-XXXXXX.csv");
	int fd = mkstemps(path, 4);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	(void)close(fd);
}

static const char plain[] = "timestamp,entity,cpu_pct,vcpus\n"
			    "2026-01-01T00:00:00Z,a,10,8\n"
			    "2026-01-01T00:01:00Z,a,20,8\n"
			    "2026-01-01T00:03:00Z,a,40,8\n"
			    "2026-01-01T00:00:00Z,b,50,4\n"
			    "2026-01-01T00:01:00Z,b,,4\n";
static int64_t begin(void)
{
	return vrs_time_parse("2026-01-01T00:00:00Z");
}

static double cpu_at(const char *options, int64_t at_ms)
{
	char *uri = vrs_asprintf("replay:%s%s", path, options);
	struct replay *r = NULL;
	struct reading got = {0};
	struct vrs_err err = {0};

	assert_ok(replay_open(&r, uri, &err), &err);
	assert_ok(replay_read(r, at_ms, &got, &err), &err);
	replay_close(r);
	free(uri);
	return got.cpu_ratio;
}

static void a_trace_gives_the_reading_of_a_minute(void **state)
{
	(void)state;
	write_trace(plain);
	assert_float_equal(cpu_at("#a", begin()), 0.1, 1e-6);
	assert_float_equal(cpu_at("#a", begin() + 60000), 0.2, 1e-6);
	assert_float_equal(cpu_at("#a", begin() + 90000), 0.2, 1e-6);
	assert_true(isnan(cpu_at("#a", begin() + 120000))); /* a gap stays a gap */
	assert_float_equal(cpu_at("#a", begin() + 180000), 0.4, 1e-6);
	assert_true(isnan(cpu_at("#b", begin() + 60000)));
	(void)unlink(path);
}

static void a_trace_repeats_unless_loop_is_0(void **state)
{
	(void)state;
	write_trace(plain);
	assert_float_equal(cpu_at("#a", begin() + 240000), 0.1, 1e-6);
	assert_float_equal(cpu_at("#a", begin() - 60000), 0.4, 1e-6);
	assert_true(isnan(cpu_at("#a?loop=0", begin() + 240000)));
	assert_true(isnan(cpu_at("?loop=0#a", begin() - 60000)));
	(void)unlink(path);
}

static void a_trace_can_be_shifted_and_sped_up(void **state)
{
	(void)state;
	write_trace(plain);
	assert_float_equal(cpu_at("#a?shift=6000000", 6000000), 0.1, 1e-6);
	assert_float_equal(cpu_at("#a?shift=6000000&speed=60", 6003000), 0.4, 1e-6);
	(void)unlink(path);
}

static void the_exchange_format_is_a_trace_too(void **state)
{
	(void)state;
	struct trace *t = NULL;
	struct vrs_err err = {0};

	write_trace("Date,Time,Hostname,IP,Max vCPUs,Left vCPUs,Max RAM,Left RAM,"
		    "Average CPU rate\n"
		    "2026-01-01,00:00:00,h1,10.0.1.1,64,20,1024,256,37.25\n"
		    "2026-01-01,00:01:00,h1,10.0.1.1,64,20,1024,256,\n");
	assert_ok(trace_load(&t, path, &err), &err);
	assert_int_equal(t->n_entities, 1);
	const struct trace_entity *e = trace_find(t, "h1");
	assert_int_equal(e->vcpus, 64);
	assert_int_equal(e->ram_bytes, 1024ULL << 20);
	assert_string_equal(e->address, "10.0.1.1");
	assert_int_equal(e->point[0].vcpus_used, 44);
	assert_float_equal(e->point[0].cpu_ratio, 0.3725, 1e-6);
	assert_float_equal(e->point[0].mem_ratio, 0.75, 1e-6);
	assert_null(trace_at(e, e->from_ms + 60000));
	trace_free(t);
	(void)unlink(path);
}

static void invalid_files_and_names_are_rejected(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"",
		"hello\n",
		"timestamp,entity,cpu_pct\n",
		"timestamp,name,cpu_pct\n2026-01-01T00:00:00Z,a,1\n",
		"timestamp,entity,cpu_pct\nyesterday,a,1\n",
		"timestamps,entity,cpu_pct\n2026-01-01T00:00:00Z,a,1\n",
		"timestamp,entity,cpu_pct\n2026-01-01T00:00:00Z,a b,1\n",
		"timestamp,entity,cpu_pct\n2026-01-01T00:00:00Z,a,much\n",
		"timestamp,entity,cpu_pct\n2026-01-01T00:00:00Z\n",
		"timestamp,entity,cpu_pct\n0001-01-01T00:00:00Z,a,1\n",
		"timestamp,entity,cpu_pct\n2026-01-01T00:00:00.000Z,a,1\n"
		"2026-01-01T00:00:00.001Z,a,1\n2036-01-01T00:00:00Z,a,1\n",
	};
	struct trace *t = NULL;
	struct replay *r = NULL;
	struct vrs_err err = {0};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		write_trace(bad[i]);
		assert_fails(trace_load(&t, path, &err), VRS_EPARSE, &err);
		(void)unlink(path);
	}
	assert_fails(trace_load(&t, "/no/such", &err), VRS_ENOENT, &err);
	write_trace(plain);
	char *uri = vrs_asprintf("replay:%s#c", path);
	assert_fails(replay_open(&r, uri, &err), VRS_ENOENT, &err);
	free(uri);
	uri = vrs_asprintf("replay:%s?speed=-1#a", path);
	assert_fails(replay_open(&r, uri, &err), VRS_EINVAL, &err);
	free(uri);
	(void)unlink(path);
}

static void proc_gives_counters_and_memory(void **state)
{
	(void)state;
	struct vrs_hv_host h = {0};
	struct vrs_err err = {0};

	assert_ok(procfs_parse_stat("cpu  100 10 40 800 50 1 2 3 7 7\n"
				    "cpu0 50 5 20 400 25 0 1 1 0 0\n"
				    "cpu1 50 5 20 400 25 1 1 2 0 0\nintr 1\n",
				    &h, &err),
		  &err);
	assert_int_equal(h.vcpus, 2);
	assert_float_equal(h.cpu_total, 1006, 0);
	assert_float_equal(h.cpu_busy, 156, 0); /* neither idle nor waiting */
	assert_ok(procfs_parse_meminfo("MemTotal:  1000 kB\nMemFree: 10 kB\n"
				       "MemAvailable:   600 kB\n",
				       &h, &err),
		  &err);
	assert_int_equal(h.ram_total_bytes, 1024000);
	assert_int_equal(h.ram_used_bytes, 409600);
	assert_fails(procfs_parse_stat("intr 5\n", &h, &err), VRS_EPARSE, &err);
	assert_fails(procfs_parse_meminfo("MemTotal: 5 kB\n", &h, &err), VRS_EPARSE,
		     &err);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_trace_gives_the_reading_of_a_minute),
		cmocka_unit_test(a_trace_repeats_unless_loop_is_0),
		cmocka_unit_test(a_trace_can_be_shifted_and_sped_up),
		cmocka_unit_test(the_exchange_format_is_a_trace_too),
		cmocka_unit_test(invalid_files_and_names_are_rejected),
		cmocka_unit_test(proc_gives_counters_and_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
