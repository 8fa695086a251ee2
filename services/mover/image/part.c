#include "image/part.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "image/clone.h"
#include "image/tree.h"
#include "image/wire.h"
#include "vrs/fault.h"
#include "vrs/mem.h"

enum { TAKEOVER_WAIT_MS = 5000, TAKEOVER_STEP_MS = 20 };

struct part {
	const struct beneath *beneath;
	int dir_fd, map_fd, part_fd; /* part_fd: held with a shared lock while we live */
	char name[NAME_MAX + 1], part_name[NAME_MAX + 1], map_name[NAME_MAX + 1];
	char format[16];
	uint64_t token;
	bool raw;
	bool replaces;   /* the image under the name is the base that we replace */
	bool keep_aside; /* ... or something that is kept under another name */
	struct stat base;
	bool failed; /* a write failed: nothing is believed until it is opened again */
	struct disk *disk;
	struct chunkmap map;
	uint8_t *began_empty; /* one a chunk: where we skipped zeros, zeros are */
};

const struct chunkmap *part_map(const struct part *p)
{
	return &p->map;
}

struct disk *part_disk(struct part *p)
{
	return p->disk;
}

/* --- the map file --- */

static int put_page(struct part *p, size_t page, struct vrs_err *err)
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

static int put_all_pages(struct part *p, struct vrs_err *err)
{
	for (size_t i = chunkmap_n_pages(&p->map); i-- > 0;) { /* head last */
		int status = put_page(p, i, err);

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

/* Takes the lock and checks that nobody came after us. */
static int enter(struct part *p, int how, struct vrs_err *err)
{
	uint8_t token[8];

	if (p->failed)
		return vrs_fail(err, VRS_EIO, "an earlier write failed");
	while (flock(p->map_fd, how) < 0)
		if (errno != EINTR)
			return vrs_fail_errno(err, "%s", p->map_name);
	if (pread(p->map_fd, token, 8, CHUNKMAP_TOKEN_OFFSET) == 8 &&
	    wire_get64(token) == p->token)
		return 0;
	(void)flock(p->map_fd, LOCK_UN);
	return vrs_fail(err, VRS_ECONFLICT, "a later transfer has taken over");
}

static void leave(struct part *p)
{
	(void)flock(p->map_fd, LOCK_UN);
}

/* --- opening --- */

static void boot_id(char *buf, size_t size)
{
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, buf, size - 1);

	if (fd >= 0)
		(void)close(fd);
	buf[n > 0 ? n : 0] = '\0';
	buf[strcspn(buf, "\n")] = '\0';
}

static void pause_ms(long ms)
{
	struct timespec t = {ms / 1000, (ms % 1000) * 1000000};

	(void)nanosleep(&t, NULL);
}

/* An exclusive lock, waiting a little for somebody who is in the middle of a write. */
static int lock_within(int fd, struct vrs_err *err)
{
	for (int waited = 0;; waited += TAKEOVER_STEP_MS) {
		if (flock(fd, LOCK_EX | LOCK_NB) == 0)
			return 0;
		if (errno != EWOULDBLOCK && errno != EINTR)
			return vrs_fail_errno(err, "lock");
		if (waited >= TAKEOVER_WAIT_MS)
			return vrs_fail(err, VRS_ECONFLICT,
					"another transfer is writing it");
		pause_ms(TAKEOVER_STEP_MS);
	}
}

/* Reads what the map says; VRS_ENOENT: there is none that is of use. */
static int read_map(struct part *p, struct vrs_err *err)
{
	uint8_t bytes[CHUNKMAP_PAGE_BYTES];

	if (get_page(p, 0, bytes) < 0 || chunkmap_read_head(&p->map, bytes, NULL) < 0)
		return vrs_fail(err, VRS_ENOENT, "no map");
	for (size_t i = 1; i < chunkmap_n_pages(&p->map); i++)
		if (get_page(p, i, bytes) == 0)
			(void)chunkmap_read_page(&p->map, i, bytes);
	return 0;
}

static void remove_both(struct part *p)
{
	(void)unlinkat(p->dir_fd, p->part_name, 0);
	(void)unlinkat(p->dir_fd, p->map_name, 0);
}

/* Makes the old map refuse its writers for ever, then takes both names away. Called with
 * the map locked. */
static void poison_and_remove(struct part *p)
{
	uint8_t none[8];

	wire_put64(none, CHUNKMAP_NO_TOKEN);
	(void)!pwrite(p->map_fd, none, sizeof(none), CHUNKMAP_TOKEN_OFFSET);
	remove_both(p);
}

/* May we throw away the part of another job? Not while its writer lives. */
static int nobody_writes(struct part *p, struct vrs_err *err)
{
	int fd = openat(p->dir_fd, p->part_name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return 0;
	int status = flock(fd, LOCK_EX | LOCK_NB);
	(void)close(fd);
	return status < 0 ? vrs_fail(err, VRS_ECONFLICT,
				     "the transfer %s is still writing it", p->map.job)
			  : 0;
}

/* Chunks that cannot be taken as they are: everything when the source is another one,
 * what was not on the disk yet when the machine was started anew or when QEMU kept
 * metadata in its memory. */
static int weigh_states(struct part *p, const char *identity, const char *boot,
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
			uint64_t off = c << TREE_CHUNK_SHIFT, end;
			bool data;
			int status = p->disk->ops->extent(
				p->disk, off, off + tree_chunk_bytes(p->disk->size, c),
				&end, &data, err);

			if (status < 0)
				return status;
			if (data || end < off + tree_chunk_bytes(p->disk->size, c))
				*s = CHUNK_DOUBT;
		}
	}
	return 0;
}

