/* What a part holds open: its disk, and all the rest until it is closed. */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "image/part/parts.h"

enum { CLOSING_WAIT_MS = 5000 };

static int open_one(struct part *p, enum disk_how how, struct disk **ret,
		    struct vrs_err *err)
{
	for (int waited = 0;; waited += PART_STEP_MS) {
		int fd = openat(p->dir_fd, p->part_name,
				(how == DISK_WRITE ? O_RDWR : O_RDONLY) | O_NOFOLLOW |
					O_CLOEXEC);

		if (fd < 0)
			return vrs_fail_errno(err, "%s", p->part_name);
		if (how == DISK_PROVE)
			(void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
		int status = disk_open(ret, fd, p->format, how, err);
		/* the qemu-nbd of a try that was cut off may need a moment to end */
		if (status != VRS_ECONFLICT || waited >= CLOSING_WAIT_MS)
			return status;
		part_pause_ms(PART_STEP_MS);
	}
}

int part_open_disk(struct part *p, bool writable, struct vrs_err *err)
{
	(void)part_was_touched(p);
	int status = open_one(p, writable ? DISK_WRITE : DISK_PROVE, &p->disk, err);
	if (status == 0 && writable && p->raw)
		status = open_one(p, DISK_PROVE, &p->proof, err);
	if (status == 0 && p->map.overlay)
		status = overlay_open(p, err);
	if (status == 0)
		part_watch(p);
	return status;
}

void part_close_disk(struct part *p)
{
	disk_close(p->disk);
	disk_close(p->proof);
	p->disk = p->proof = NULL;
}

static void *close_fd(void *arg)
{
	(void)close((int)(intptr_t)arg);
	return NULL;
}

/* A file in many pieces takes seconds to go where freed blocks are discarded at once;
 * nobody needs to wait for that. */
static void close_aside(int fd)
{
	pthread_attr_t attr;
	pthread_t thread;

	(void)pthread_attr_init(&attr);
	(void)pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	if (pthread_create(&thread, &attr, close_fd, (void *)(intptr_t)fd) != 0)
		(void)close(fd);
	(void)pthread_attr_destroy(&attr);
}

void part_close(struct part *p)
{
	if (!p)
		return;
	if (!atomic_load(&p->failed) && p->map_fd >= 0 && p->map.stage == STAGE_OPEN &&
	    part_sync(p, NULL, NULL) == 0 && part_lock(p, NULL) == 0) {
		p->map.open = false;
		(void)part_put_page(p, 0, NULL);
		part_unlock(p);
	}
	bool many_pieces = p->map.overlay;
	part_close_disk(p);
	overlay_close(p);
	fill_close(p);
	chunkmap_fini(&p->map);
	free(p->began_empty);
	free(p->allocated);
	free(p->marked);
	for (size_t i = 0; i < PART_SHARED_LOCKS; i++) {
		if (p->shared[i].fd >= 0)
			(void)close(p->shared[i].fd);
		(void)pthread_mutex_destroy(&p->shared[i].lock);
	}
	(void)pthread_mutex_destroy(&p->lock);
	if (p->watch_fd >= 0)
		(void)close(p->watch_fd);
	if (p->part_fd >= 0 && many_pieces)
		close_aside(p->part_fd);
	else if (p->part_fd >= 0)
		(void)close(p->part_fd);
	if (p->map_fd >= 0)
		(void)close(p->map_fd);
	if (p->dir_fd >= 0)
		(void)close(p->dir_fd);
	free(p->path);
	free(p);
}

int part_reopen(struct part *p, bool writable, struct vrs_err *err)
{
	part_close_disk(p);
	overlay_close(p);
	/* after its writer has closed it, everything of the file goes to the disk */
	if (fsync(p->part_fd) < 0)
		return vrs_fail_errno(err, "%s", p->part_name);
	return part_open_disk(p, writable, err);
}
