/* Disks that become images together. In this order, each step durable before the next:
 * the record (group_record.h); in every map that its part belongs to it, and no writer
 * any more; the names of those that are new; the mark; then what had a name is changed or
 * replaced, and all that was beside the images goes away.
 *
 * Until the mark everything is a rename and can be taken back; so what fails for good (a
 * name that somebody took meanwhile, a base that was started) fails before it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <unistd.h>

#include "image/part/displaced.h"
#include "image/part/parts.h"
#include "vrs/fault.h"
#include "vrs/mem.h"

static int step(struct vrs_err *err)
{
	return vrs_fault("mover.target.group") ? vrs_fail(err, VRS_EIO, "injected fault")
					       : 0;
}

static uint64_t inode_of(const struct part *p, const char *name)
{
	struct stat st;

	return fstatat(p->dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
			       S_ISREG(st.st_mode)
		       ? (uint64_t)st.st_ino
		       : 0;
}

static int sync_dirs(const struct member *m, size_t n, struct vrs_err *err)
{
	for (size_t i = 0; i < n; i++)
		if (m[i].agrees && fsync(m[i].p->dir_fd) < 0)
			return vrs_fail_errno(err, "%s", m[i].p->name);
	return 0;
}

static int move(const struct part *p, const char *from, const char *to,
		struct vrs_err *err)
{
	return renameat2(p->dir_fd, from, p->dir_fd, to, RENAME_NOREPLACE) < 0
		       ? vrs_fail_errno(err, "%s", to)
		       : 0;
}

/* --- before the mark --- */

static int give_name(struct member *m, struct vrs_err *err)
{
	struct part *p = m->p;
	struct stat old;
	int status = 0;

	if (inode_of(p, p->name) == m->d->part_inode)
		return 0;
	if (inode_of(p, p->part_name) != m->d->part_inode)
		return vrs_fail(err, VRS_EIO, "%s no longer exists", p->part_name);
	if (m->d->displaces && inode_of(p, p->name) == m->d->base_inode) {
		char aside[DISPLACED_NAME_BYTES];

		if ((status = part_check_base(p, &old, err)) < 0)
			return vrs_context(err, "%s", p->name);
		part_copy_owner(p, &old);
		displaced_name(aside, p->name, p->token);
		if ((status = move(p, p->name, aside, err)) < 0 ||
		    (status = step(err)) < 0)
			return status;
	}
	return move(p, p->part_name, p->name, err);
}

/* All that can be taken back is done, and nothing stands against the rest. */
static int give_names(struct member *m, size_t n, struct vrs_err *err)
{
	struct stat old;
	int status = 0;

	for (size_t i = 0; i < n && status == 0; i++)
		if (!m[i].d->after_mark && (status = give_name(&m[i], err)) == 0)
			status = step(err);
	if (status == 0)
		status = sync_dirs(m, n, err);
	for (size_t i = 0; i < n && status == 0; i++)
		if (m[i].d->after_mark &&
		    (status = part_check_base(m[i].p, &old, err)) < 0)
			(void)vrs_context(err, "%s", m[i].p->name);
	return status < 0 ? status : step(err);
}

