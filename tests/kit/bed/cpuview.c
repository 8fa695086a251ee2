/* cpuview.c - what each bed host sees as /proc/stat where control groups are of
 * version 2.
 *
 * lxcfs shows a container its own CPU use only from the cpuacct tree of version 1. Here
 * the use is read from each group's cpu.stat and told relative to its quota in cpu.max,
 * as one processor that is all of the host's. Files are written in place: they are
 * bind-mounted.
 *
 *   cpuview GROUPS OUT     for each folder GROUPS/NAME the file OUT/NAME, five times a
 * second
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "ticks.h"

#define TICK_NS (200L * 1000 * 1000)
#define HOSTS_MAX 64

struct host {
	char name[64];
	long long user_us, system_us; /* what cpu.stat said last */
	double user, system, idle; /* told so far, seconds of the host's one processor */
};

static struct host hosts[HOSTS_MAX];
static size_t n_hosts;

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int read_text(const char *dir, const char *name, const char *file, char *text,
		     size_t size)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s/%s", dir, name, file);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	ssize_t n = read(fd, text, size - 1);
	close(fd);
	if (n <= 0)
		return -1;
	text[n] = 0;
	return 0;
}

static long long field(const char *text, const char *key)
{
	const char *at = strstr(text, key);

	return at ? atoll(at + strlen(key)) : 0;
}

static struct host *host_of(const char *name)
{
	for (size_t i = 0; i < n_hosts; i++)
		if (strcmp(hosts[i].name, name) == 0)
			return &hosts[i];
	if (n_hosts == HOSTS_MAX || strlen(name) >= sizeof(hosts[0].name))
		return NULL;
	struct host *h = &hosts[n_hosts++];
	strcpy(h->name, name);
	h->user_us = h->system_us = -1;
	return h;
}

static void tell(const struct host *h, const char *out)
{
	char path[PATH_MAX], text[512];
	long long user = (long long)(h->user * 100),
		  system = (long long)(h->system * 100);
	long long idle = (long long)(h->idle * 100);

	snprintf(path, sizeof(path), "%s/%s", out, h->name);
	/* always the same length, so that one write replaces all of it */
	int n = snprintf(
		text, sizeof(text),
		"cpu  %16lld 0 %16lld %16lld 0 0 0 0 0 0\n"
		"cpu0 %16lld 0 %16lld %16lld 0 0 0 0 0 0\n"
		"ctxt 0\nbtime %16lld\nprocesses 1\nprocs_running 1\nprocs_blocked 0\n",
		user, system, idle, user, system, idle,
		(long long)(time(NULL) - (time_t)(h->user + h->system + h->idle)));
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0 || pwrite(fd, text, (size_t)n, 0) != n)
		fprintf(stderr, "cpuview: write %s: %s\n", path, strerror(errno));
	if (fd >= 0)
		close(fd);
}

static void look(const char *groups, const char *name, const char *out, double elapsed_s)
{
	char stat[1024], max[64];
	double cores = 1.0;

	if (read_text(groups, name, "cpu.stat", stat, sizeof(stat)) ||
	    read_text(groups, name, "cpu.max", max, sizeof(max)))
		return;
	struct host *h = host_of(name);
	if (!h)
		return;
	long long quota_us, period_us;
	if (sscanf(max, "%lld %lld", &quota_us, &period_us) == 2 && period_us > 0)
		cores = (double)quota_us / (double)period_us;

	long long user_us = field(stat, "user_usec "),
		  system_us = field(stat, "system_usec ");
	if (h->user_us >= 0 && user_us >= h->user_us && system_us >= h->system_us) {
		double user = (double)(user_us - h->user_us) / 1e6 / cores;
		double system = (double)(system_us - h->system_us) / 1e6 / cores;
		h->user += user;
		h->system += system;
		if (elapsed_s > user + system)
			h->idle += elapsed_s - user - system;
	}
	h->user_us = user_us;
	h->system_us = system_us;
	tell(h, out);
}

int main(int argc, char **argv)
{
	if (argc != 3) {
		fprintf(stderr, "usage: cpuview GROUPS OUT\n");
		return 2;
	}
	int ticks = ticks_begin(TICK_NS);
	double last = now_s();
	do {
		DIR *dir = opendir(argv[1]);
		if (!dir) {
			fprintf(stderr, "cpuview: open %s: %s\n", argv[1],
				strerror(errno));
			return 1;
		}
		double now = now_s();
		for (struct dirent *e; (e = readdir(dir));)
			if (e->d_type == DT_DIR && e->d_name[0] != '.')
				look(argv[1], e->d_name, argv[2], now - last);
		closedir(dir);
		last = now;
	} while (ticks_next(ticks) == 0);
	perror("cpuview: timer");
	return 1;
}
