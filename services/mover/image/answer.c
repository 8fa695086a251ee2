#include "image/answer.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "image/chain.h"
#include "image/disk.h"
#include "image/hashcache.h"
#include "image/hashes.h"
#include "image/pack.h"
#include "image/part.h"
#include "image/remove.h"
#include "image/tree.h"
#include "vrs/fault.h"
#include "vrs/mem.h"

#define PAGE ((size_t)4096)

struct slot {
	char path[WIRE_MAX_TEXT];
	struct disk *disk; /* a source */
	struct hashcache *cache;
	struct part *part; /* or a target */
};

struct answerer {
	const struct beneath *beneath;
	const char *join;
	pthread_rwlock_t lock; /* shared by what leaves the slots as they are */
	bool greeted;
	struct slot slot[WIRE_MAX_SLOTS];
};

/* One request: what was asked, where the answer goes. */
struct call {
	struct answerer *a;
	const struct wire_head *head;
	const uint8_t *payload;
	struct wire_head *reply;
	uint8_t *out;
	struct slot *slot;
};

struct answerer *answer_open(const struct beneath *b)
{
	struct answerer *a = vrs_calloc(1, sizeof(*a));

	a->beneath = b;
	a->join = "";
	(void)pthread_rwlock_init(&a->lock, NULL);
	return a;
}

void answer_set_join(struct answerer *a, const char *name)
{
	a->join = name;
}

static void slot_clear(struct slot *s)
{
	if (s->cache)
		hashcache_save(s->cache);
	hashcache_close(s->cache);
	disk_close(s->disk);
	part_close(s->part);
	*s = (struct slot){0};
}

void answer_close(struct answerer *a)
{
	for (size_t i = 0; i < WIRE_MAX_SLOTS; i++)
		slot_clear(&a->slot[i]);
	(void)pthread_rwlock_destroy(&a->lock);
	free(a);
}

static struct disk *disk_of(struct call *c)
{
	return c->slot->part ? part_disk(c->slot->part) : c->slot->disk;
}

static int need_disk(struct call *c, struct disk **ret, struct vrs_err *err)
{
	*ret = disk_of(c);
	return *ret ? 0 : vrs_fail(err, VRS_EINVAL, "this slot holds no open image");
}

static int do_hello(struct call *c, struct vrs_err *err)
{
	struct wire_texts t = {.len = 0};

	if (c->head->a != WIRE_VERSION)
		return vrs_fail(err, VRS_EUNSUPPORTED,
				"the mover speaks version %llu, this vrs-image %d",
				(unsigned long long)c->head->a, WIRE_VERSION);
	c->a->greeted = true;
	c->reply->a = WIRE_VERSION;
	c->reply->b = WIRE_MAX_PAYLOAD;
	(void)wire_put_text(&t, c->a->join, NULL);
	memcpy(c->out, t.bytes, t.len);
	c->reply->len = (uint32_t)t.len;
	return 0;
}

static int do_ping(struct call *c, struct vrs_err *err)
{
	(void)c;
	(void)err;
	return 0;
}

static int do_stat(struct call *c, struct vrs_err *err)
{
	char path[WIRE_MAX_TEXT];
	size_t pos = 0;
	int dir_fd, status;
	const char *name;
	struct stat st;
	struct statvfs fs;
	struct wire_stat s = {0};

	if ((status = wire_get_text(c->payload, c->head->len, &pos, path, sizeof(path),
				    err)) < 0 ||
	    (status = part_recover(c->a->beneath, path, err)) < 0 ||
	    (status = beneath_dir(c->a->beneath, path, &dir_fd, &name, err)) < 0)
		return status;
	if (fstatvfs(dir_fd, &fs) == 0) {
		s.fs_free_bytes = (uint64_t)fs.f_bavail * fs.f_frsize;
		s.fs_total_bytes = (uint64_t)fs.f_blocks * fs.f_frsize;
	}
	if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
		c->reply->a = 1;
		s.file_bytes = (uint64_t)st.st_size;
		s.allocated_bytes = (uint64_t)st.st_blocks * 512;
		s.mtime_ns = (uint64_t)st.st_mtim.tv_sec * 1000000000u +
			     (uint64_t)st.st_mtim.tv_nsec;
	} else if (errno != ENOENT) {
		status = vrs_fail_errno(err, "%s", path);
	}
	(void)close(dir_fd);
	wire_put_stat(c->out, &s);
	c->reply->b = s.file_bytes;
	c->reply->len = WIRE_STAT_BYTES;
	return status;
}

