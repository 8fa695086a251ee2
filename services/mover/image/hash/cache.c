#include "image/hash/cache.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "image/base/boot.h"
#include "vrs/mem.h"

enum {
	STRIPES = 16,
	TICK_NS = 20 * 1000 * 1000, /* two of the slowest clock */
	REST_STEP_NS = 2 * 1000 * 1000,
	CLOCK_JUMP_MS = 60 * 1000, /* more than it can drift in a day */
	ROOM_FACTOR = 4,
	MAX_NAME = 240,
};
#define MAX_IMAGE_BYTES ((uint64_t)1 << 42)

struct hashcache {
	int dir_fd, fd;
	char name[NAME_MAX + 1];
	struct cachefile_head head; /* as the image was when we began */
	int old_fd, new_fd;         /* -1: none */
	uint64_t n_chunks;
	_Atomic uint8_t *is_new; /* one a chunk: look in new_fd */
	pthread_mutex_t stripe[STRIPES];
	_Atomic bool changed, failed;
};

/* --- is the image unchanged, and has it no writer --- */

static int64_t clock_ms(clockid_t id)
{
	struct timespec t;

	(void)clock_gettime(id, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int64_t ns_of(struct timespec t)
{
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static bool describe(struct cachefile_head *ret, int fd)
{
	struct stat st;

	memset(ret, 0, sizeof(*ret));
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return false;
	ret->device = st.st_dev;
	ret->inode = st.st_ino;
	ret->bytes = (uint64_t)st.st_size;
	ret->mtime_ns = ns_of(st.st_mtim);
	ret->ctime_ns = ns_of(st.st_ctim);
	ret->clock_offset_ms = clock_ms(CLOCK_REALTIME) - clock_ms(CLOCK_BOOTTIME);
	boot_id(ret->boot, sizeof(ret->boot));
	return *ret->boot && st.st_ctim.tv_nsec != 0;
}

static bool same_moment(const struct cachefile_head *a, const struct cachefile_head *b)
{
	return a->device == b->device && a->inode == b->inode && a->bytes == b->bytes &&
	       a->mtime_ns == b->mtime_ns && a->ctime_ns == b->ctime_ns &&
	       llabs(a->clock_offset_ms - b->clock_offset_ms) < CLOCK_JUMP_MS &&
	       strcmp(a->boot, b->boot) == 0;
}

/* Any later write gets another time. */
static bool has_rested(const struct cachefile_head *h)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME_COARSE, &now);
	return ns_of(now) > h->ctime_ns + TICK_NS;
}

/* A read lease is granted only while no process can write. A process that opens the file
 * for writing meanwhile waits for microseconds; our signal for it does nothing. */
static bool has_no_writer(int fd)
{
	bool granted =
		fcntl(fd, F_SETSIG, SIGURG) == 0 && fcntl(fd, F_SETLEASE, F_RDLCK) == 0;

	if (granted)
		(void)fcntl(fd, F_SETLEASE, F_UNLCK);
	return granted;
}

/* File systems that no other host can write to. */
static bool is_local(int fd)
{
	static const unsigned long known[] = {
		0xef53,     /* ext2, 3, 4 */
		0x58465342, /* xfs */
		0x9123683e, /* btrfs */
		0x01021994, /* tmpfs */
		0xf2f52010, /* f2fs */
		0x2fc12fc1, /* zfs */
	};
	struct statfs fs;

	if (fstatfs(fd, &fs) < 0)
		return false;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if ((unsigned long)fs.f_type == known[i])
			return true;
	return false;
}

/* --- the file --- */

static void file_name(char buf[NAME_MAX + 1], const char *name, const char *more)
{
	(void)snprintf(buf, NAME_MAX + 1, ".%.*s.vrs-hashes%s", MAX_NAME, name, more);
}

static int open_old(int dir_fd, const char *name, const struct cachefile_head *now,
		    int64_t now_ms, int64_t *ret_since_ms)
{
	char file[NAME_MAX + 1];
	uint8_t bytes[CACHEFILE_HEAD_BYTES];
	struct cachefile_head head;
	struct stat st;

	file_name(file, name, "");
	int fd = openat(dir_fd, file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return -1;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	    (st.st_uid == geteuid() || st.st_uid == 0) && (st.st_mode & 022) == 0 &&
	    pread(fd, bytes, sizeof(bytes), 0) == (ssize_t)sizeof(bytes) &&
	    cachefile_get_head(&head, bytes) && same_moment(&head, now) &&
	    head.since_ms <= now_ms &&
	    now_ms - head.since_ms < HASHCACHE_BEST_BEFORE_MS) {
		*ret_since_ms = head.since_ms;
		return fd;
	}
	(void)close(fd);
	return -1;
}

/* Without a name until it is complete: a killed process leaves nothing behind. */
static int open_new(int dir_fd, uint64_t n_chunks)
{
	struct statvfs fs;
	uint64_t most = cachefile_entry_at(n_chunks);

	if (fstatvfs(dir_fd, &fs) < 0 ||
	    (uint64_t)fs.f_bavail * fs.f_frsize < ROOM_FACTOR * most)
		return -1;
	return openat(dir_fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
}

struct hashcache *hashcache_open(int dir_fd, const char *name, int fd, int64_t now_ms)
{
	struct cachefile_head head;

	if (strlen(name) > MAX_NAME || !describe(&head, fd) || head.bytes == 0 ||
	    head.bytes > MAX_IMAGE_BYTES || !is_local(fd) || !has_no_writer(fd) ||
	    !has_rested(&head))
		return NULL;
	head.since_ms = now_ms;
	int old_fd = open_old(dir_fd, name, &head, now_ms, &head.since_ms);
	int new_fd = open_new(dir_fd, tree_n_chunks(head.bytes));
	if (old_fd < 0 && new_fd < 0)
		return NULL;

	struct hashcache *c = vrs_calloc(1, sizeof(*c));
	c->head = head;
	c->old_fd = old_fd;
	c->new_fd = new_fd;
	c->dir_fd = fcntl(dir_fd, F_DUPFD_CLOEXEC, 0);
	c->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	(void)vrs_strcpy(c->name, sizeof(c->name), name);
	c->n_chunks = tree_n_chunks(head.bytes);
	c->is_new = vrs_calloc(c->n_chunks, 1);
	for (size_t i = 0; i < STRIPES; i++)
		(void)pthread_mutex_init(&c->stripe[i], NULL);
	return c;
}

void hashcache_close(struct hashcache *c)
{
	if (!c)
		return;
	int fds[] = {c->old_fd, c->new_fd, c->dir_fd, c->fd};
	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] >= 0)
			(void)close(fds[i]);
	for (size_t i = 0; i < STRIPES; i++)
		(void)pthread_mutex_destroy(&c->stripe[i]);
	free((void *)c->is_new);
	free(c);
}

