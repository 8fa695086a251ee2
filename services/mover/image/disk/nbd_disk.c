#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "image/base/tree.h"
#include "image/disk/disk.h"
#include "image/disk/nbd_client.h"
#include "image/disk/outside_refs.h"
#include "image/disk/qemu_tools.h"
#include "vrs/mem.h"

/* Above the descriptors that vrs_proc_start rearranges. */
enum { CHILD_FD_FLOOR = 10 };

struct disk_nbd {
	struct disk disk;
	pthread_mutex_t lock; /* one request at a time */
	struct nbd *nbd;
	struct qemu_nbd qemu;
	/* the newest extent: QEMU is slow to find them in fragmented images */
	uint64_t run_from;
	struct disk_run run;
};

static struct disk_nbd *of(struct disk *d)
{
	return (struct disk_nbd *)d;
}

/* When qemu-nbd ended early, the last line of its stderr is the reason. */
static int why(struct disk_nbd *n, int status, struct vrs_err *err)
{
	if (status < 0 && err && strstr(err->text, "closed the connection") &&
	    n->qemu.pid > 0) {
		struct vrs_err reason = {0};

		if (qemu_nbd_end(&n->qemu, &reason) < 0)
			*err = reason;
	}
	return err && status < 0 ? err->code : status;
}

static int n_read(struct disk *d, void *buf, uint64_t off, size_t len,
		  struct vrs_err *err)
{
	struct disk_nbd *n = of(d);

	(void)pthread_mutex_lock(&n->lock);
	int status = why(n, nbd_read(n->nbd, buf, off, len, err), err);
	(void)pthread_mutex_unlock(&n->lock);
	return status;
}

static int n_write(struct disk *d, const void *buf, uint64_t off, size_t len,
		   struct vrs_err *err)
{
	struct disk_nbd *n = of(d);

	(void)pthread_mutex_lock(&n->lock);
	n->run.end = 0;
	int status = why(n, nbd_write(n->nbd, buf, off, len, err), err);
	(void)pthread_mutex_unlock(&n->lock);
	return status;
}

static int n_zero(struct disk *d, uint64_t off, uint64_t len, struct vrs_err *err)
{
	struct disk_nbd *n = of(d);

	(void)pthread_mutex_lock(&n->lock);
	n->run.end = 0;
	int status = why(n, nbd_zero(n->nbd, off, len, err), err);
	(void)pthread_mutex_unlock(&n->lock);
	return status;
}

static int find_run(struct disk_nbd *n, uint64_t off, uint64_t end, struct disk_run *ret,
		    struct vrs_err *err)
{
	if (off < n->run_from || off >= n->run.end) {
		int status = nbd_status(n->nbd, off, n->disk.size, &n->run, err);

		if (status < 0)
			return why(n, status, err);
		n->run_from = off;
	}
	*ret = n->run;
	if (ret->end > end)
		ret->end = end;
	return 0;
}

static int n_extent(struct disk *d, uint64_t off, uint64_t end, struct disk_run *ret,
		    struct vrs_err *err)
{
	struct disk_nbd *n = of(d);

	(void)pthread_mutex_lock(&n->lock);
	int status = find_run(n, off, end, ret, err);
	(void)pthread_mutex_unlock(&n->lock);
	return status;
}

static int n_flush(struct disk *d, struct vrs_err *err)
{
	struct disk_nbd *n = of(d);

	(void)pthread_mutex_lock(&n->lock);
	int status = why(n, nbd_flush(n->nbd, err), err);
	(void)pthread_mutex_unlock(&n->lock);
	return status;
}

static void n_close(struct disk *d)
{
	struct disk_nbd *n = of(d);

	nbd_close(n->nbd);
	if (n->qemu.pid > 0)
		(void)qemu_nbd_end(&n->qemu, NULL);
	(void)pthread_mutex_destroy(&n->lock);
	free(n);
}

/* A socket that no other process can reach: its name is removed once we are connected. */
static int private_socket(int *ret_listen, int *ret_connected, struct vrs_err *err)
{
	char dir[] = "/tmp/vrs-image-XXXXXX";
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int listen_fd = -1, fd = -1, status = 0;

	if (!mkdtemp(dir))
		return vrs_fail_errno(err, "%s", dir);
	(void)snprintf(at.sun_path, sizeof(at.sun_path), "%s/s", dir);
	listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (listen_fd < 0 || fd < 0 ||
	    bind(listen_fd, (struct sockaddr *)&at, sizeof(at)) < 0 ||
	    listen(listen_fd, 1) < 0 ||
	    connect(fd, (struct sockaddr *)&at, sizeof(at)) < 0)
		status = vrs_fail_errno(err, "%s", at.sun_path);
	(void)unlink(at.sun_path);
	(void)rmdir(dir);
	if (status < 0) {
		if (listen_fd >= 0)
			(void)close(listen_fd);
		if (fd >= 0)
			(void)close(fd);
		return status;
	}
	*ret_listen = listen_fd;
	*ret_connected = fd;
	return 0;
}