static int open_disk(struct part *p, bool writable, struct vrs_err *err)
{
	for (int waited = 0;; waited += TAKEOVER_STEP_MS) {
		int fd = openat(p->dir_fd, p->part_name,
				(writable ? O_RDWR : O_RDONLY) | O_NOFOLLOW | O_CLOEXEC);

		if (fd < 0)
			return vrs_fail_errno(err, "%s", p->part_name);
		if (!writable)
			(void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
		int status = disk_open(&p->disk, fd, p->format, writable, err);
		/* the qemu-nbd of a try that was cut off may need a moment to end */
		if (status != VRS_ECONFLICT || waited >= TAKEOVER_WAIT_MS)
			return status;
		pause_ms(TAKEOVER_STEP_MS);
	}
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
	int from, status = beneath_open(p->beneath, base, O_RDONLY, &from, err);

	if (status < 0)
		return status;
	int to = openat(p->dir_fd, p->part_name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC,
			0600);
	status = to < 0 ? vrs_fail_errno(err, "%s", p->part_name)
			: clone_file(from, to, err);
	(void)close(from);
	if (to >= 0)
		(void)close(to);
	return status < 0 ? vrs_context(err, "clone %s", base) : 0;
}

static void copy_text(char *to, size_t size, const char *from)
{
	memset(to, 0, size);
	(void)vrs_strcpy(to, size, from);
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
	p->map.stage = STAGE_CLONING;
	copy_text(p->map.job, sizeof(p->map.job), w->job);
	copy_text(p->map.format, sizeof(p->map.format), w->format);
	copy_text(p->map.boot, sizeof(p->map.boot), boot);
	copy_text(p->map.identity, sizeof(p->map.identity), w->identity);
	if (clone)
		memset(p->map.state, CHUNK_DOUBT, p->map.n_chunks);
	if ((status = put_all_pages(p, err)) < 0)
		return status;
	status = clone ? clone_base(p, w->base, err) : create_part(p, w->disk_bytes, err);
	if (status < 0)
		return status;
	(void)vrs_fault("mover.target.begin");
	p->map.stage = STAGE_OPEN;
	return put_page(p, 0, err);
}

/* Is what we found the part of this job, in a state that can go on? */
static bool can_go_on(const struct part *p, const struct part_want *w)
{
	struct stat st;

	return strcmp(p->map.job, w->job) == 0 && p->map.stage != STAGE_CLONING &&
	       strcmp(p->map.format, w->format) == 0 &&
	       p->map.disk_bytes == w->disk_bytes &&
	       fstatat(p->dir_fd, p->part_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       S_ISREG(st.st_mode);
}

static int open_map_file(struct part *p, struct vrs_err *err)
{
	for (int tries = 0; tries < 8; tries++) {
		struct stat ours, named;

		p->map_fd = openat(p->dir_fd, p->map_name,
				   O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (p->map_fd < 0)
			return vrs_fail_errno(err, "%s", p->map_name);
		int status = lock_within(p->map_fd, err);
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
	return vrs_fail(err, VRS_ECONFLICT, "others keep taking it away");
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
	int status = put_page(p, 0, err); /* from here on the older one is refused */
	if (status == 0)
		status = open_disk(p, true, err);
	if (status == 0)
		status = weigh_states(p, w->identity, boot, err);
	if (status < 0)
		return status;
	p->map.open = true;
	copy_text(p->map.boot, sizeof(p->map.boot), boot);
	copy_text(p->map.identity, sizeof(p->map.identity), w->identity);
	return put_all_pages(p, err);
}

static int find_or_begin(struct part *p, const struct part_want *w, unsigned *ret_flags,
			 struct vrs_err *err)
{
	char boot[sizeof(p->map.boot)];
	int status = open_map_file(p, err);

	if (status < 0)
		return status;
	boot_id(boot, sizeof(boot));
	bool found = read_map(p, NULL) == 0;
	uint64_t owner =
		p->map.stage == STAGE_SEALING ? p->map.sealing_token : p->map.token;
	if (found && strcmp(p->map.job, w->job) == 0 && w->token < owner)
		return vrs_fail(err, VRS_ECONFLICT,
				"token %llu is older than %llu of the transfer that "
				"has taken over",
				(unsigned long long)w->token, (unsigned long long)owner);
	if (found && can_go_on(p, w))
		return take_over(p, w, boot, ret_flags, err);
	if (found && (status = nobody_writes(p, err)) < 0)
		return status;
	if (found || faccessat(p->dir_fd, p->part_name, F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
		poison_and_remove(p);
		chunkmap_fini(&p->map);
		(void)close(p->map_fd);
		p->map_fd = -1;
		if ((status = open_map_file(p, err)) < 0)
			return status;
	}
	*ret_flags = *w->base ? WIRE_TARGET_CLONED : 0;
	status = begin(p, w, boot, err);
	if (status == 0)
		status = open_disk(p, true, err);
	if (status < 0)
		remove_both(p);
	return status;
}

/* The image's own name must be free, or be the base that this job replaces. */
static int look_at_name(struct part *p, const struct part_want *w, struct vrs_err *err)
{
	if (fstatat(p->dir_fd, p->name, &p->base, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : vrs_fail_errno(err, "%s", w->path);
	p->replaces = strcmp(w->base, w->path) == 0;
	p->keep_aside = !p->replaces && w->keep_aside;
	return p->replaces || p->keep_aside
		       ? 0
		       : vrs_fail(err, VRS_ECONFLICT, "it exists already");
}

static int name_files(struct part *p, const char *name, struct vrs_err *err)
{
	if (strlen(name) + sizeof("..vrs-part") > NAME_MAX)
		return vrs_fail(err, VRS_EINVAL, "the name is too long");
	(void)vrs_strcpy(p->name, sizeof(p->name), name);
	(void)snprintf(p->part_name, sizeof(p->part_name), ".%.240s.vrs-part", name);
	(void)snprintf(p->map_name, sizeof(p->map_name), ".%.240s.vrs-map", name);
	return 0;
}

int part_open(struct part **ret, const struct beneath *b, const struct part_want *w,
	      unsigned *ret_flags, struct vrs_err *err)
{
	struct part *p = vrs_calloc(1, sizeof(*p));
	const char *name = "";
	int status;

	p->beneath = b;
	p->dir_fd = p->map_fd = p->part_fd = -1;
	p->token = w->token;
	p->raw = disk_format_is_raw(w->format);
	(void)vrs_strcpy(p->format, sizeof(p->format), w->format);
	if (!disk_format_ok(w->format))
		status = vrs_fail(err, VRS_EUNSUPPORTED, "format %s is not known",
				  w->format);
	else if (w->token == CHUNKMAP_NO_TOKEN || strlen(w->job) >= sizeof(p->map.job) ||
		 strlen(w->identity) >= sizeof(p->map.identity))
		status = vrs_fail(err, VRS_EINVAL, "job, identity or token is too long");
	else
		status = beneath_dir(b, w->path, &p->dir_fd, &name, err);
	if (status == 0 && (status = name_files(p, name, err)) == 0 &&
	    (status = look_at_name(p, w, err)) == 0)
		status = find_or_begin(p, w, ret_flags, err);
	if (status == 0 && p->disk->size != w->disk_bytes)
		status = vrs_fail(err, VRS_EUNSUPPORTED,
				  "format %s cannot hold exactly %llu bytes (it makes "
				  "%llu)",
				  w->format, (unsigned long long)w->disk_bytes,
				  (unsigned long long)p->disk->size);
	if (status == 0) {
		p->part_fd = openat(p->dir_fd, p->part_name,
				    O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
		if (p->part_fd < 0 || flock(p->part_fd, LOCK_SH | LOCK_NB) < 0)
			status = vrs_fail_errno(err, "%s", p->part_name);
	}
	if (p->map_fd >= 0)
		leave(p);
	if (status < 0) {
		p->failed = true;
		part_close(p);
		return status;
	}
	p->began_empty = vrs_calloc(p->map.n_chunks, 1);
	*ret = p;
	return 0;
}

void part_close(struct part *p)
{
	if (!p)
		return;
	if (!p->failed && p->map_fd >= 0 && p->map.stage == STAGE_OPEN &&
	    part_sync(p, NULL) == 0 && enter(p, LOCK_EX, NULL) == 0) {
		p->map.open = false;
		(void)put_page(p, 0, NULL);
		leave(p);
	}
	disk_close(p->disk);
	chunkmap_fini(&p->map);
	free(p->began_empty);
	if (p->part_fd >= 0)
		(void)close(p->part_fd);
	if (p->map_fd >= 0)
		(void)close(p->map_fd);
	if (p->dir_fd >= 0)
		(void)close(p->dir_fd);
	free(p);
}

/* --- writing --- */

/* Says in the map that a chunk is being changed, before it is. */
static int touch(struct part *p, uint64_t chunk, struct vrs_err *err)
{
	uint8_t was = p->map.state[chunk];

	if (was == CHUNK_DOUBT)
		return 0;
	p->map.state[chunk] = CHUNK_DOUBT;
	int status = put_page(p, chunkmap_page_of(chunk), err);
	if (status == 0 && was == CHUNK_DURABLE && fdatasync(p->map_fd) < 0)
		status = vrs_fail_errno(err, "%s", p->map_name);
	return status;
}

static int write_blocks(struct part *p, const uint8_t *payload, uint64_t off,
			uint64_t len, unsigned shift, bool fresh, struct vrs_err *err)
{
	uint64_t block = (uint64_t)1 << shift;
	size_t n = wire_n_blocks(len, shift);
	const uint8_t *data = payload + n * TREE_DIGEST_BYTES;
	int status = 0;

	for (size_t i = 0; i < n && status == 0;) {
		bool zero = tree_is_zero_digest(payload + i * TREE_DIGEST_BYTES);
		uint64_t from = i * block;

		do /* neighbours of the same kind go together */
			i++;
		while (i < n &&
		       tree_is_zero_digest(payload + i * TREE_DIGEST_BYTES) == zero);
		uint64_t end = i * block < len ? i * block : len;
		if (!zero) {
			status = p->disk->ops->write(p->disk, data, off + from,
						     (size_t)(end - from), err);
			data += end - from;
		} else if (!fresh) {
			status = p->disk->ops->zero(p->disk, off + from, end - from, err);
		}
	}
	return status;
}

static int check_digests(const uint8_t *payload, uint64_t off, uint64_t len,
			 unsigned shift, struct vrs_err *err)
{
	uint64_t block = (uint64_t)1 << shift;
	size_t n = wire_n_blocks(len, shift);
	const uint8_t *data = payload + n * TREE_DIGEST_BYTES;

	for (size_t i = 0; i < n; i++) {
		const uint8_t *want = payload + i * TREE_DIGEST_BYTES;
		uint64_t left = len - i * block;
		size_t size = (size_t)(left < block ? left : block);

		if (tree_is_zero_digest(want))
			continue;
		struct tree_digest got = tree_block(data, size);
		if (memcmp(got.bytes, want, TREE_DIGEST_BYTES) != 0)
			return vrs_fail(err, VRS_EIO,
					"the block at %llu was damaged on its way",
					(unsigned long long)(off + i * block));
		data += size;
	}
	return 0;
}

int part_write(struct part *p, const uint8_t *payload, uint64_t off, uint64_t len,
	       unsigned shift, struct vrs_err *err)
{
	uint64_t chunk = off >> TREE_CHUNK_SHIFT;

	if (!p->disk)
		return vrs_fail(err, VRS_EINVAL, "it is not open for writing");
	if (chunk != (off + len - 1) >> TREE_CHUNK_SHIFT)
		return vrs_fail(err, VRS_EPARSE, "a write goes over the end of a chunk");
	int status = check_digests(payload, off, len, shift, err);
	if (status < 0)
		return status;
	if ((status = enter(p, LOCK_SH, err)) < 0)
		return status;
	if (p->map.state[chunk] == CHUNK_NONE)
		p->began_empty[chunk] = 1;
	if ((status = touch(p, chunk, err)) == 0)
		status = write_blocks(p, payload, off, len, shift, p->began_empty[chunk],
				      err);
	leave(p);
	if (vrs_fault("mover.target.write") && status == 0)
		status = vrs_fail(err, VRS_EIO, "asked to fail");
	if (status < 0)
		p->failed = true;
	return status;
}

int part_mark(struct part *p, uint64_t first, uint64_t n, struct vrs_err *err)
{
	if (first >= p->map.n_chunks || n > p->map.n_chunks - first || n == 0)
		return vrs_fail(err, VRS_EPARSE, "chunks beyond the end of the disk");
	int status = enter(p, LOCK_SH, err);
	if (status < 0)
		return status;
	for (uint64_t c = first; c < first + n; c++)
		if (p->map.state[c] != CHUNK_DURABLE)
			p->map.state[c] = CHUNK_WRITTEN;
	for (size_t i = chunkmap_page_of(first);
	     i <= chunkmap_page_of(first + n - 1) && status == 0; i++)
		status = put_page(p, i, err);
	leave(p);
	if (p->raw && p->disk)
		disk_start_flush(p->disk, first << TREE_CHUNK_SHIFT,
				 n << TREE_CHUNK_SHIFT);
	(void)vrs_fault("mover.target.mark");
	return status;
}

int part_sync(struct part *p, struct vrs_err *err)
{
	int status = enter(p, LOCK_SH, err);

	if (status < 0)
		return status;
	if (p->disk)
		status = p->disk->ops->flush(p->disk, err);
	(void)vrs_fault("mover.target.sync");
	for (uint64_t c = 0; c < p->map.n_chunks && status == 0; c++)
		if (p->map.state[c] == CHUNK_WRITTEN)
			p->map.state[c] = CHUNK_DURABLE;
	for (size_t i = 1; i < chunkmap_n_pages(&p->map) && status == 0; i++)
		status = put_page(p, i, err);
	if (status == 0 && fdatasync(p->map_fd) < 0)
		status = vrs_fail_errno(err, "%s", p->map_name);
	leave(p);
	if (status < 0)
		p->failed = true;
	return status;
}

int part_reopen(struct part *p, bool writable, struct vrs_err *err)
{
	disk_close(p->disk);
	p->disk = NULL;
	/* after its writer has closed it, everything of the file goes to the disk */
	if (fsync(p->part_fd) < 0)
		return vrs_fail_errno(err, "%s", p->part_name);
	return open_disk(p, writable, err);
}

/* --- the end --- */

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino &&
	       a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	       a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* What has the name must be what was looked at, and nobody may be running on it. */
static int check_old(struct part *p, struct stat *ret, struct vrs_err *err)
{
	int fd = openat(p->dir_fd, p->name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return vrs_fail_errno(err, "%s", p->name);
	int status = disk_is_free(fd, err);
	if (status >= 0 && (fstat(fd, ret) < 0 || !same_file(ret, &p->base)))
		status = vrs_fail(err, VRS_ECONFLICT,
				  "it changed while its successor was made");
	(void)close(fd);
	return status;
}

static int give_name(struct part *p, struct vrs_err *err)
{
	struct stat old;

	if (p->replaces || p->keep_aside) {
		int status = check_old(p, &old, err);

		if (status < 0)
			return status;
		(void)fchmod(p->part_fd, old.st_mode & 07777);
		(void)!fchown(p->part_fd, old.st_uid, old.st_gid);
	}
	if (p->keep_aside) {
		char aside[NAME_MAX + 40];

		(void)snprintf(aside, sizeof(aside), "%s.kept-%llu", p->name,
			       (unsigned long long)p->token);
		if (renameat2(p->dir_fd, p->name, p->dir_fd, aside, RENAME_NOREPLACE) < 0)
			return vrs_fail_errno(err, "%s", aside);
		(void)vrs_fault("mover.target.aside");
	}
	unsigned how = p->replaces ? 0 : RENAME_NOREPLACE;
	if (renameat2(p->dir_fd, p->part_name, p->dir_fd, p->name, how) < 0)
		return vrs_fail_errno(err, "%s", p->name);
	return 0;
}

int part_seal(struct part *p, struct vrs_err *err)
{
	int status;

	disk_close(p->disk);
	p->disk = NULL;
	if (fsync(p->part_fd) < 0)
		return vrs_fail_errno(err, "%s", p->part_name);
	if ((status = enter(p, LOCK_EX, err)) < 0)
		return status;
	p->map.stage = STAGE_SEALING;
	p->map.sealing_token = p->token;
	p->map.token = CHUNKMAP_NO_TOKEN; /* nobody writes to it any more */
	p->map.open = false;
	status = put_page(p, 0, err);
	(void)vrs_fault("mover.target.seal");
	if (status == 0)
		status = give_name(p, err);
	if (status == 0 && fsync(p->dir_fd) < 0)
		status = vrs_fail_errno(err, "%s", p->name);
	(void)vrs_fault("mover.target.sealed");
	if (status == 0)
		(void)unlinkat(p->dir_fd, p->map_name, 0);
	leave(p);
	return status;
}

int part_discard(struct part *p, struct vrs_err *err)
{
	p->failed = false; /* a part that cannot be written may still be removed */
	int status = enter(p, LOCK_EX, err);

	if (status < 0)
		return status;
	disk_close(p->disk);
	p->disk = NULL;
	poison_and_remove(p);
	p->map.stage = STAGE_SEALING;
	leave(p);
	return 0;
}

int part_forget(const struct beneath *b, const char *path, const char *job,
		uint64_t token, struct vrs_err *err)
{
	struct part *p = vrs_calloc(1, sizeof(*p));
	const char *name = "";

	p->dir_fd = p->map_fd = p->part_fd = -1;
	p->failed = true; /* part_close shall not write */
	int status = beneath_dir(b, path, &p->dir_fd, &name, err);
	if (status == 0)
		status = name_files(p, name, err);
	if (status == 0)
		p->map_fd =
			openat(p->dir_fd, p->map_name, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	if (status == 0 && p->map_fd >= 0) {
		status = lock_within(p->map_fd, err);
		if (status == 0 && read_map(p, NULL) == 0 &&
		    (strcmp(p->map.job, job) != 0 ||
		     (p->map.stage != STAGE_SEALING && p->map.token > token)))
			status = vrs_fail(err, VRS_ECONFLICT,
					  "the part belongs to transfer %s", p->map.job);
		if (status == 0)
			poison_and_remove(p);
	}
	part_close(p);
	return status;
}