void hashcache_get(struct hashcache *c, uint64_t chunk, struct cachefile_entry *ret)
{
	uint8_t bytes[CACHEFILE_ENTRY_BYTES];

	ret->known = 0;
	if (chunk >= c->n_chunks)
		return;
	pthread_mutex_t *lock = &c->stripe[chunk % STRIPES];
	(void)pthread_mutex_lock(lock);
	int fd = atomic_load(&c->is_new[chunk]) ? c->new_fd : c->old_fd;
	if (fd >= 0 && pread(fd, bytes, sizeof(bytes),
			     (off_t)cachefile_entry_at(chunk)) == (ssize_t)sizeof(bytes))
		(void)cachefile_get_entry(ret, chunk, bytes);
	(void)pthread_mutex_unlock(lock);
}

void hashcache_put(struct hashcache *c, uint64_t chunk, const struct cachefile_entry *s)
{
	uint8_t bytes[CACHEFILE_ENTRY_BYTES];

	if (chunk >= c->n_chunks || atomic_load(&c->failed))
		return;
	cachefile_put_entry(bytes, chunk, s);
	pthread_mutex_t *lock = &c->stripe[chunk % STRIPES];
	(void)pthread_mutex_lock(lock);
	if (c->new_fd >= 0 &&
	    pwrite(c->new_fd, bytes, sizeof(bytes), (off_t)cachefile_entry_at(chunk)) ==
		    (ssize_t)sizeof(bytes)) {
		atomic_store(&c->is_new[chunk], 1);
		atomic_store(&c->changed, true);
	} else {
		atomic_store(&c->failed, true); /* no room: it is only a cache */
	}
	(void)pthread_mutex_unlock(lock);
}

