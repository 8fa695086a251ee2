/* The map file of a part: pages, locks, and the token that says who may write. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "image/base/wire.h"
#include "image/part/parts.h"

enum { TAKEOVER_WAIT_MS = 5000 };

int part_put_page(struct part *p, size_t page, struct vrs_err *err)
{
	uint8_t bytes[CHUNKMAP_PAGE_BYTES];

	chunkmap_page(&p->map, page, bytes);
	ssize_t n = pwrite(p->map_fd, bytes, sizeof(bytes),
			   (off_t)page * CHUNKMAP_PAGE_BYTES);
	if (n < 0)
		return vrs_fail_errno(err, "%s", p->map_name);
	return n == (ssize_t)sizeof(bytes)
		       ? 0
		       : vrs_fail(err, VRS_ENOSPC, "%s: No space left on device",
				  p->map_name);
}

int part_put_all_pages(struct part *p, struct vrs_err *err)
{
	for (size_t i = chunkmap_n_pages(&p->map); i-- > 0;) { /* head last */
		int status = part_put_page(p, i, err);

		if (status < 0)
			return status;
	}
	return fdatasync(p->map_fd) < 0 ? vrs_fail_errno(err, "%s", p->map_name) : 0;
}

static int get_page(struct part *p, size_t page, uint8_t bytes[CHUNKMAP_PAGE_BYTES])
{
	return pread(p->map_fd, bytes, CHUNKMAP_PAGE_BYTES,
		     (off_t)page * CHUNKMAP_PAGE_BYTES) == CHUNKMAP_PAGE_BYTES
		       ? 0
		       : -1;
}

static int enter(struct part *p, int fd, int how, struct vrs_err *err)
{
	uint8_t token[8];

	if (atomic_load(&p->failed))
		return vrs_fail(err, VRS_EIO, "an earlier write failed");
	while (flock(fd, how) < 0)
		if (errno != EINTR)
			return vrs_fail_errno(err, "%s", p->map_name);
	if (pread(fd, token, 8, CHUNKMAP_TOKEN_OFFSET) == 8 &&
	    wire_get64(token) == p->token)
		return 0;
	(void)flock(fd, LOCK_UN);
	return vrs_fail(err, VRS_ECONFLICT, "superseded by a newer transfer");
}

int part_lock(struct part *p, struct vrs_err *err)
{
	return enter(p, p->map_fd, LOCK_EX, err);
}

void part_unlock(struct part *p)
{
	(void)flock(p->map_fd, LOCK_UN);
}

static struct shared_lock *free_lock(struct part *p)
{
	for (size_t i = 0; i < PART_SHARED_LOCKS; i++)
		if (pthread_mutex_trylock(&p->shared[i].lock) == 0)
			return &p->shared[i];
	(void)pthread_mutex_lock(&p->shared[0].lock);
	return &p->shared[0];
}

int part_lock_shared(struct part *p, struct shared_lock **ret, struct vrs_err *err)
{
	struct shared_lock *g = free_lock(p);
	int status = 0;

	if (g->fd < 0) { /* the file of map_fd once more, whatever its name is now */
		char path[40];

		(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", p->map_fd);
		g->fd = open(path, O_RDWR | O_CLOEXEC);
		if (g->fd < 0)
			status = vrs_fail_errno(err, "%s", p->map_name);
	}
	if (status == 0)
		status = enter(p, g->fd, LOCK_SH, err);
	if (status < 0) {
		(void)pthread_mutex_unlock(&g->lock);
		return status;
	}
	*ret = g;
	return 0;
}

void part_unlock_shared(struct shared_lock *g)
{
	(void)flock(g->fd, LOCK_UN);
	(void)pthread_mutex_unlock(&g->lock);
}

/* An exclusive lock, waiting a little for somebody who is in the middle of a write. */
int part_lock_wait(int fd, struct vrs_err *err)
{
	for (int waited = 0;; waited += PART_STEP_MS) {
		if (flock(fd, LOCK_EX | LOCK_NB) == 0)
			return 0;
		if (errno != EWOULDBLOCK && errno != EINTR)
			return vrs_fail_errno(err, "cannot lock");
		if (waited >= TAKEOVER_WAIT_MS)
			return vrs_fail(err, VRS_ETIMEOUT,
					"another transfer is writing to it");
		part_pause_ms(PART_STEP_MS);
	}
}

/* Reads what the map says; VRS_ENOENT: there is none that is of use. */
int part_read_map(struct part *p, struct vrs_err *err)
{
	uint8_t bytes[CHUNKMAP_PAGE_BYTES];

	if (get_page(p, 0, bytes) < 0 || chunkmap_read_head(&p->map, bytes, NULL) < 0)
		return vrs_fail(err, VRS_ENOENT, "no chunk map");
	for (size_t i = 1; i < chunkmap_n_pages(&p->map); i++)
		if (get_page(p, i, bytes) == 0)
			(void)chunkmap_read_page(&p->map, i, bytes);
	return 0;
}

int part_locate(struct part **ret, const struct sandbox *b, const char *path,
		struct vrs_err *err)
{
	struct part *p = part_new(b);
	const char *name = "";

	*ret = p;
	atomic_store(&p->failed, true); /* part_close shall not write */
	int status = sandbox_dir(b, path, &p->dir_fd, &name, err);
	return status < 0 ? status : part_name_files(p, name, err);
}

int part_find(struct part **ret, const struct sandbox *b, const char *path,
	      struct vrs_err *err)
{
	int status = part_locate(ret, b, path, err);
	struct part *p = *ret;

	if (status == 0)
		p->map_fd =
			openat(p->dir_fd, p->map_name, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	return status;
}

void part_remove_files(struct part *p)
{
	(void)unlinkat(p->dir_fd, p->part_name, 0);
	(void)unlinkat(p->dir_fd, p->bits_name, 0);
	(void)unlinkat(p->dir_fd, p->map_name, 0);
}

/* Makes the old map refuse its writers for ever, then takes both names away. Called with
 * the map locked. */
void part_poison(struct part *p)
{
	uint8_t none[8];

	wire_put64(none, CHUNKMAP_NO_TOKEN);
	(void)!pwrite(p->map_fd, none, sizeof(none), CHUNKMAP_TOKEN_OFFSET);
	part_remove_files(p);
}

int part_open_map(struct part *p, int flags, struct vrs_err *err)
{
	for (int tries = 0; tries < 8; tries++) {
		struct stat ours, named;

		p->map_fd = openat(p->dir_fd, p->map_name,
				   O_RDWR | flags | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (p->map_fd < 0)
			return vrs_fail_errno(err, "%s", p->map_name);
		int status = part_lock_wait(p->map_fd, err);
		if (status < 0)
			return status;
		/* it may have been taken away while we waited */
		if (fstat(p->map_fd, &ours) == 0 &&
		    fstatat(p->dir_fd, p->map_name, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
		    ours.st_ino == named.st_ino)
			return 0;
		(void)close(p->map_fd);
		p->map_fd = -1;
	}
	return vrs_fail(err, VRS_ECONFLICT, "other processes keep removing it");
}
