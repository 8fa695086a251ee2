/* What a process that was killed has left: a commit half done, or a part that its job has
 * given up. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "image/part/parts.h"
#include "vrs/fault.h"
#include "vrs/mem.h"

enum { LOCK_TRIES = 12 }; /* of 5 s: a large seed takes a while to be changed */

/* The files beside path; its map is read, and held when asked. NULL, and VRS_ENOENT when
 * there is no map. */
static struct part *open_beside(const struct sandbox *b, const char *path, bool hold,
				struct vrs_err *err)
{
	struct part *p;
	int status = hold ? part_locate(&p, b, path, err) : part_find(&p, b, path, err);

	if (status == 0 && hold)
		status = part_open_map(p, 0, err);
	else if (status == 0 && p->map_fd < 0)
		status = vrs_fail_errno(err, "%s", p->map_name);
	if (status == 0)
		status = part_read_map(p, err);
	if (status == 0) {
		p->token = p->map.commit_token;
		return p;
	}
	part_close(p);
	return NULL;
}

/* Its record is gone, somebody took it away: what is left is a part like any other, or
 * nothing but a map. */
static int resolve_alone(const struct sandbox *b, const char *path, uint64_t nonce,
			 struct vrs_err *err)
{
	struct vrs_err why = {0};
	struct part *p = open_beside(b, path, true, &why);
	int status = 0;

	if (!p) {
		if (err)
			*err = why;
		return why.code == VRS_ENOENT ? 0 : why.code;
	}
	if (p->map.stage == STAGE_GROUP && p->map.group_nonce == nonce) {
		if (faccessat(p->dir_fd, p->part_name, F_OK, AT_SYMLINK_NOFOLLOW) < 0) {
			part_remove_files(p);
		} else {
			struct member m = {.p = p, .agrees = true};
			struct group_disk d = {.after_mark = true};

			m.d = &d; /* no name is looked at */
			status = group_take_back(&m, 1, err);
		}
	}
	part_close(p);
	return status;
}

static int read_record(int fd, struct group *ret, struct vrs_err *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return vrs_fail_errno(err, "cannot stat");
	if (!S_ISREG(st.st_mode) || st.st_size <= 0 || st.st_size > GROUP_MAX_BYTES)
		return vrs_fail(err, VRS_EPARSE, "not a group record");
	size_t n = (size_t)st.st_size;
	uint8_t *bytes = vrs_calloc(n, 1);
	int status = pread(fd, bytes, n, 0) == (ssize_t)n
			     ? group_unpack(ret, bytes, n, err)
			     : vrs_fail_errno(err, "cannot read");
	free(bytes);
	return status;
}

static void set_base(struct part *p, const struct group_disk *d)
{
	struct stat dir;

	p->replaces = d->after_mark;
	p->displaces = d->displaces;
	p->base.st_dev = fstat(p->dir_fd, &dir) == 0 ? dir.st_dev : 0;
	p->base.st_ino = (ino_t)d->base_inode;
	p->base.st_size = (off_t)d->base_bytes;
	p->base.st_mtim.tv_sec = (time_t)(d->base_mtime_ns / 1000000000u);
	p->base.st_mtim.tv_nsec = (long)(d->base_mtime_ns % 1000000000u);
}

/* All disks of the group, each with its map held. */
static int open_members(struct member *m, const struct group *g, const struct sandbox *b,
			struct vrs_err *err)
{
	for (size_t i = 0; i < g->n; i++) {
		m[i].d = &g->disk[i];
		struct vrs_err why = {0};

		m[i].p = open_beside(b, g->disk[i].path, true, &why);
		if (!m[i].p && why.code != VRS_ENOENT) {
			(void)vrs_context(&why, "%s also belongs to transfer %s",
					  g->disk[i].path, g->job);
			if (err)
				*err = why;
			return why.code;
		}
		if (!m[i].p) /* done with, or never begun */
			continue;
		set_base(m[i].p, m[i].d);
		m[i].agrees = m[i].p->map.stage == STAGE_GROUP &&
			      m[i].p->map.group_nonce == g->nonce &&
			      strcmp(m[i].p->map.job, g->job) == 0;
	}
	return 0;
}

static int resolve_record(const struct group *g, int fd, const struct sandbox *b,
			  bool take_back, struct vrs_err *err)
{
	struct member m[GROUP_MAX_DISKS] = {0};
	bool all_agree = true;
	int status = open_members(m, g, b, err);

	for (size_t i = 0; i < g->n; i++)
		all_agree = all_agree && m[i].agrees;
	if (status == 0)
		status = g->marked ? group_finish(m, g->n, err)
			 : !all_agree || take_back
				 ? group_take_back(m, g->n, err)
				 : group_go_on(m, g->n, fd, g->nonce, err);
	/* could not be done, and was undone: that is an end too */
	bool undecided = false;
	for (size_t i = 0; i < g->n; i++)
		undecided =
			undecided || (m[i].agrees && m[i].p->map.stage == STAGE_GROUP);
	if (status < 0 && !undecided && all_agree && !g->marked)
		status = 0;
	for (size_t i = 0; i < g->n; i++)
		part_close(m[i].p);
	return status;
}