/* --- writing it down --- */

/* Copies the entries that were not used this time. */
static bool take_over(struct hashcache *c)
{
	uint8_t bytes[CACHEFILE_ENTRY_BYTES];
	struct cachefile_entry slot;

	for (uint64_t i = 0; c->old_fd >= 0 && i < c->n_chunks; i++) {
		off_t at = (off_t)cachefile_entry_at(i);

		if (atomic_load(&c->is_new[i]))
			continue;
		off_t data = lseek(c->old_fd, at, SEEK_DATA); /* holes are many */
		if (data < 0)
			break;
		if (data >= at + CACHEFILE_ENTRY_BYTES)
			continue;
		if (pread(c->old_fd, bytes, sizeof(bytes), at) !=
			    (ssize_t)sizeof(bytes) ||
		    !cachefile_get_entry(&slot, i, bytes))
			continue;
		if (pwrite(c->new_fd, bytes, sizeof(bytes), at) != (ssize_t)sizeof(bytes))
			return false;
	}
	return true;
}

static void give_name(struct hashcache *c)
{
	char from[40], file[NAME_MAX + 1], fresh[NAME_MAX + 1];

	(void)snprintf(from, sizeof(from), "/proc/self/fd/%d", c->new_fd);
	file_name(file, c->name, "");
	file_name(fresh, c->name, "-new");
	(void)unlinkat(c->dir_fd, fresh, 0);
	if (linkat(AT_FDCWD, from, c->dir_fd, fresh, AT_SYMLINK_FOLLOW) == 0 &&
	    renameat(c->dir_fd, fresh, c->dir_fd, file) < 0)
		(void)unlinkat(c->dir_fd, fresh, 0);
}

static void write_down(struct hashcache *c, struct cachefile_head *now)
{
	uint8_t bytes[CACHEFILE_HEAD_BYTES];

	now->since_ms = c->head.since_ms;
	cachefile_put_head(bytes, now);
	if (pwrite(c->new_fd, bytes, sizeof(bytes), 0) == (ssize_t)sizeof(bytes))
		give_name(c);
}

void hashcache_save(struct hashcache *c)
{
	struct cachefile_head now;

	if (atomic_load(&c->changed) && !atomic_load(&c->failed) && take_over(c) &&
	    has_no_writer(c->fd) && describe(&now, c->fd) && same_moment(&now, &c->head))
		write_down(c, &now);
}

bool hashcache_hold(struct hashcache *c, int fd)
{
	struct cachefile_head now;

	if (c->fd >= 0) /* it would be a second descriptor of the file */
		(void)close(c->fd);
	c->fd = -1;
	return !atomic_load(&c->failed) && fcntl(fd, F_SETSIG, SIGURG) == 0 &&
	       fcntl(fd, F_SETLEASE, F_WRLCK) == 0 && describe(&now, fd) &&
	       same_moment(&now, &c->head);
}

void hashcache_save_held(struct hashcache *c, int fd)
{
	struct cachefile_head now;
	bool ok = c->new_fd >= 0 && !atomic_load(&c->failed) && take_over(c) &&
		  describe(&now, fd);

	while (ok && !has_rested(&now) && fcntl(fd, F_GETLEASE) == F_WRLCK) {
		struct timespec step = {0, REST_STEP_NS};

		(void)nanosleep(&step, NULL);
	}
	if (ok && !atomic_load(&c->changed) && same_moment(&now, &c->head))
		return; /* what is written down is true */
	/* no other process has tried to open it since */
	if (ok && fcntl(fd, F_GETLEASE) == F_WRLCK)
		write_down(c, &now);
}

void hashcache_remove(int dir_fd, const char *name)
{
	char file[NAME_MAX + 1];

	file_name(file, name, "");
	(void)unlinkat(dir_fd, file, 0);
}
