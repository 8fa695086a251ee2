/* What every file of a part stands on: its names, who has opened it, the image that it
 * will replace. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "image/part/parts.h"
#include "vrs/mem.h"

const struct chunkmap *part_map(const struct part *p)
{
	return &p->map;
}

struct disk *part_disk(struct part *p)
{
	return p->disk;
}

struct disk *part_proof(struct part *p)
{
	return p->proof ? p->proof : p->disk;
}

struct part *part_new(const struct sandbox *b)
{
	struct part *p = vrs_calloc(1, sizeof(*p));

	p->sandbox = b;
	p->dir_fd = p->map_fd = p->part_fd = p->watch_fd = -1;
	(void)pthread_mutex_init(&p->lock, NULL);
	for (size_t i = 0; i < PART_SHARED_LOCKS; i++) {
		(void)pthread_mutex_init(&p->shared[i].lock, NULL);
		p->shared[i].fd = -1;
	}
	return p;
}

int part_name_files(struct part *p, const char *name, struct vrs_err *err)
{
	if (strlen(name) > PART_MAX_NAME)
		return vrs_fail(err, VRS_EINVAL, "file name is too long");
	(void)vrs_strcpy(p->name, sizeof(p->name), name);
	(void)snprintf(p->part_name, sizeof(p->part_name), ".%.240s.vrs-part", name);
	(void)snprintf(p->map_name, sizeof(p->map_name), ".%.240s.vrs-map", name);
	(void)snprintf(p->bits_name, sizeof(p->bits_name), ".%.240s.vrs-bits", name);
	(void)snprintf(p->group_name, sizeof(p->group_name), ".%.240s.vrs-group", name);
	return 0;
}

/* From now on, who opens the part is noticed. Only raw: qemu-nbd opens when it likes. */
void part_watch(struct part *p)
{
	char path[40];

	if (!p->raw)
		return;
	if (p->watch_fd >= 0)
		(void)close(p->watch_fd);
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", p->disk->fd);
	p->watch_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (p->watch_fd >= 0 && inotify_add_watch(p->watch_fd, path, IN_OPEN) < 0) {
		(void)close(p->watch_fd);
		p->watch_fd = -1;
	}
}

bool part_was_touched(struct part *p)
{
	char events[4096];

	while (p->watch_fd >= 0 && read(p->watch_fd, events, sizeof(events)) > 0)
		atomic_store(&p->touched, true);
	return atomic_load(&p->touched);
}

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino &&
	       a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	       a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* What has the name must be what was looked at, and nobody may be running on it. */
int part_check_base(struct part *p, struct stat *ret, struct vrs_err *err)
{
	int fd = openat(p->dir_fd, p->name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return vrs_fail_errno(err, "%s", p->name);
	int status = disk_is_free(fd, err);
	if (status >= 0 && (fstat(fd, ret) < 0 || !same_file(ret, &p->base)))
		status = vrs_fail(err, VRS_ECONFLICT,
				  "it changed while its replacement was written");
	(void)close(fd);
	return status;
}

void part_copy_owner(struct part *p, const struct stat *old)
{
	int fd = p->part_fd >= 0 ? p->part_fd
				 : openat(p->dir_fd, p->part_name,
					  O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	(void)fchmod(fd, old->st_mode & 07777);
	(void)!fchown(fd, old->st_uid, old->st_gid);
	if (fd >= 0 && fd != p->part_fd)
		(void)close(fd);
}

void part_pause_ms(long ms)
{
	struct timespec t = {ms / 1000, (ms % 1000) * 1000000};

	(void)nanosleep(&t, NULL);
}
