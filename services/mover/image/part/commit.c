/* How a part ends: as the image, or not at all. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "image/part/displaced.h"
#include "image/part/parts.h"
#include "vrs/fault.h"
#include "vrs/mem.h"

static int give_name(struct part *p, struct vrs_err *err)
{
	struct stat old;

	if (p->replaces || p->displaces) {
		int status = part_check_base(p, &old, err);

		if (status < 0)
			return status;
		part_copy_owner(p, &old);
	}
	if (p->displaces) {
		char aside[DISPLACED_NAME_BYTES];

		displaced_name(aside, p->name, p->token);
		if (renameat2(p->dir_fd, p->name, p->dir_fd, aside, RENAME_NOREPLACE) < 0)
			return vrs_fail_errno(err, "%s", aside);
		(void)vrs_fault("mover.target.aside");
	}
	unsigned how = p->replaces ? 0 : RENAME_NOREPLACE;
	if (renameat2(p->dir_fd, p->part_name, p->dir_fd, p->name, how) < 0)
		return vrs_fail_errno(err, "%s", p->name);
	return 0;
}

/* What an earlier successor had put aside is two proven copies old. */
void part_remove_displaced(const struct part *p)
{
	char newest[DISPLACED_NAME_BYTES];

	displaced_name(newest, p->name, p->token);
	if (p->replaces || p->displaces)
		(void)displaced_remove(p->dir_fd, p->name, p->displaces ? newest : NULL);
}

int part_commit(struct part *p, struct vrs_err *err)
{
	int status;

	part_close_disk(p);
	if (fsync(p->part_fd) < 0)
		return vrs_fail_errno(err, "%s", p->part_name);
	if ((status = part_lock(p, err)) < 0)
		return status;
	if (part_was_touched(p)) {
		part_unlock(p);
		return vrs_fail(err, VRS_EIO,
				"another program opened the copy after it was verified");
	}
	if (p->over && (status = overlay_prepare(p, err)) < 0) {
		part_unlock(p);
		return status;
	}
	p->map.stage = STAGE_COMMITTING;
	p->map.commit_token = p->token;
	p->map.token = CHUNKMAP_NO_TOKEN; /* nobody writes to it any more */
	p->map.open = false;
	status = part_put_page(p, 0, err);
	(void)vrs_fault("mover.target.seal");
	if (status == 0)
		status = p->over ? overlay_commit(p, err) : give_name(p, err);
	if (status == 0 && fsync(p->dir_fd) < 0)
		status = vrs_fail_errno(err, "%s", p->name);
	(void)vrs_fault("mover.target.sealed");
	if (status == 0)
		part_remove_displaced(p);
	if (status == 0 && p->over)
		part_remove_files(p);
	else if (status == 0)
		(void)unlinkat(p->dir_fd, p->map_name, 0);
	part_unlock(p);
	return status;
}

int part_discard(struct part *p, struct vrs_err *err)
{
	atomic_store(&p->failed,
		     false); /* a part that cannot be written may still be removed */
	int status = part_lock(p, err);

	if (status < 0)
		return status;
	part_close_disk(p);
	part_poison(p);
	p->map.stage = STAGE_COMMITTING;
	part_unlock(p);
	return 0;
}
