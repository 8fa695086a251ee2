/* cmd_generate.c - vrs-predictor generate: days of load that never was, for tests, demos
 * and training, in the columns of the exchange format. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/args.h"
#include "cli/commands.h"
#include "paper/workload.h"
#include "vrs/mem.h"
#include "vrs/sample_csv.h"

static const struct command command = {"generate",
				       "Writes a generated load, one reading a minute: 1 "
				       "mail, 2 groupware, 3 interfacing.",
				       cmd_generate};

enum {
	MINUTE_MS = 60000,
	DAY_MIN = 1440,
	WORK_BEGINS_MIN = 510,
	VCPUS = 48,
	RAM_GIB = 256
};

struct job {
	struct workload load;
	int64_t start_ms;
	size_t minutes;
	char names[ARGS_MAX_LIST][65]; /* as vrs_name_ok allows */
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

/* "3" (host-1 to host-3) or the names themselves. */
static void name_hosts(struct job *j, const char *const *words)
{
	char *end;
	long n = words[0] ? strtol(words[0], &end, 10) : 1;

	if (words[0] && *end != '\0') {
		for (; words[j->n_hosts]; j->n_hosts++) {
			if (!vrs_name_ok(words[j->n_hosts]))
				args_wrong(&command, "--hosts: '%s' is not a name",
					   words[j->n_hosts]);
			(void)vrs_strcpy(j->names[j->n_hosts], sizeof(*j->names),
					 words[j->n_hosts]);
		}
		return;
	}
	if (n < 1 || n >= ARGS_MAX_LIST || (words[0] && words[1]))
		args_wrong(&command, "--hosts requires a number from 1 to %d, or names",
			   ARGS_MAX_LIST - 1);
	for (j->n_hosts = 0; j->n_hosts < n; j->n_hosts++)
		(void)snprintf(j->names[j->n_hosts], sizeof(*j->names), "host-%d",
			       (int)j->n_hosts + 1);
}

/* Moves the day so that the groupware's working day begins at this time of it. */
static int32_t shift_for(int64_t rise_ms)
{
	int64_t of_day = rise_ms / MINUTE_MS % DAY_MIN, shift = of_day - WORK_BEGINS_MIN;

	return (int32_t)(shift > DAY_MIN / 2    ? shift - DAY_MIN
			 : shift < -DAY_MIN / 2 ? shift + DAY_MIN
						: shift);
}

static struct {
	const char *hosts[ARGS_MAX_LIST], *path;
	int64_t kind, days, seed, start, end, rise, shift, scale, net;
	bool every_day;
} opt = {.path = "",
	 .days = 5,
	 .seed = 1,
	 .start = -1,
	 .end = -1,
	 .rise = -1,
	 .scale = 100};

static const struct arg options[] = {
	{"workload", "1|2|3", "mail, groupware, interfacing", .number = &opt.kind,
	 .low = 1, .high = 3},
	{"days", "N", "of one reading a minute (5)", .number = &opt.days, .low = 1,
	 .high = 3660},
	{"seed", "N", "same seed, same load (1)", .number = &opt.seed, .high = INT32_MAX},
	{"out", "FILE", "CSV; - is standard output", .text = &opt.path},
	{"hosts", "N|NAME", "how many, or their names (1)", .list = opt.hosts},
	{"start", "TIME", "first minute (2024-01-01, a Monday)", .time_ms = &opt.start},
	{"end", "TIME", "minute after the last one, instead", .time_ms = &opt.end},
	{"rise-at", "TIME", "groupware: its daily rise comes at this time of day",
	 .time_ms = &opt.rise},
	{"shift-min", "N", "shift the whole day later by this", .number = &opt.shift,
	 .low = -DAY_MIN, .high = DAY_MIN},
	{"scale", "PCT", "of the height (100)", .number = &opt.scale, .low = 1,
	 .high = 300},
	{"net", "N", "addresses 10.0.N.1 and on", .number = &opt.net, .high = 255},
	{"every-day", NULL, "groupware at weekends, too", .flag = &opt.every_day},
	{0}};

int cmd_generate(int argc, char **argv)
{
	struct job j = {0};

	args_parse(&command, options, argc, argv);
	if (!opt.kind || !*opt.path)
		args_wrong(&command, "--workload and --out are required");
	if (opt.start >= 0 && opt.end >= 0)
		args_wrong(&command, "--start and --end exclude each other");
	name_hosts(&j, opt.hosts);
	j.minutes = (size_t)(opt.days * DAY_MIN);
	j.net = opt.net;
	j.start_ms = opt.start >= 0 ? opt.start / MINUTE_MS * MINUTE_MS
		     : opt.end >= 0 ? opt.end / MINUTE_MS * MINUTE_MS -
					      opt.days * DAY_MIN * MINUTE_MS
				    : 1704067200000;
	j.load = (struct workload){.kind = (int)opt.kind,
				   .seed = (uint64_t)opt.seed,
				   .shift_min = opt.rise >= 0 ? shift_for(opt.rise)
							      : (int32_t)opt.shift,
				   .scale = (double)opt.scale / 100,
				   .every_day = opt.every_day};
	if (j.start_ms < 0)
		args_wrong(&command, "the load begins before 1970");
	FILE *f = strcmp(opt.path, "-") == 0 ? stdout : fopen(opt.path, "we");
	if (!f) {
		(void)fprintf(stderr, "vrs-predictor generate: open %s: %s\n", opt.path,
			      strerror(errno));
		return 1;
	}
	int status = write_all(f, &j);
	if (fclose(f) != 0 || status < 0) {
		(void)fprintf(stderr, "vrs-predictor generate: write %s: %s\n", opt.path,
			      strerror(errno));
		return 1;
	}
	return 0;
}
