/* Opening a part: the one that is there, or a new one. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image/base/boot.h"
#include "image/base/tree.h"
#include "image/base/wire.h"
#include "image/disk/clone.h"
#include "image/part/parts.h"
#include "vrs/fault.h"
#include "vrs/mem.h"

/* May we throw away the part of another job? Not while its writer lives. */
static int check_no_writer(struct part *p, struct vrs_err *err)
{
	int fd = openat(p->dir_fd, p->part_name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return 0;
	int status = flock(fd, LOCK_EX | LOCK_NB);
	(void)close(fd);
	return status < 0 ? vrs_fail(err, VRS_ECONFLICT,
				     "transfer %s is still writing to it", p->map.job)
			  : 0;
}

/* Chunks that cannot be taken as they are: everything when the source is another one,
 * what was not on the disk yet when the machine was started anew or when QEMU kept
 * metadata in its memory. */
static int doubt_states(struct part *p, const char *identity, const char *boot,
			struct vrs_err *err)
{
	bool same_source = strcmp(p->map.identity, identity) == 0;
	bool lost = (p->map.open && !p->raw) || strcmp(p->map.boot, boot) != 0;

	for (uint64_t c = 0; c < p->map.n_chunks; c++) {
		uint8_t *s = &p->map.state[c];

		if (*s == CHUNK_WRITTEN && lost)
			*s = CHUNK_DOUBT;
		if (!same_source && *s != CHUNK_NONE)
			*s = CHUNK_DOUBT;
		if (*s == CHUNK_NONE && lost) { /* may hold something after all */
			uint64_t off = c << TREE_CHUNK_SHIFT;
			struct disk_run run;
			int status = p->disk->ops->extent(
				p->disk, off, off + tree_chunk_bytes(p->disk->size, c),
				&run, err);

			if (status < 0)
				return status;
			if (run.data ||
			    run.end < off + tree_chunk_bytes(p->disk->size, c))
				*s = CHUNK_DOUBT;
		}
	}
	return 0;
}

/* The image is made in a directory of its own under its own name, because some formats
 * write their name into themselves, and then moved to be the part. */
static int create_part(struct part *p, uint64_t disk_bytes, struct vrs_err *err)
{
	char dir[64];
	int dir_fd, status;

	if (p->raw)
		return disk_create(p->dir_fd, p->part_name, p->format, disk_bytes, err);
	(void)snprintf(dir, sizeof(dir), ".vrs-create-%d", (int)getpid());
	if (mkdirat(p->dir_fd, dir, 0700) < 0)
		return vrs_fail_errno(err, "%s", dir);
	dir_fd = openat(p->dir_fd, dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir_fd < 0) {
		status = vrs_fail_errno(err, "%s", dir);
	} else {
		int high = fcntl(dir_fd, F_DUPFD_CLOEXEC, 10);

		status = disk_create(high, p->name, p->format, disk_bytes, err);
		if (status == 0 && renameat(high, p->name, p->dir_fd, p->part_name) < 0)
			status = vrs_fail_errno(err, "%s", p->part_name);
		(void)unlinkat(high, p->name, 0);
		(void)close(high);
		(void)close(dir_fd);
	}
	(void)unlinkat(p->dir_fd, dir, AT_REMOVEDIR);
	return status;
}

static int clone_base(struct part *p, const char *base, struct vrs_err *err)
{
	int from, status = sandbox_open(p->sandbox, base, O_RDONLY, &from, err);

	if (status < 0)
		return status;
	int to = openat(p->dir_fd, p->part_name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC,
			0600);
	if (to < 0)
		status = vrs_fail_errno(err, "%s", p->part_name);
	else if (!p->raw)
		status = clone_file(from, to, err);
	else if (!clone_share(from, to))
		p->map.filled = true;
	if (p->map.filled && ftruncate(to, (off_t)p->map.disk_bytes) < 0)
		status = vrs_fail_errno(err, "%s", p->part_name);
	(void)close(from);
	if (to >= 0)
		(void)close(to);
	return status < 0 ? vrs_context(err, "cannot clone %s", base) : 0;
}

static void copy_text(char *to, size_t size, const char *from)
{
	memset(to, 0, size);
	(void)vrs_strcpy(to, size, from);
}

/* Only what differs is written, when the base is to be replaced by its successor. */
static bool wants_overlay(const struct part *p, const struct part_want *w)
{
	return p->raw && p->replaces && S_ISREG(p->base.st_mode) &&
	       (uint64_t)p->base.st_size == w->disk_bytes;
}

/* A new part: the map says what it will be before there is anything. */
static int begin(struct part *p, const struct part_want *w, const char *boot,
		 struct vrs_err *err)
{
	int status = chunkmap_init(&p->map, w->disk_bytes, err);

	if (status < 0)
		return status;
	bool clone = *w->base != '\0';
	p->map.token = w->token;
	p->map.open = true;
	p->map.cloned = clone;
	p->map.overlay = wants_overlay(p, w);
	p->map.base_inode = p->base.st_ino;
	p->map.stage = STAGE_CLONING;
	copy_text(p->map.job, sizeof(p->map.job), w->job);
	copy_text(p->map.format, sizeof(p->map.format), w->format);
	copy_text(p->map.boot, sizeof(p->map.boot), boot);
	copy_text(p->map.identity, sizeof(p->map.identity), w->identity);
	if (clone)
		memset(p->map.state, CHUNK_DOUBT, p->map.n_chunks);
	if ((status = part_put_all_pages(p, err)) < 0)
		return status;
	status = p->map.overlay ? overlay_create(p, err)
		 : clone        ? clone_base(p, w->base, err)
				: create_part(p, w->disk_bytes, err);
	if (status < 0)
		return status;
	(void)vrs_fault("mover.target.begin");
	p->map.stage = STAGE_OPEN;
	return part_put_page(p, 0, err);
}

/* Is what we found the part of this job, in a state that can go on? */
static bool can_go_on(const struct part *p, const struct part_want *w)
{
	struct stat st;

	return strcmp(p->map.job, w->job) == 0 && p->map.stage != STAGE_CLONING &&
	       strcmp(p->map.format, w->format) == 0 &&
	       p->map.disk_bytes == w->disk_bytes &&
	       p->map.overlay == wants_overlay(p, w) &&
	       fstatat(p->dir_fd, p->part_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       S_ISREG(st.st_mode);
}

static int take_over(struct part *p, const struct part_want *w, const char *boot,
		     unsigned *ret_flags, struct vrs_err *err)
{
	*ret_flags = WIRE_TARGET_RESUMED;
	if (p->map.open)
		*ret_flags |= WIRE_TARGET_CUT;
	if (p->map.cloned)
		*ret_flags |= WIRE_TARGET_CLONED;
	p->map.token = w->token;
	p->map.stage = STAGE_OPEN;
	int status = part_put_page(p, 0, err); /* from here on the older one is refused */
	if (status == 0)
		status = part_open_disk(p, true, err);
	if (status == 0)
		status = doubt_states(p, w->identity, boot, err);
	if (status < 0)
		return status;
	if (p->map.filled && *w->base) /* without it, what is missing is sent */
		(void)fill_open(p, w->base, false, NULL);
	p->map.open = true;
	copy_text(p->map.boot, sizeof(p->map.boot), boot);
	copy_text(p->map.identity, sizeof(p->map.identity), w->identity);
	return part_put_all_pages(p, err);
}

static int find_or_begin(struct part *p, const struct part_want *w, unsigned *ret_flags,
			 struct vrs_err *err)
{
	char boot[sizeof(p->map.boot)];
	int status = part_open_map(p, O_CREAT, err);

	if (status < 0)
		return status;
	boot_id(boot, sizeof(boot));
	bool found = part_read_map(p, NULL) == 0;
	uint64_t owner = p->map.stage == STAGE_COMMITTING || p->map.stage == STAGE_GROUP
				 ? p->map.commit_token
				 : p->map.token;
	if (found && p->map.stage == STAGE_GROUP) /* just now: part_recover was here */
		return vrs_fail(err, VRS_EIO, "transfer %s is committing it", p->map.job);
	if (found && strcmp(p->map.job, w->job) == 0 && w->token < owner)
		return vrs_fail(
			err, VRS_ECONFLICT,
			"token %llu is superseded by token %llu of a newer transfer",
			(unsigned long long)w->token, (unsigned long long)owner);
	if (found && can_go_on(p, w))
		return take_over(p, w, boot, ret_flags, err);
	if (found && (status = check_no_writer(p, err)) < 0)
		return status;
	if (found || faccessat(p->dir_fd, p->part_name, F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
		part_poison(p);
		chunkmap_fini(&p->map);
		(void)close(p->map_fd);
		p->map_fd = -1;
		if ((status = part_open_map(p, O_CREAT, err)) < 0)
			return status;
	}
	*ret_flags = *w->base ? WIRE_TARGET_CLONED : 0;
	if (wants_overlay(p, w))
		*ret_flags |= WIRE_TARGET_OVERLAY;
	status = begin(p, w, boot, err);
	if (status == 0)
		status = part_open_disk(p, true, err);
	if (status == 0 && p->map.filled)
		status = fill_open(p, w->base, true, err);
	if (status < 0)
		part_remove_files(p);
	return status;
}

/* The image's own name must be free, or be the base that this job replaces. */
static int check_name(struct part *p, const struct part_want *w, struct vrs_err *err)
{
	if (fstatat(p->dir_fd, p->name, &p->base, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : vrs_fail_errno(err, "%s", w->path);
	p->replaces = strcmp(w->base, w->path) == 0;
	p->displaces = !p->replaces && w->displaces;
	return p->replaces || p->displaces
		       ? 0
		       : vrs_fail(err, VRS_ECONFLICT, "already exists");
}

int part_open(struct part **ret, const struct sandbox *b, const struct part_want *w,
	      unsigned *ret_flags, struct vrs_err *err)
{
	struct part *p = part_new(b);
	const char *name = "";
	int status;

	p->path = vrs_strdup(w->path);
	p->token = w->token;
	p->raw = disk_format_is_raw(w->format);
	(void)vrs_strcpy(p->format, sizeof(p->format), w->format);
	if (!disk_format_ok(w->format))
		status = vrs_fail(err, VRS_EUNSUPPORTED, "unknown format %s", w->format);
	else if (w->token == CHUNKMAP_NO_TOKEN || strlen(w->job) >= sizeof(p->map.job) ||
		 strlen(w->identity) >= sizeof(p->map.identity))
		status =
			vrs_fail(err, VRS_EINVAL,
				 "job or identity is too long, or the token is reserved");
	else
		status = sandbox_dir(b, w->path, &p->dir_fd, &name, err);
	if (status == 0)
		status = part_recover(b, w->path, err);
	if (status == 0 && (status = part_name_files(p, name, err)) == 0 &&
	    (status = check_name(p, w, err)) == 0)
		status = find_or_begin(p, w, ret_flags, err);
	if (status == 0 && p->disk->size != w->disk_bytes)
		status = vrs_fail(
			err, VRS_EUNSUPPORTED,
			"format %s cannot hold exactly %llu bytes, it rounds to %llu",
			w->format, (unsigned long long)w->disk_bytes,
			(unsigned long long)p->disk->size);
	if (status == 0) {
		p->part_fd = openat(p->dir_fd, p->part_name,
				    O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
		if (p->part_fd < 0 || flock(p->part_fd, LOCK_SH | LOCK_NB) < 0)
			status = vrs_fail_errno(err, "%s", p->part_name);
		else
			part_watch(p); /* that was us */
	}
	if (p->map_fd >= 0)
		part_unlock(p);
	if (status < 0) {
		atomic_store(&p->failed, true);
		part_close(p);
		return status;
	}
	p->began_empty = vrs_calloc(p->map.n_chunks, 1);
	p->allocated = vrs_calloc(p->map.n_chunks, 1);
	p->marked = vrs_calloc(p->map.n_chunks, sizeof(*p->marked));
	*ret = p;
	return 0;
}
