/* world.h - a folder with pretend hosts (tests/fault/README.md) for one test. */
#ifndef TESTS_WORLD_H
#define TESTS_WORLD_H

#include <arpa/inet.h>
#include <libgen.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "folder.h"
#include "vrs/mem.h"
#include "vrs/proc.h"

/* A double of tests/fault, as the build has it below the tests; good
 * until the next call. */
static inline const char *world_program(const char *name)
{
	static char path[PATH_MAX + 64];
	char self[PATH_MAX] = "";

	if (readlink("/proc/self/exe", self, sizeof(self) - 1) < 0)
		abort();
	(void)snprintf(path, sizeof(path), "%s/fault/%s", dirname(self), name);
	return path;
}

/* A port of this machine on which nobody listens. */
static inline int world_port(void)
{
	struct sockaddr_in at = {.sin_family = AF_INET,
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (bind(fd, (struct sockaddr *)&at, n) < 0 ||
	    getsockname(fd, (struct sockaddr *)&at, &n) < 0)
		abort();
	(void)close(fd);
	return ntohs(at.sin_port);
}

/* An empty world; freed by world_remove. */
static inline char *world_make(void)
{
	char *path = vrs_strdup("/tmp/vrs-world-XXXXXX");

	if (!mkdtemp(path))
		abort();
	return path;
}

static inline void world_host(const char *world, const char *host)
{
	char *path = vrs_asprintf("%s/%s", world, host);

	if (mkdir(path, 0755) < 0)
		abort();
	free(path);
}

static inline void world_write(const char *world, const char *file, const char *text)
{
	char *path = vrs_asprintf("%s/%s", world, file);
	FILE *f = fopen(path, "we");

	if (!f || fputs(text, f) < 0 || fclose(f) != 0)
		abort();
	free(path);
}

/* power-off, power-on, cut, heal */
static inline void world_do(const char *world, const char *host, const char *what)
{
	char *dir = vrs_asprintf("%s/%s", world, host);
	const char *argv[] = {world_program("pretend-hv"), dir, what, NULL};
	struct vrs_proc_result r = {0};

	if (vrs_proc_run(&(struct vrs_proc){.argv = argv, .timeout_ms = 20000}, &r,
			 NULL) < 0 ||
	    r.exit_code != 0)
		abort();
	vrs_proc_result_fini(&r);
	free(dir);
}

/* The hosts must be off. */
static inline void world_remove(char *world)
{
	remove_tree(world);
	free(world);
}

#endif
