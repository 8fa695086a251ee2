#include "image/serve/remove.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image/disk/disk.h"
#include "image/hash/cache.h"
#include "image/part/displaced.h"
#include "image/part/part.h"
#include "vrs/fault.h"

/* The name still leads to the file that was looked at. */
static int take_away(int dir_fd, const char *name, int fd, struct vrs_err *err)
{
	struct stat seen, now;

	if (fstat(fd, &seen) < 0 || fstatat(dir_fd, name, &now, AT_SYMLINK_NOFOLLOW) < 0)
		return vrs_fail_errno(err, "cannot stat");
	if (!S_ISREG(seen.st_mode))
		return vrs_fail(err, VRS_EINVAL, "not a regular file: not removed");
	if (seen.st_dev != now.st_dev || seen.st_ino != now.st_ino)
		return vrs_fail(err, VRS_ECONFLICT, "another file now has that name");
	int status = disk_is_free(fd, err);
	if (status < 0)
		return status;
	(void)vrs_fault("mover.before_remove");
	if (unlinkat(dir_fd, name, 0) < 0 || fsync(dir_fd) < 0)
		return vrs_fail_errno(err, "cannot remove");
	return 0;
}

int image_remove(const struct sandbox *b, const char *path, const char *job,
		 uint64_t token, struct vrs_err *err)
{
	int dir_fd = -1, fd = -1;
	const char *name;
	int status = part_forget(b, path, job, token, err);

	if (status < 0 || (status = sandbox_dir(b, path, &dir_fd, &name, err)) < 0)
		return status;
	/* not blocking: what is there may be a pipe */
	status = sandbox_open(b, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, &fd, err);
	bool found = status == 0;
	if (status == 0) {
		status = take_away(dir_fd, name, fd, err);
		(void)close(fd);
	} else if (status == VRS_ENOENT) {
		status = 0; /* twice is once */
	}
	if (status == 0) {
		(void)displaced_remove(dir_fd, name, NULL);
		hashcache_remove(dir_fd, name);
	}
	(void)close(dir_fd);
	return status < 0 ? status : found;
}
