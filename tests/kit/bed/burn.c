/* burn.c - keeps the CPU of one bed host at a wanted level.
 *
 * Closed loop: every tick it uses up so much *thread CPU time* and rests for the
 * remainder, so that the level holds on a busy machine as well (measuring the wall clock
 * instead gave 32 % where 55 % was asked for). The level is a share of the host's quota.
 *
 *   burn --quota PCT_OF_A_CORE --percent LEVEL
 *   burn --quota PCT_OF_A_CORE --trace FILE --step-ms N     one level a line, then again
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "ticks.h"

#define TICK_NS (100LL * 1000 * 1000)

static long long now_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

/* Uses up one tick's share at `cores` (0..1 for one thread), at most the tick. */
static void use_up(double cores)
{
	long long start = now_ns(CLOCK_MONOTONIC);
	long long used = now_ns(CLOCK_THREAD_CPUTIME_ID) + (long long)(cores * TICK_NS);

	while (now_ns(CLOCK_THREAD_CPUTIME_ID) < used &&
	       now_ns(CLOCK_MONOTONIC) < start + TICK_NS)
		;
}

/* The levels of a trace; lines that are no number (comments, headings) are skipped. */
static double *read_trace(const char *path, size_t *ret_n)
{
	FILE *f = fopen(path, "re");
	double *levels = NULL;
	char line[256], *end;
	size_t n = 0;

	if (!f) {
		fprintf(stderr, "burn: open %s: %s\n", path, strerror(errno));
		exit(1);
	}
	while (fgets(line, sizeof(line), f)) {
		double level = strtod(line, &end);
		if (end == line)
			continue;
		levels = realloc(levels, (n + 1) * sizeof(*levels));
		if (!levels)
			exit(1);
		levels[n++] = level;
	}
	fclose(f);
	*ret_n = n;
	return levels;
}

static double clamp(double x, double lo, double hi)
{
	return x < lo ? lo : x > hi ? hi : x;
}

static void usage(void)
{
	fprintf(stderr, "usage: burn --quota PCT (--percent LEVEL | --trace FILE) "
			"[--step-ms N]\n");
	exit(2);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"quota", required_argument, NULL, 'q'},
						{"percent", required_argument, NULL, 'p'},
						{"trace", required_argument, NULL, 't'},
						{"step-ms", required_argument, NULL, 's'},
						{0}};
	double quota_cores = 0, constant = 0, *levels = &constant;
	size_t n_levels = 1;
	long step_ms = 1000;
	int opt;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (opt) {
		case 'q':
			quota_cores = atof(optarg) / 100;
			break;
		case 'p':
			constant = atof(optarg);
			break;
		case 't':
			levels = read_trace(optarg, &n_levels);
			break;
		case 's':
			step_ms = atol(optarg);
			break;
		default:
			usage();
		}
	}
	if (quota_cores <= 0 || n_levels == 0 || step_ms <= 0 || optind != argc)
		usage();
	prctl(PR_SET_PDEATHSIG, SIGKILL); /* `bed load NAME off` ends our parent */

	/* a quota above one core needs more than one thread; processes will do */
	for (; quota_cores > 1; quota_cores /= 2)
		if (fork() == 0)
			prctl(PR_SET_PDEATHSIG, SIGKILL);

	long long start = now_ns(CLOCK_MONOTONIC);
	int ticks = ticks_begin(TICK_NS);
	while (ticks_next(ticks) == 0) {
		long long step = (now_ns(CLOCK_MONOTONIC) - start) / 1000000 / step_ms;
		double level = levels[(size_t)step % n_levels];
		use_up(quota_cores * clamp(level, 0, 100) / 100);
	}
	perror("burn: timer");
	return 1;
}