static int take_name_back(struct member *m, struct vrs_err *err)
{
	struct part *p = m->p;
	char aside[DISPLACED_NAME_BYTES];
	int status = 0;

	if (m->d->after_mark)
		return 0;
	if (inode_of(p, p->name) == m->d->part_inode) {
		int fd = openat(p->dir_fd, p->name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

		if (fd < 0)
			return vrs_fail_errno(err, "%s", p->name);
		status = disk_is_free(fd, err);
		(void)close(fd);
		if (status < 0 || (status = move(p, p->name, p->part_name, err)) < 0)
			return status;
		(void)vrs_fault("mover.target.group");
	}
	displaced_name(aside, p->name, p->token);
	if (m->d->displaces && inode_of(p, aside) == m->d->base_inode)
		status = move(p, aside, p->name, err);
	return status;
}

int group_take_back(struct member *m, size_t n, struct vrs_err *err)
{
	int status = 0;

	for (size_t i = 0; i < n && status == 0; i++)
		if (m[i].agrees && (status = take_name_back(&m[i], err)) == 0)
			(void)vrs_fault("mover.target.group");
	if (status == 0)
		status = sync_dirs(m, n, err);
	for (size_t i = n;
	     i-- > 0 && status == 0;) { /* the first, whose record it is, last */
		struct part *p = m[i].p;

		if (!m[i].agrees)
			continue;
		p->map.stage = STAGE_OPEN; /* a part like any other again */
		p->map.token = p->map.commit_token;
		p->map.open = false;
		p->map.group_nonce = 0;
		memset(p->map.group, 0, sizeof(p->map.group));
		if ((status = part_put_page(p, 0, err)) == 0 && fdatasync(p->map_fd) < 0)
			status = vrs_fail_errno(err, "%s", p->map_name);
		(void)vrs_fault("mover.target.group");
	}
	return status;
}

/* --- after the mark --- */

static int finish_one(struct member *m, struct vrs_err *err)
{
	struct part *p = m->p;
	struct stat old;

	if (!m->d->after_mark) /* it has its name, but for a mark that could not be undone
				*/
		return inode_of(p, p->part_name) == m->d->part_inode ? give_name(m, err)
								     : 0;
	if (p->map.overlay)
		return overlay_recover(p, err);
	/* another file has taken its place: that one is not ours to change */
	if (inode_of(p, p->name) != m->d->base_inode)
		return 0;
	int status = part_check_base(p, &old, err);
	if (status < 0)
		return vrs_context(err, "%s", p->name);
	part_copy_owner(p, &old);
	return renameat(p->dir_fd, p->part_name, p->dir_fd, p->name) < 0
		       ? vrs_fail_errno(err, "%s", p->name)
		       : 0;
}

int group_finish(struct member *m, size_t n, struct vrs_err *err)
{
	int status = 0;

	for (size_t i = 0; i < n && status == 0; i++)
		if (m[i].agrees && (status = finish_one(&m[i], err)) == 0)
			(void)vrs_fault("mover.target.group");
	if (status == 0)
		status = sync_dirs(m, n, err);
	for (size_t i = n; i-- > 0 && status == 0;) {
		struct part *p = m[i].p;

		if (!m[i].agrees)
			continue;
		part_remove_displaced(p);
		if (m[i].d->after_mark)
			part_remove_files(p);
		else
			(void)unlinkat(p->dir_fd, p->map_name, 0);
		(void)vrs_fault("mover.target.group");
	}
	return status < 0 ? status : sync_dirs(m, n, err);
}

static int put_mark(int fd, const uint8_t mark[GROUP_MARK_BYTES], struct vrs_err *err)
{
	return pwrite(fd, mark, GROUP_MARK_BYTES, 0) != GROUP_MARK_BYTES ||
			       fdatasync(fd) < 0
		       ? vrs_fail_errno(err, "group record")
		       : 0;
}

int group_go_on(struct member *m, size_t n, int lock_fd, uint64_t nonce,
		struct vrs_err *err)
{
	struct vrs_err why = {0}, back = {0};
	uint8_t mark[GROUP_MARK_BYTES], none[GROUP_MARK_BYTES] = {0};
	int undone = 0, status = give_names(m, n, &why);

	group_mark(mark, nonce);
	if (status == 0) {
		if ((status = put_mark(lock_fd, mark, &why)) == 0) {
			(void)vrs_fault("mover.target.group");
			return group_finish(m, n, err);
		}
		undone =
			put_mark(lock_fd, none, &back); /* it may be there all the same */
	}
	if (undone < 0 || group_take_back(m, n, &back) < 0)
		(void)vrs_context(&why,
				  "the commit is half done and cannot be undone now "
				  "(%.200s); the next attempt continues it",
				  back.text);
	if (err)
		*err = why;
	return status;
}

/* --- beginning --- */

/* With the map entered: may it become an image? */
static int check_commit(struct part *p, struct vrs_err *err)
{
	struct stat old;
	int status = 0;

	if (part_was_touched(p))
		return vrs_fail(err, VRS_EIO,
				"another program opened the copy after it was verified");
	if (p->over)
		return overlay_prepare(p, err);
	if (p->replaces || p->displaces)
		status = part_check_base(p, &old, err);
	else if (faccessat(p->dir_fd, p->name, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		status = vrs_fail(err, VRS_ECONFLICT, "already exists");
	if (status == 0 && fsync(p->dir_fd) < 0)
		status = vrs_fail_errno(err, "%s", p->part_name);
	return status;
}

static int describe(struct group *g, struct part *const *parts, size_t n,
		    struct vrs_err *err)
{
	struct stat st;

	g->token = parts[0]->token;
	(void)vrs_strcpy(g->job, sizeof(g->job), parts[0]->map.job);
	if (getrandom(&g->nonce, sizeof(g->nonce), 0) != (ssize_t)sizeof(g->nonce))
		return vrs_fail_errno(err, "cannot read random bytes");
	for (size_t i = 0; i < n; i++) {
		const struct part *p = parts[i];

		if (fstat(p->part_fd, &st) < 0)
			return vrs_fail_errno(err, "%s", p->part_name);
		bool had = p->replaces || p->displaces;
		g->disk[i] = (struct group_disk){
			.path = vrs_strdup(p->path),
			.after_mark = p->replaces,
			.displaces = p->displaces,
			.part_inode = st.st_ino,
			.base_inode = had ? p->base.st_ino : 0,
			.base_bytes = had ? (uint64_t)p->base.st_size : 0,
			.base_mtime_ns =
				had ? (uint64_t)p->base.st_mtim.tv_sec * 1000000000u +
						(uint64_t)p->base.st_mtim.tv_nsec
				    : 0,
		};
		g->n++;
	}
	return 0;
}

static int write_new(int fd, const uint8_t *bytes, size_t n, struct vrs_err *err)
{
	ssize_t done = pwrite(fd, bytes, n, 0);

	if (done >= 0 && (size_t)done != n)
		errno = ENOSPC;
	if (done != (ssize_t)n || flock(fd, LOCK_EX | LOCK_NB) < 0 || fsync(fd) < 0)
		return vrs_fail_errno(err, "group record");
	return 0;
}

/* Beside the first disk; it is held with a lock until it is closed. */
static int write_record(const struct part *first, const struct group *g, int *ret_fd,
			struct vrs_err *err)
{
	uint8_t *bytes = vrs_calloc(GROUP_MAX_BYTES, 1);
	char new_name[NAME_MAX + 1];

	(void)snprintf(new_name, sizeof(new_name), ".%.240s.vrs-new", first->name);
	(void)unlinkat(first->dir_fd, new_name, 0);
	int fd = openat(first->dir_fd, new_name,
			O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	int status = fd < 0 ? vrs_fail_errno(err, "%s", new_name)
			    : write_new(fd, bytes, group_pack(g, bytes), err);
	free(bytes);
	if (status == 0 &&
	    (renameat(first->dir_fd, new_name, first->dir_fd, first->group_name) < 0 ||
	     fsync(first->dir_fd) < 0))
		status = vrs_fail_errno(err, "%s", first->group_name);
	if (status < 0) {
		(void)unlinkat(first->dir_fd, new_name, 0);
		if (fd >= 0)
			(void)close(fd);
		return status;
	}
	*ret_fd = fd;
	return 0;
}

/* From here on, who opens one of them knows of the others. */
static int put_in_maps(struct member *m, size_t n, const struct group *g,
		       struct vrs_err *err)
{
	int status = 0;

	for (size_t i = 0; i < n && status == 0; i++) {
		struct part *p = m[i].p;

		p->map.stage = STAGE_GROUP;
		p->map.commit_token = p->token;
		p->map.token = CHUNKMAP_NO_TOKEN; /* nobody writes to it any more */
		p->map.open = false;
		p->map.group_nonce = g->nonce;
		(void)vrs_strcpy(p->map.group, sizeof(p->map.group), g->disk[0].path);
		m[i].agrees = true;
		if ((status = part_put_page(p, 0, err)) == 0 && fdatasync(p->map_fd) < 0)
			status = vrs_fail_errno(err, "%s", p->map_name);
		if (status == 0)
			status = step(err);
	}
	return status;
}

/* With all of them entered. */
static int seal_entered(struct part **parts, size_t n, struct vrs_err *err)
{
	struct group g = {.n = 0};
	struct member m[GROUP_MAX_DISKS] = {0};
	int fd = -1;
	int status = describe(&g, parts, n, err);

	for (size_t i = 0; i < n; i++)
		m[i] = (struct member){.p = parts[i], .d = &g.disk[i]};
	if (status == 0)
		status = write_record(parts[0], &g, &fd, err);
	if (status == 0) {
		(void)vrs_fault("mover.target.group");
		for (size_t i = 0; i < n; i++) /* closing shall not write */
			atomic_store(&parts[i]->failed, true);
		if ((status = put_in_maps(m, n, &g, err)) == 0)
			status = group_go_on(m, n, fd, g.nonce, err);
		else
			(void)group_take_back(m, n, NULL);
		/* while a map leads to it, it stays */
		bool needed = false;
		for (size_t i = 0; i < n; i++)
			needed = needed || (status < 0 && m[i].agrees &&
					    parts[i]->map.stage == STAGE_GROUP);
		if (!needed)
			(void)unlinkat(parts[0]->dir_fd, parts[0]->group_name, 0);
		(void)close(fd);
	}
	group_fini(&g);
	return status;
}

int part_commit_group(struct part **parts, size_t n, struct vrs_err *err)
{
	size_t n_entered = 0;
	int status = 0;

	if (n == 1)
		return part_commit(parts[0], err);
	if (n == 0 || n > GROUP_MAX_DISKS || strlen(parts[0]->path) >= CHUNKMAP_MAX_GROUP)
		return vrs_fail(err, VRS_EINVAL,
				"cannot commit %zu disks together, the first at %.80s", n,
				n ? parts[0]->path : "");
	for (size_t i = 0; i < n && status == 0; i++) {
		part_close_disk(parts[i]);
		if (fsync(parts[i]->part_fd) < 0)
			status = vrs_fail_errno(err, "%s", parts[i]->part_name);
	}
	for (size_t i = 0; i < n && status == 0; i++) {
		if ((status = part_lock(parts[i], err)) == 0) {
			n_entered++;
			status = check_commit(parts[i], err);
		}
		if (status < 0)
			(void)vrs_context(err, "%s", parts[i]->path);
	}
	if (status == 0)
		status = seal_entered(parts, n, err);
	for (size_t i = 0; i < n_entered; i++)
		part_unlock(parts[i]);
	return status;
}