/* The map that leads to the record says the same still. */
static bool still_so(const struct sandbox *b, const char *path, uint64_t nonce)
{
	struct part *p = open_beside(b, path, false, NULL);
	bool so = p && p->map.stage == STAGE_GROUP && p->map.group_nonce == nonce;

	part_close(p);
	return so;
}

static int lock_record(int fd, struct vrs_err *err)
{
	int status = VRS_ETIMEOUT;

	for (int i = 0; i < LOCK_TRIES && status == VRS_ETIMEOUT; i++)
		status = part_lock_wait(fd, err);
	return status;
}

/* entry's map says that it belongs to a group. */
static int resolve(const struct sandbox *b, const char *path, const struct part *entry,
		   bool take_back, struct vrs_err *err)
{
	uint64_t nonce = entry->map.group_nonce;
	struct part *first;
	struct group g = {.n = 0};
	int fd = -1;

	int status = part_locate(&first, b, entry->map.group, err);
	if (status < 0) {
		part_close(first);
		(void)vrs_context(err,
				  "transfer %s was committing several disks together",
				  entry->map.job);
		return status;
	}
	fd = openat(first->dir_fd, first->group_name, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0)
		status = lock_record(fd, err);
	else if (errno != ENOENT)
		status = vrs_fail_errno(err, "%s", first->group_name);
	if (status == 0 && still_so(b, path, nonce)) {
		if (fd < 0 || (status = read_record(fd, &g, err)) == 0) {
			if (g.n == 0 || g.nonce != nonce)
				status = resolve_alone(b, path, nonce, err);
			else if ((status = resolve_record(&g, fd, b, take_back, err)) ==
				 0)
				(void)unlinkat(first->dir_fd, first->group_name, 0);
		} else {
			(void)vrs_context(err, "%s", first->group_name);
		}
	}
	group_fini(&g);
	if (fd >= 0)
		(void)close(fd);
	part_close(first);
	return status;
}

/* While a record is of use, the map of the first disk says so: it is the first to say it
 * and the last to say something else. */
static void sweep_record(const struct sandbox *b, const char *path)
{
	struct part *p = part_new(b);
	const char *name = "";
	int fd = -1;

	atomic_store(&p->failed, true);
	if (sandbox_dir(b, path, &p->dir_fd, &name, NULL) == 0 &&
	    part_name_files(p, name, NULL) == 0)
		fd = openat(p->dir_fd, p->group_name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0) /* else it is just being made */
		(void)unlinkat(p->dir_fd, p->group_name, 0);
	if (fd >= 0)
		(void)close(fd);
	part_close(p);
}

int part_recover_group(const struct sandbox *b, const char *path, const char *job,
		       uint64_t token, struct vrs_err *err)
{
	struct vrs_err why = {0};
	struct part *p = open_beside(b, path, false, &why);
	int status = 0;

	if (p ? p->map.stage != STAGE_GROUP : why.code == VRS_ENOENT)
		sweep_record(b, path);
	if (p && p->map.stage == STAGE_GROUP &&
	    (!job || (strcmp(p->map.job, job) == 0 && p->map.commit_token <= token)))
		status = resolve(b, path, p, job != NULL, err);
	/* what cannot be looked at is found out by who opens it */
	part_close(p);
	return status;
}

int part_recover(const struct sandbox *b, const char *path, struct vrs_err *err)
{
	struct part *p;
	int status = part_recover_group(b, path, NULL, 0, err);

	if (status < 0)
		return status;
	status = part_find(&p, b, path, err);
	if (status == 0 && p->map_fd >= 0 && part_read_map(p, NULL) == 0 &&
	    p->map.overlay && p->map.stage == STAGE_COMMITTING) {
		status = part_lock_wait(p->map_fd, err);
		chunkmap_fini(&p->map);
		/* whoever held it may have finished meanwhile */
		if (status == 0 && part_read_map(p, NULL) == 0)
			status = overlay_recover(p, err);
		if (status == 0)
			part_poison(p);
	}
	part_close(p);
	return status;
}

int part_forget(const struct sandbox *b, const char *path, const char *job,
		uint64_t token, struct vrs_err *err)
{
	struct part *p;
	int status = part_recover_group(b, path, job, token, err);

	if (status < 0)
		return status;
	status = part_find(&p, b, path, err);
	if (status == 0 && p->map_fd >= 0) {
		status = part_lock_wait(p->map_fd, err);
		if (status == 0 && part_read_map(p, NULL) == 0 &&
		    (strcmp(p->map.job, job) != 0 || p->map.stage == STAGE_GROUP ||
		     (p->map.stage != STAGE_COMMITTING && p->map.token > token)))
			status = vrs_fail(err, VRS_ECONFLICT, "it belongs to transfer %s",
					  p->map.job);
		if (status == 0)
			status = overlay_recover(p, err);
		if (status == 0)
			part_poison(p);
	}
	part_close(p);
	return status;
}
