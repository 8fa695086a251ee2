#include "image/part/displaced.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image/disk/disk.h"

static const char mark[] = ".kept-";

void displaced_name(char buf[DISPLACED_NAME_BYTES], const char *name, uint64_t token)
{
	(void)snprintf(buf, DISPLACED_NAME_BYTES, "%s%s%llu", name, mark,
		       (unsigned long long)token);
}

static bool is_kept_of(const char *file, const char *name)
{
	size_t n = strlen(name), m = sizeof(mark) - 1;

	if (strncmp(file, name, n) != 0 || strncmp(file + n, mark, m) != 0)
		return false;
	const char *token = file + n + m;
	return *token && strspn(token, "0123456789") == strlen(token);
}

static int remove_one(int dir_fd, const char *file)
{
	int fd = openat(dir_fd, file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return 0;
	bool may = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
		   disk_is_free(fd, NULL) >= 0 && unlinkat(dir_fd, file, 0) == 0;
	(void)close(fd);
	return may;
}

int displaced_remove(int dir_fd, const char *name, const char *but)
{
	int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), n = 0;
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;

	if (!d) {
		if (fd >= 0)
			(void)close(fd);
		return 0;
	}
	for (struct dirent *e; (e = readdir(d));)
		if (is_kept_of(e->d_name, name) && (!but || strcmp(e->d_name, but) != 0))
			n += remove_one(dir_fd, e->d_name);
	(void)closedir(d);
	return n;
}