/* qemu-nbd with image descriptors that it inherits, on a socket of ours. */
static int start(struct disk_nbd *n, const char *const *argv, const int *fds,
		 size_t n_fds, struct vrs_err *err)
{
	struct vrs_proc p = {.argv = argv, .keep_fd = fds, .n_keep = n_fds};
	int fd = -1;
	int status = private_socket(&p.listen_fd, &fd, err);

	if (status < 0)
		return status;
	status = qemu_nbd_start(&n->qemu, &p, err);
	(void)close(p.listen_fd);
	if (status < 0) {
		(void)close(fd);
		return status;
	}
	struct timeval wait = {.tv_sec = 120};
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	return why(n, nbd_open(&n->nbd, fd, err), err);
}

static int start_one(struct disk_nbd *n, const char *format, bool writable,
		     struct vrs_err *err)
{
	char path[40];
	int image_fd = fcntl(n->disk.fd, F_DUPFD_CLOEXEC, CHILD_FD_FLOOR);

	if (image_fd < 0)
		return vrs_fail_errno(err, "cannot duplicate the descriptor");
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", image_fd);
	const char *argv[] = {"qemu-nbd",
			      "-f",
			      format,
			      writable ? "--discard=unmap" : "--read-only",
			      "--cache=writeback",
			      "--aio=threads",
			      path,
			      NULL};
	int status = start(n, argv, &image_fd, 1, err);
	(void)close(image_fd);
	return status;
}

/* Every layer by its descriptor, so that no name in an image is followed. */
static int start_chain(struct disk_nbd *n, const struct disk_layers *l,
		       struct vrs_err *err)
{
	struct vrs_text opts = {0}, prefix = {0};
	int copy[DISK_MAX_LAYERS], status = 0;
	size_t n_copies = 0;

	for (; n_copies < l->n; n_copies++) {
		int fd = fcntl(l->fd[n_copies], F_DUPFD_CLOEXEC, CHILD_FD_FLOOR);

		if (fd < 0) {
			status = vrs_fail_errno(err, "cannot duplicate the descriptor");
			break;
		}
		copy[n_copies] = fd;
		const char *before = prefix.text ? prefix.text : "";
		vrs_text_add(&opts,
			     "%s%sdriver=%s,%sfile.driver=file,%sfile.filename="
			     "/proc/self/fd/%d",
			     n_copies ? "," : "", before, l->format[n_copies], before,
			     before, fd);
		vrs_text_add(&prefix, "backing.");
	}
	const char *argv[] = {
		"qemu-nbd",      "--image-opts", "--read-only", "--cache=writeback",
		"--aio=threads", opts.text,      NULL};
	if (status == 0)
		status = start(n, argv, copy, n_copies, err);
	while (n_copies > 0)
		(void)close(copy[--n_copies]);
	vrs_text_fini(&opts);
	vrs_text_fini(&prefix);
	return status;
}

static const struct disk_ops ops = {.read = n_read,
				    .write = n_write,
				    .zero = n_zero,
				    .extent = n_extent,
				    .flush = n_flush,
				    .close = n_close};

static struct disk_nbd *disk_new(int fd)
{
	struct disk_nbd *n = vrs_calloc(1, sizeof(*n));

	n->disk = (struct disk){.ops = &ops, .fd = fd};
	(void)pthread_mutex_init(&n->lock, NULL);
	return n;
}

static int finish_open(struct disk **ret, struct disk_nbd *n, int status,
		       struct vrs_err *err)
{
	if (status == 0) {
		n->disk.size = nbd_size(n->nbd);
		if (n->disk.size > TREE_MAX_DISK_BYTES)
			status = vrs_fail(err, VRS_EUNSUPPORTED,
					  "the image is larger than 64 TiB");
	}
	if (status < 0) {
		n_close(&n->disk);
		return status;
	}
	*ret = &n->disk;
	return 0;
}

int disk_nbd_open(struct disk **ret, int fd, const char *format, bool writable,
		  struct vrs_err *err)
{
	int status = outside_refs_check(fd, format, err);

	if (status < 0)
		return status;
	struct disk_nbd *n = disk_new(fd);
	return finish_open(ret, n, start_one(n, format, writable, err), err);
}

int disk_nbd_open_chain(struct disk **ret, const struct disk_layers *layers,
			struct vrs_err *err)
{
	struct disk_nbd *d = disk_new(layers->fd[0]);

	return finish_open(ret, d, start_chain(d, layers, err), err);
}