static void remember(struct call *c, const char *path)
{
	struct timespec now;
	const char *name;
	int dir_fd;

	if (beneath_dir(c->a->beneath, path, &dir_fd, &name, NULL) < 0)
		return;
	(void)clock_gettime(CLOCK_REALTIME, &now);
	c->slot->cache = c->slot->disk->cache =
		hashcache_open(dir_fd, name, c->slot->disk->fd,
			       (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000);
	(void)close(dir_fd);
}

static int do_source(struct call *c, struct vrs_err *err)
{
	char path[WIRE_MAX_TEXT], format[16], identity[200];
	size_t pos = 0;
	int fd, status;
	struct stat st;
	struct wire_texts t = {.len = 0};

	if ((status = wire_get_text(c->payload, c->head->len, &pos, path, sizeof(path),
				    err)) < 0 ||
	    (status = wire_get_text(c->payload, c->head->len, &pos, format,
				    sizeof(format), err)) < 0 ||
	    (status = part_recover(c->a->beneath, path, err)) < 0 ||
	    (status = beneath_open(c->a->beneath, path, O_RDONLY, &fd, err)) < 0)
		return status;
	if (fstat(fd, &st) < 0) {
		status = vrs_fail_errno(err, "%s", path);
		(void)close(fd);
		return status;
	}
	slot_clear(c->slot);
	if ((status = chain_open(&c->slot->disk, c->a->beneath, path, fd, format, err)) <
	    0)
		return vrs_context(err, "%s", path);
	(void)vrs_strcpy(c->slot->path, sizeof(c->slot->path), path);
	if (disk_format_is_raw(format))
		remember(c, path);
	(void)snprintf(identity, sizeof(identity), "%s:%llu:%llu:%lld.%09ld", format,
		       (unsigned long long)c->slot->disk->size,
		       (unsigned long long)st.st_size, (long long)st.st_mtim.tv_sec,
		       st.st_mtim.tv_nsec);
	(void)wire_put_text(&t, identity, NULL);
	memcpy(c->out, t.bytes, t.len);
	c->reply->len = (uint32_t)t.len;
	c->reply->a = c->slot->disk->size;
	return 0;
}

static int do_extents(struct call *c, struct vrs_err *err)
{
	struct disk *d;
	uint64_t off = c->head->a, end = c->head->b;
	uint32_t n = 0;
	int status = need_disk(c, &d, err);

	if (status < 0)
		return status;
	if (off >= end || end > d->size)
		return vrs_fail(err, VRS_EPARSE, "a range beyond the end of the disk");
	while (off < end && n < WIRE_MAX_EXTENTS) {
		uint64_t until;
		bool data;

		if ((status = d->ops->extent(d, off, end, &until, &data, err)) < 0)
			return status;
		uint8_t *last = c->out + 16 * (size_t)(n - 1);
		if (n > 0 && wire_get64(last + 8) == data) {
			wire_put64(last, until);
		} else {
			wire_put64(c->out + 16 * (size_t)n, until);
			wire_put64(c->out + 16 * (size_t)n + 8, data);
			n++;
		}
		off = until;
	}
	c->reply->a = c->head->a;
	c->reply->b = off;
	c->reply->len = n * 16;
	return 0;
}

/* Packs the blocks behind the digests where they are, when it makes them smaller. */
static bool pack_answer(struct call *c, size_t digest_bytes, size_t data_bytes)
{
	uint8_t *room = vrs_realloc(NULL, 1, data_bytes);
	size_t n = pack(room, data_bytes - data_bytes / 16, c->out + digest_bytes,
			data_bytes);

	if (n > 0)
		memcpy(c->out + digest_bytes, room, n);
	free(room);
	c->reply->len = (uint32_t)(digest_bytes + (n > 0 ? n : data_bytes));
	return n > 0;
}

static int do_read(struct call *c, struct vrs_err *err)
{
	struct disk *d;
	uint64_t off = c->head->a, len = c->head->b;
	unsigned shift = c->head->shift & ~(unsigned)WIRE_PACKED;
	int status = need_disk(c, &d, err);

	if (status < 0)
		return status;
	if (!wire_range_ok(off, len, shift, d->size))
		return vrs_fail(err, VRS_EPARSE, "a range of no whole blocks");

	size_t n = wire_n_blocks(len, shift), block = (size_t)1 << shift;
	uint8_t *data = c->out + n * TREE_DIGEST_BYTES, *to;
	if ((status = d->ops->read(d, data, off, (size_t)len, err)) < 0)
		return status;
	to = tree_squeeze(c->out, data, (size_t)len, block);
	c->reply->a = off;
	c->reply->b = len;
	c->reply->shift = (uint16_t)shift;
	c->reply->len = (uint32_t)(to - c->out);
	if (c->head->shift & WIRE_PACKED && to > data &&
	    pack_answer(c, n * TREE_DIGEST_BYTES, (size_t)(to - data)))
		c->reply->shift |= WIRE_PACKED;
	return 0;
}

static int do_hashes(struct call *c, struct vrs_err *err)
{
	struct disk *d;
	uint64_t first = c->head->a, n = c->head->b;
	unsigned shift = c->head->shift & ~(unsigned)WIRE_REMEMBERED;
	bool leaves = (shift & ~(unsigned)WIRE_FROM_DISK) == TREE_LEAF_SHIFT;
	int status = need_disk(c, &d, err);

	if (status < 0)
		return status;
	if (c->slot->part && !leaves)
		d = part_proof(c->slot->part);
	if (!leaves && shift != 0)
		return vrs_fail(err, VRS_EPARSE, "no such kind of hashes");
	uint64_t most = leaves ? WIRE_MAX_LEAF_CHUNKS : WIRE_MAX_HASHED_CHUNKS;
	uint64_t n_chunks = tree_n_chunks(d->size);
	if (n == 0 || n > most || first >= n_chunks || n > n_chunks - first)
		return vrs_fail(err, VRS_EPARSE, "chunks beyond the end of the disk");

	size_t len = 0;
	for (uint64_t i = first; i < first + n && status == 0; i++) {
		size_t used = 0;

		struct hashcache *known =
			c->head->shift & WIRE_REMEMBERED ? d->cache : NULL;

		status = c->slot->part && leaves
				 ? part_leaves(c->slot->part, i, shift & WIRE_FROM_DISK,
					       known, c->out + len, &used, err)
				 : hashes_of_chunk(d, i, leaves, known, c->out + len,
						   &used, err);
		len += used;
	}
	c->reply->a = first;
	c->reply->b = n;
	c->reply->len = (uint32_t)len;
	return status;
}

static int do_target(struct call *c, struct vrs_err *err)
{
	char path[WIRE_MAX_TEXT], format[16], job[136], identity[256],
		base[WIRE_MAX_TEXT];
	struct {
		char *text;
		size_t size;
	} texts[] = {{path, sizeof(path)},
		     {format, sizeof(format)},
		     {job, sizeof(job)},
		     {identity, sizeof(identity)},
		     {base, sizeof(base)}};
	size_t pos = 0;
	unsigned flags = 0;
	int status;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if ((status = wire_get_text(c->payload, c->head->len, &pos, texts[i].text,
					    texts[i].size, err)) < 0)
			return status;
	struct part_want want = {
		.path = path,
		.format = format,
		.job = job,
		.identity = identity,
		.base = base,
		.disk_bytes = c->head->a,
		.token = c->head->b,
		.keep_aside = c->head->shift == 1,
	};
	slot_clear(c->slot);
	if ((status = part_open(&c->slot->part, c->a->beneath, &want, &flags, err)) < 0)
		return vrs_context(err, "%s", path);
	(void)vrs_strcpy(c->slot->path, sizeof(c->slot->path), path);
	c->reply->a = flags;
	return 0;
}

static int need_part(struct call *c, struct vrs_err *err)
{
	return c->slot->part ? 0 : vrs_fail(err, VRS_EINVAL, "this slot holds no target");
}

static int do_states(struct call *c, struct vrs_err *err)
{
	int status = need_part(c, err);

	if (status < 0)
		return status;
	const struct chunkmap *m = part_map(c->slot->part);
	uint64_t first = c->head->a, n = c->head->b;
	if (first >= m->n_chunks || n > m->n_chunks - first || n > ANSWER_BYTES)
		return vrs_fail(err, VRS_EPARSE, "chunks beyond the end of the disk");
	memcpy(c->out, m->state + first, n);
	c->reply->a = first;
	c->reply->b = n;
	c->reply->len = (uint32_t)n;
	return 0;
}

static int write_packed(struct call *c, unsigned shift, struct vrs_err *err)
{
	const struct wire_head *h = c->head;
	size_t n = wire_n_blocks(h->b, shift) * TREE_DIGEST_BYTES;
	size_t aside = (PAGE - n % PAGE) % PAGE; /* the blocks begin on a page */

	if (h->len < n)
		return vrs_fail(err, VRS_EPARSE, "a range of no whole blocks");
	size_t data_bytes = wire_data_bytes(c->payload, h->b, shift);
	uint8_t *room =
		aligned_alloc(PAGE, (aside + n + data_bytes + PAGE) & ~(PAGE - 1));
	if (!room)
		return vrs_fail(err, VRS_EIO, "no memory");
	memcpy(room + aside, c->payload, n);
	int status =
		unpack(room + aside + n, data_bytes, c->payload + n, h->len - n, err);
	if (status == 0)
		status = part_write(c->slot->part, room + aside, h->a, h->b, shift, err);
	free(room);
	return status;
}

static int do_write(struct call *c, struct vrs_err *err)
{
	const struct wire_head *h = c->head;
	unsigned shift = h->shift & ~(unsigned)WIRE_PACKED;
	int status = need_part(c, err);

	if (status < 0)
		return status;
	if (!wire_range_ok(h->a, h->b, shift, part_map(c->slot->part)->disk_bytes))
		return vrs_fail(err, VRS_EPARSE, "a range of no whole blocks");
	c->reply->a = h->a;
	c->reply->b = h->b;
	if (h->shift & WIRE_PACKED)
		return write_packed(c, shift, err);
	if (!wire_blocks_ok(c->payload, h->len, h->a, h->b, shift))
		return vrs_fail(err, VRS_EPARSE, "a range of no whole blocks");
	return part_write(c->slot->part, c->payload, h->a, h->b, shift, err);
}

static int do_allocate(struct call *c, struct vrs_err *err)
{
	int status = need_part(c, err);

	return status < 0 ? status
			  : part_allocate(c->slot->part, c->head->a, c->head->b, err);
}

static int do_mark(struct call *c, struct vrs_err *err)
{
	int status = need_part(c, err);

	return status < 0 ? status
			  : part_mark(c->slot->part, c->head->a, c->head->b, err);
}

static int do_sync(struct call *c, struct vrs_err *err)
{
	bool touched = false;
	int status = need_part(c, err);

	if (status == 0)
		status = part_sync(c->slot->part, &touched, err);
	c->reply->a = touched;
	return status;
}

static int do_reopen(struct call *c, struct vrs_err *err)
{
	int status = need_part(c, err);

	return status < 0 ? status : part_reopen(c->slot->part, c->head->a != 0, err);
}

static int do_seal(struct call *c, struct vrs_err *err)
{
	int status = need_part(c, err);

	if (status < 0 || (status = part_seal(c->slot->part, err)) < 0)
		return status;
	slot_clear(c->slot);
	return 0;
}

static int do_group(struct call *c, struct vrs_err *err)
{
	struct part *parts[WIRE_MAX_SLOTS];
	size_t n = c->head->len;

	if (n == 0 || n > WIRE_MAX_SLOTS)
		return vrs_fail(err, VRS_EPARSE, "a group of %zu", n);
	for (size_t i = 0; i < n; i++) {
		uint8_t slot = c->payload[i];

		if (slot >= WIRE_MAX_SLOTS || memchr(c->payload, slot, i) ||
		    !c->a->slot[slot].part)
			return vrs_fail(err, VRS_EPARSE, "slot %d holds no target", slot);
		parts[i] = c->a->slot[slot].part;
	}
	int status = part_seal_group(parts, n, err);
	for (size_t i = 0; i < n && status == 0; i++)
		slot_clear(&c->a->slot[c->payload[i]]);
	return status;
}

/* With a path and a job: what any try of this job left there. Without: this slot's. */
static int do_discard(struct call *c, struct vrs_err *err)
{
	char path[WIRE_MAX_TEXT], job[136];
	size_t pos = 0;
	int status;

	if (c->head->len == 0) {
		if ((status = need_part(c, err)) < 0 ||
		    (status = part_discard(c->slot->part, err)) < 0)
			return status;
		slot_clear(c->slot);
		return 0;
	}
	if ((status = wire_get_text(c->payload, c->head->len, &pos, path, sizeof(path),
				    err)) < 0 ||
	    (status = wire_get_text(c->payload, c->head->len, &pos, job, sizeof(job),
				    err)) < 0)
		return status;
	status = part_forget(c->a->beneath, path, job, c->head->b, err);
	return status < 0 ? vrs_context(err, "%s", path) : 0;
}

static int do_remove(struct call *c, struct vrs_err *err)
{
	char path[WIRE_MAX_TEXT], job[136];
	size_t pos = 0;
	int status, removed = 0;

	if ((status = wire_get_text(c->payload, c->head->len, &pos, path, sizeof(path),
				    err)) < 0 ||
	    (status = wire_get_text(c->payload, c->head->len, &pos, job, sizeof(job),
				    err)) < 0)
		return status;
	status = image_remove(c->a->beneath, path, job, c->head->b, &removed, err);
	c->reply->a = (uint64_t)removed;
	return status < 0 ? vrs_context(err, "%s", path) : 0;
}

static int do_close(struct call *c, struct vrs_err *err)
{
	(void)err;
	slot_clear(c->slot);
	return 0;
}

int answer(struct answerer *a, const struct wire_head *head, const uint8_t *payload,
	   struct wire_head *reply, uint8_t out[ANSWER_BYTES], struct vrs_err *err)
{
	static const struct {
		int (*fn)(struct call *c, struct vrs_err *err);
		bool about_image; /* its failures are put after the path of the slot */
		bool changes_slots;
	} table[] = {
		[WIRE_HELLO] = {do_hello, false, true},
		[WIRE_PING] = {do_ping, false, false},
		[WIRE_STAT] = {do_stat, false, false},
		[WIRE_SOURCE] = {do_source, false, true},
		[WIRE_EXTENTS] = {do_extents, true, false},
		[WIRE_READ] = {do_read, true, false},
		[WIRE_HASHES] = {do_hashes, true, false},
		[WIRE_TARGET] = {do_target, false, true},
		[WIRE_STATES] = {do_states, true, false},
		[WIRE_WRITE] = {do_write, true, false},
		[WIRE_MARK] = {do_mark, true, false},
		[WIRE_SYNC] = {do_sync, true, false},
		[WIRE_REOPEN] = {do_reopen, true, true},
		[WIRE_SEAL] = {do_seal, true, true},
		[WIRE_DISCARD] = {do_discard, false, true},
		[WIRE_CLOSE] = {do_close, false, true},
		[WIRE_REMOVE] = {do_remove, false, true},
		[WIRE_GROUP] = {do_group, false, true},
		[WIRE_ALLOCATE] = {do_allocate, true, false},
	};
	struct call c = {a, head, payload, reply, out, NULL};

	if (head->slot >= WIRE_MAX_SLOTS)
		return vrs_fail(err, VRS_EPARSE, "no such slot");
	if (head->type >= sizeof(table) / sizeof(table[0]) || !table[head->type].fn)
		return vrs_fail(err, VRS_EPARSE, "no such request");
	c.slot = &a->slot[head->slot];
	if (table[head->type].changes_slots)
		(void)pthread_rwlock_wrlock(&a->lock);
	else
		(void)pthread_rwlock_rdlock(&a->lock);
	int status = a->greeted || head->type == WIRE_HELLO
			     ? table[head->type].fn(&c, err)
			     : vrs_fail(err, VRS_EPARSE, "no greeting");
	if (status < 0 && table[head->type].about_image && *c.slot->path)
		(void)vrs_context(err, "%s", c.slot->path);
	(void)pthread_rwlock_unlock(&a->lock);
	return status;
}
