#include "ssh/sftp.h"

#include <errno.h>
#include <fcntl.h>
#include <libssh/sftp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "ssh/parts.h"
#include "vrs/mem.h"

enum {
	LARGE_WRITE = 255 << 10, /* if the server announces its limits (OpenSSH) */
	SMALL_WRITE = 32 << 10,  /* accepted by every server */
	READ_BYTES = 32 << 10,
	MAX_READS = 16,
	SILENCE_MS = 30000,
};

struct sftp_side {
	struct login *login;
	ssh_session session; /* the login's */
	sftp_session sftp;
	size_t write_bytes;
	bool can_sync;
};

struct sftp_side_file {
	struct sftp_side *side;
	sftp_file file;
	char *path;
};

static int failed(struct sftp_side *s, const char *path, const char *doing,
		  struct vrs_err *err)
{
	int code = sftp_get_error(s->sftp);

	if (!ssh_is_connected(s->session) || code == SSH_FX_CONNECTION_LOST ||
	    code == SSH_FX_NO_CONNECTION)
		return vrs_fail(err, VRS_ECONN, "connection lost: %s",
				ssh_get_error(s->session));
	switch (code) {
	case SSH_FX_NO_SUCH_FILE:
	case SSH_FX_NO_SUCH_PATH:
		return vrs_fail(err, VRS_ENOENT, "%s: No such file or directory", path);
	case SSH_FX_PERMISSION_DENIED:
	case SSH_FX_WRITE_PROTECT:
		return vrs_fail(err, VRS_EDENIED, "%s: Permission denied", path);
	case SSH_FX_OP_UNSUPPORTED:
		return vrs_fail(err, VRS_EUNSUPPORTED, "%s: the server cannot %s", path,
				doing);
	default: /* SFTP has no status for a full disk */
		return vrs_fail(err, VRS_EIO, "%s: cannot %s (SFTP status %d)", path,
				doing, code);
	}
}

/* The calls of libssh have no timeout, so TCP must detect a lost host. */
static void bound_silence(ssh_session session)
{
	int fd = ssh_get_fd(session), on = 1, ms = SILENCE_MS, idle_s = 10, every_s = 5;

	(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof(idle_s));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &every_s, sizeof(every_s));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, sizeof(ms));
}

int sftp_side_open(struct sftp_side **ret, const struct ssh_conf *conf,
		   const struct place *place, struct vrs_err *err)
{
	struct sftp_side *s = vrs_calloc(1, sizeof(*s));
	int status = login_open(&s->login, conf, place, err);

	if (status == 0) {
		s->session = s->login->session;
		bound_silence(s->session);
		s->sftp = sftp_new(s->session);
		if (!s->sftp || sftp_init(s->sftp) != SSH_OK)
			status = vrs_fail(err, VRS_EUNSUPPORTED,
					  "the host does not offer SFTP: %s",
					  ssh_get_error(s->session));
	}
	if (status < 0) {
		sftp_side_close(s);
		return status;
	}
	s->write_bytes = sftp_extension_supported(s->sftp, "limits@openssh.com", "1")
				 ? LARGE_WRITE
				 : SMALL_WRITE;
	s->can_sync = sftp_extension_supported(s->sftp, "fsync@openssh.com", "1") != 0;
	*ret = s;
	return 0;
}

void sftp_side_close(struct sftp_side *s)
{
	if (!s)
		return;
	if (s->sftp)
		sftp_free(s->sftp);
	login_close(s->login);
	free(s);
}

static void stat_space(struct sftp_side *s, const char *path, struct wire_stat *ret)
{
	char *dir = vrs_strdup(path), *slash = strrchr(dir, '/');

	if (slash)
		slash[slash == dir] = '\0';
	sftp_statvfs_t fs = sftp_statvfs(s->sftp, dir);
	if (fs) {
		ret->fs_free_bytes = fs->f_bavail * fs->f_frsize;
		ret->fs_total_bytes = fs->f_blocks * fs->f_frsize;
		sftp_statvfs_free(fs);
	} else { /* unknown: no limit */
		ret->fs_free_bytes = ret->fs_total_bytes = UINT64_MAX;
	}
	free(dir);
}

int sftp_side_stat(struct sftp_side *s, const char *path, char *ret_kind,
		   struct wire_stat *ret, struct vrs_err *err)
{
	struct wire_stat st = {0};
	sftp_attributes a = sftp_lstat(s->sftp, path);

	*ret_kind = 0;
	if (!a && sftp_get_error(s->sftp) != SSH_FX_NO_SUCH_FILE)
		return failed(s, path, "stat it", err);
	if (a) {
		*ret_kind = a->type == SSH_FILEXFER_TYPE_REGULAR   ? 'f'
			    : a->type == SSH_FILEXFER_TYPE_SYMLINK ? 'l'
								   : '?';
		st.file_bytes = st.allocated_bytes = a->size;
		st.mtime_ns = (uint64_t)a->mtime * 1000000000u;
		sftp_attributes_free(a);
	}
	stat_space(s, path, &st);
	*ret = st;
	return 0;
}

