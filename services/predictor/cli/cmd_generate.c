/* cmd_generate.c - vrs-predictor generate: days of load that never was, for tests, demos
 * and training, in the columns of the exchange format. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/load.h"
#include "paper/workload.h"
#include "vrs/mem.h"
#include "vrs/sample_csv.h"

enum {
	MINUTE_MS = 60000,
	DAY_MIN = 1440,
	WORK_BEGINS_MIN = 510,
	VCPUS = 48,
	RAM_GIB = 256,
	MAX_HOSTS = 63
};

struct job {
	struct workload load;
	int64_t start_ms;
	size_t minutes;
	char names[MAX_HOSTS][65]; /* as vrs_name_ok allows */
	int64_t n_hosts, net;
};

/* Half of a host's vCPUs and RAM are given to its VMs, always. */
static void add_row(struct vrs_text *out, const struct job *j, int64_t host,
		    int64_t at_ms, float cpu)
{
	struct vrs_sample_row row = {.at_ms = at_ms,
				     .vcpus_total = VCPUS,
				     .vcpus_left = VCPUS / 2,
				     .ram_total_bytes = (uint64_t)RAM_GIB << 30,
				     .ram_left_bytes = (uint64_t)RAM_GIB << 29,
				     .cpu_ratio = (double)cpu / 100};

	(void)vrs_strcpy(row.host, sizeof(row.host), j->names[host]);
	(void)snprintf(row.address, sizeof(row.address), "10.0.%lld.%lld",
		       (long long)j->net, (long long)host + 1);
	vrs_samples_write(out, &row);
}

static int write_all(FILE *f, const struct job *j)
{
	float *cpu = vrs_calloc(j->minutes * (size_t)j->n_hosts, sizeof(*cpu));
	struct vrs_text out = {0};
	size_t written = 0;

	for (int64_t h = 0; h < j->n_hosts; h++) {
		struct workload w = j->load;

		w.seed = w.seed * 1000 + (uint64_t)h;
		workload_fill(&w, j->start_ms, j->minutes, cpu + (size_t)h * j->minutes);
	}
	vrs_samples_write_header(&out);
	for (size_t i = 0; i < j->minutes; i++) {
		for (int64_t h = 0; h < j->n_hosts; h++)
			add_row(&out, j, h, j->start_ms + (int64_t)i * MINUTE_MS,
				cpu[(size_t)h * j->minutes + i]);
		if (out.len > (1 << 20) || i + 1 == j->minutes) {
			written += fwrite(out.text, 1, out.len, f) == out.len;
			out.len = 0;
		}
	}
	free(cpu);
	vrs_text_fini(&out);
	return ferror(f) || written == 0 ? -1 : 0;
}

/* "3" (host-1 to host-3) or the names themselves. Not 0: the exit code. */
static int name_hosts(const struct vrs_args *a, struct job *j)
{
	const char *name = vrs_args_nth(a, "hosts", 0);
	char *end = NULL;
	long n = name ? strtol(name, &end, 10) : 1;

	if (name && *end) {
		for (; name; name = vrs_args_nth(a, "hosts", (size_t)j->n_hosts)) {
			if (!vrs_name_ok(name) || j->n_hosts == MAX_HOSTS)
				return vrs_args_wrong(
					a, "--hosts: '%s' is %s", name,
					vrs_name_ok(name)
						? "beyond the maximum number of names"
						: "not a valid name");
			(void)vrs_strcpy(j->names[j->n_hosts++], sizeof(*j->names), name);
		}
		return 0;
	}
	if (n < 1 || n > MAX_HOSTS || vrs_args_nth(a, "hosts", 1))
		return vrs_args_wrong(
			a, "--hosts must be a number from 1 to %d, or names", MAX_HOSTS);
	for (j->n_hosts = 0; j->n_hosts < n; j->n_hosts++)
		(void)snprintf(j->names[j->n_hosts], sizeof(*j->names), "host-%d",
			       (int)j->n_hosts + 1);
	return 0;
}

/* Moves the day so that the groupware's working day begins at this time of it. */
static int32_t shift_for(int64_t rise_ms)
{
	int64_t of_day = rise_ms / MINUTE_MS % DAY_MIN, shift = of_day - WORK_BEGINS_MIN;

	return (int32_t)(shift > DAY_MIN / 2    ? shift - DAY_MIN
			 : shift < -DAY_MIN / 2 ? shift + DAY_MIN
						: shift);
}

int cmd_generate(struct vrs_ctl *ctl)
{
	const struct vrs_args *a = &ctl->args;
	struct vrs_err err = {0};
	struct job j = {.net = vrs_args_number(a, "net", 0)};
	const char *path = vrs_args_value(a, "out");
	int64_t days = vrs_args_number(a, "days", 5);
	int64_t start = vrs_args_number(a, "start", -1) / MINUTE_MS * MINUTE_MS;
	int64_t end = vrs_args_number(a, "end", -1) / MINUTE_MS * MINUTE_MS;

	if (vrs_args_has(a, "start") && vrs_args_has(a, "end"))
		return vrs_args_wrong(a, "--start and --end exclude each other");
	if (name_hosts(a, &j) != 0)
		return 2;
	j.minutes = (size_t)(days * DAY_MIN);
	j.start_ms = vrs_args_has(a, "start") ? start
		     : vrs_args_has(a, "end") ? end - days * DAY_MIN * MINUTE_MS
					      : 1704067200000;
	j.load = (struct workload){
		.kind = (int)vrs_args_number(a, "workload", 0) + 1,
		.seed = (uint64_t)vrs_args_number(a, "seed", 1),
		.shift_min = vrs_args_has(a, "rise-at")
				     ? shift_for(vrs_args_number(a, "rise-at", 0))
				     : (int32_t)vrs_args_number(a, "shift-min", 0),
		.scale = (double)vrs_args_number(a, "scale", 100) / 100,
		.every_day = vrs_args_has(a, "every-day")};
	if (j.start_ms < 0)
		return vrs_args_wrong(a, "the first minute is before 1970");
	FILE *f = strcmp(path, "-") == 0 ? stdout : fopen(path, "we");
	int status = f ? write_all(f, &j) : vrs_fail_errno(&err, "cannot open %s", path);
	if (f && (fclose(f) != 0 || status < 0))
		status = vrs_fail_errno(&err, "cannot write %s", path);
	return status < 0 ? load_failed(a, &err) : 0;
}