int sftp_side_file_open(struct sftp_side *s, const char *path, int flags,
			struct sftp_side_file **ret, struct vrs_err *err)
{
	sftp_file file = sftp_open(s->sftp, path, flags, 0600);

	if (!file)
		return failed(s, path, flags & O_CREAT ? "create it" : "open it", err);
	struct sftp_side_file *f = vrs_calloc(1, sizeof(*f));
	*f = (struct sftp_side_file){s, file, vrs_strdup(path)};
	*ret = f;
	return 0;
}

void sftp_side_file_close(struct sftp_side_file *f)
{
	if (!f)
		return;
	(void)sftp_close(f->file);
	free(f->path);
	free(f);
}

/* One after the other, for what came short. */
static int read_slowly(struct sftp_side_file *f, uint8_t *buf, uint64_t off, size_t len,
		       struct vrs_err *err)
{
	for (size_t done = 0; done < len;) {
		size_t want = len - done < READ_BYTES ? len - done : READ_BYTES;

		(void)sftp_seek64(f->file, off + done);
		ssize_t n = sftp_read(f->file, buf + done, want);
		if (n < 0)
			return failed(f->side, f->path, "read it", err);
		if (n == 0)
			return vrs_fail(err, VRS_EIO, "%s: the image was truncated",
					f->path);
		done += (size_t)n;
	}
	return 0;
}

static int read_some(struct sftp_side_file *f, uint8_t *buf, uint64_t off, size_t len,
		     struct vrs_err *err)
{
	int id[MAX_READS];
	size_t n = (len + READ_BYTES - 1) / READ_BYTES, n_sent = 0;
	int status = 0;

	(void)sftp_seek64(f->file, off);
	for (; n_sent < n; n_sent++) {
		size_t left = len - n_sent * READ_BYTES;

		id[n_sent] = sftp_async_read_begin(
			f->file, (uint32_t)(left < READ_BYTES ? left : READ_BYTES));
		if (id[n_sent] < 0)
			break;
	}
	if (n_sent < n)
		return failed(f->side, f->path, "read it", err);
	for (size_t i = 0; i < n; i++) {
		size_t at = i * READ_BYTES;
		size_t want = len - at < READ_BYTES ? len - at : READ_BYTES;
		int got = sftp_async_read(f->file, buf + at, (uint32_t)want,
					  (uint32_t)id[i]);

		if (got < 0 && status == 0)
			status = failed(f->side, f->path, "read it", err);
		if (status == 0 && (size_t)got < want)
			status = read_slowly(f, buf + at + got, off + at + (size_t)got,
					     want - (size_t)got, err);
	}
	return status;
}

int sftp_side_read(struct sftp_side_file *f, void *buf, uint64_t off, size_t len,
		   struct vrs_err *err)
{
	int status = 0;

	for (size_t done = 0; done < len && status == 0;) {
		size_t n = len - done < (size_t)MAX_READS * READ_BYTES
				   ? len - done
				   : (size_t)MAX_READS * READ_BYTES;

		status = read_some(f, (uint8_t *)buf + done, off + done, n, err);
		done += n;
	}
	return status;
}

int sftp_side_write(struct sftp_side_file *f, const void *buf, uint64_t off, size_t len,
		    struct vrs_err *err)
{
	(void)sftp_seek64(f->file, off);
	for (size_t done = 0; done < len;) {
		size_t want = len - done < f->side->write_bytes ? len - done
								: f->side->write_bytes;
		ssize_t n = sftp_write(f->file, (const char *)buf + done, want);

		if (n <= 0)
			return failed(f->side, f->path, "write it", err);
		done += (size_t)n;
	}
	return 0;
}

bool sftp_side_can_sync(struct sftp_side *s)
{
	return s->can_sync;
}

int sftp_side_sync(struct sftp_side_file *f, struct vrs_err *err)
{
	if (!f->side->can_sync)
		return 0;
	return sftp_fsync(f->file) == 0 ? 0 : failed(f->side, f->path, "flush it", err);
}

int sftp_side_resize(struct sftp_side *s, const char *path, uint64_t bytes,
		     struct vrs_err *err)
{
	struct sftp_attributes_struct a = {.flags = SSH_FILEXFER_ATTR_SIZE,
					   .size = bytes};

	return sftp_setstat(s->sftp, path, &a) == 0 ? 0
						    : failed(s, path, "resize it", err);
}

int sftp_side_rename(struct sftp_side *s, const char *from, const char *to,
		     struct vrs_err *err)
{
	return sftp_rename(s->sftp, from, to) == 0 ? 0 : failed(s, to, "rename it", err);
}

int sftp_side_unlink(struct sftp_side *s, const char *path, struct vrs_err *err)
{
	if (sftp_unlink(s->sftp, path) == 0 ||
	    sftp_get_error(s->sftp) == SSH_FX_NO_SUCH_FILE)
		return 0;
	return failed(s, path, "remove it", err);
}
