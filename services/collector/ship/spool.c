#include "ship/spool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ship/segment.h"
#include "vrs/mem.h"

enum {
	DEFAULT_SEGMENT_BYTES = 1 << 20,
	DEFAULT_SEGMENT_MS = 6 * 3600 * 1000,
};

struct segment {
	uint64_t first_seq;
	int64_t created_at_ms;
	size_t bytes;
};

struct spool {
	char *dir, *owner;
	int64_t keep_ms, segment_ms;
	size_t segment_bytes;
	int dir_fd, lock_fd, fd; /* fd: the newest segment */
	uint64_t epoch, head_seq;
	struct segment *segment; /* by first_seq */
	size_t n_segments;
	uint64_t cut_bytes, damaged_bytes;
	uint32_t set_aside;
	unsigned char *buf; /* SPOOL_MAX_RECORD bytes, for reading */

	/* end of the last read, where the next one continues */
	uint64_t at_first_seq, at_seq;
	size_t at_offset;
};

static int begin_segment(struct spool *s, uint64_t first_seq, int64_t now_ms,
			 struct vrs_err *err)
{
	struct segment_head h = {s->epoch, first_seq, now_ms, ""};
	int fd;

	(void)vrs_strcpy(h.owner, sizeof(h.owner), s->owner);
	int status = segment_make(s->dir_fd, &h, &fd, err);
	if (status < 0)
		return vrs_context(err, "%s", s->dir);
	if (s->fd >= 0)
		(void)close(s->fd);
	s->fd = fd;
	s->segment = vrs_realloc(s->segment, s->n_segments + 1, sizeof(*s->segment));
	s->segment[s->n_segments++] =
		(struct segment){first_seq, now_ms, SEGMENT_HEAD_BYTES};
	return 0;
}

/* Removes a segment when the next one began more than keep_ms ago: all of its records are
 * older. */
static void trim(struct spool *s, int64_t now_ms)
{
	size_t n = 0;

	while (n + 1 < s->n_segments &&
	       s->segment[n + 1].created_at_ms < now_ms - s->keep_ms) {
		char name[32];

		segment_name(name, s->segment[n].first_seq);
		if (unlinkat(s->dir_fd, name, 0) < 0 && errno != ENOENT)
			break;
		n++;
	}
	memmove(s->segment, s->segment + n, (s->n_segments - n) * sizeof(*s->segment));
	s->n_segments -= n;
}

/* As segment_get, but skips one damaged record when the next one can be found. */
static ssize_t next_record(struct spool *s, struct segment_pos *at, size_t *n)
{
	ssize_t k = segment_get(at, s->buf, SPOOL_MAX_RECORD, n);

	if (k == 0) {
		size_t past = segment_skip(at, s->buf, SPOOL_MAX_RECORD);

		if (past == 0)
			return 0;
		at->offset = past;
		at->seq++;
		k = segment_get(at, s->buf, SPOOL_MAX_RECORD, n);
	}
	return k;
}

/* Finds the end of the newest segment, where writing continues.
 *
 * A torn record after the end was never durable and so never published: it is truncated.
 * Anything else is damage, and etl may already have the numbers in it: it is kept, and
 * writing continues in a new segment, after the highest number it could contain. */
static int recover_tail(struct spool *s, int64_t now_ms, struct vrs_err *err)
{
	struct segment *last = &s->segment[s->n_segments - 1];
	struct stat st;
	struct segment_pos at = {s->fd, SEGMENT_HEAD_BYTES, last->first_seq};
	size_t n;
	ssize_t k;

	while ((k = next_record(s, &at, &n)) > 0) {
		at.offset += (size_t)k;
		at.seq++;
	}
	if (k < 0 || fstat(s->fd, &st) < 0)
		return vrs_fail_errno(err, "spool: cannot read %s", s->dir);
	size_t file_bytes = (size_t)st.st_size;
	s->head_seq = at.seq - 1;
	if (file_bytes > at.offset &&
	    !segment_is_torn(&at, file_bytes, SPOOL_MAX_RECORD)) {
		s->damaged_bytes = file_bytes - at.offset;
		s->head_seq += s->damaged_bytes / (SEGMENT_FRAME_BYTES + 1) + 1;
		return begin_segment(s, s->head_seq + 1, now_ms, err);
	}
	last->bytes = at.offset;
	s->cut_bytes = file_bytes - at.offset;
	if (s->cut_bytes > 0 &&
	    (ftruncate(s->fd, (off_t)at.offset) < 0 || fdatasync(s->fd) < 0))
		return vrs_fail_errno(err, "spool: cannot truncate the torn tail in %s",
				      s->dir);
	return 0;
}

static int by_first_seq(const void *a, const void *b)
{
	const struct segment *x = a, *y = b;

	return x->first_seq < y->first_seq ? -1 : x->first_seq > y->first_seq;
}

static void set_aside(struct spool *s, uint64_t first_seq)
{
	char from[32], to[40];

	segment_name(from, first_seq);
	(void)snprintf(to, sizeof(to), "%s.bad", from);
	(void)renameat(s->dir_fd, from, s->dir_fd, to);
	s->set_aside++;
}

static int find_segments(struct spool *s, struct vrs_err *err)
{
	struct dirent *entry;
	int fd = dup(s->dir_fd);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (!dir)
		return vrs_fail_errno(err, "spool: cannot list %s", s->dir);
	rewinddir(dir);
	while ((entry = readdir(dir)) != NULL) {
		char *end;
		uint64_t seq = strtoull(entry->d_name, &end, 16);

		if (end != entry->d_name + 16 || strcmp(end, ".seg") != 0)
			continue;
		s->segment =
			vrs_realloc(s->segment, s->n_segments + 1, sizeof(*s->segment));
		s->segment[s->n_segments++] = (struct segment){.first_seq = seq};
	}
	(void)closedir(dir);
	if (s->n_segments > 1)
		qsort(s->segment, s->n_segments, sizeof(*s->segment), by_first_seq);
	return 0;
}

/* Reads the head of each segment. A segment with an invalid head is renamed to *.bad and
 * becomes a gap. If that is the newest segment, the last number assigned is unknown: all
 * segments are renamed, and a new epoch begins. */
static int check_heads(struct spool *s, struct vrs_err *err)
{
	size_t kept = 0;
	bool newest_ok = true;

	for (size_t i = s->n_segments; i-- > 0;) {
		struct segment *seg = &s->segment[i];
		struct segment_head h;
		struct stat st;
		char name[32];

		segment_name(name, seg->first_seq);
		int fd = openat(s->dir_fd, name, O_RDWR | O_CLOEXEC);
		if (fd < 0)
			return vrs_fail_errno(err, "spool: cannot open %s/%s", s->dir,
					      name);
		bool ok = segment_head_read(fd, &h) && h.first_seq == seg->first_seq &&
			  (kept == 0 || h.epoch == s->epoch) && fstat(fd, &st) == 0;
		if (kept == 0 && !ok)
			newest_ok = false;
		if (!ok || !newest_ok) {
			(void)close(fd);
			set_aside(s, seg->first_seq);
			continue;
		}
		if (strcmp(h.owner, s->owner) != 0) {
			(void)close(fd);
			return vrs_fail(err, VRS_ECONFLICT,
					"spool: %s belongs to %s, not %s", s->dir,
					h.owner, s->owner);
		}
		seg->created_at_ms = h.created_at_ms;
		seg->bytes = (size_t)st.st_size;
		s->epoch = h.epoch;
		if (kept++ == 0)
			s->fd = fd;
		else
			(void)close(fd);
		/* valid ones are collected at the end of the array */
		s->segment[s->n_segments - kept] = *seg;
	}
	if (kept > 0)
		memmove(s->segment, s->segment + s->n_segments - kept,
			kept * sizeof(*s->segment));
	s->n_segments = kept;
	return 0;
}

static int create(struct spool *s, int64_t now_ms, struct vrs_err *err)
{
	do {
		if (getrandom(&s->epoch, sizeof(s->epoch), 0) != sizeof(s->epoch))
			return vrs_fail_errno(
				err, "spool: cannot read random bytes for the epoch");
	} while (s->epoch == 0);
	s->head_seq = 0;
	return begin_segment(s, 1, now_ms, err);
}

int spool_open(struct spool **ret, const struct spool_conf *conf, int64_t now_ms,
	       struct vrs_err *err)
{
	struct spool *s = vrs_calloc(1, sizeof(*s));
	int status;

	s->dir = vrs_strdup(conf->dir);
	s->owner = vrs_strdup(conf->owner);
	s->keep_ms = conf->keep_ms;
	s->segment_bytes =
		conf->segment_bytes ? conf->segment_bytes : DEFAULT_SEGMENT_BYTES;
	s->segment_ms = conf->segment_ms > 0 ? conf->segment_ms : DEFAULT_SEGMENT_MS;
	s->fd = s->lock_fd = -1;
	s->buf = vrs_calloc(1, SPOOL_MAX_RECORD);
	if (strlen(s->owner) >= SEGMENT_OWNER_BYTES)
		s->owner[SEGMENT_OWNER_BYTES - 1] = '\0';

	if (mkdir(s->dir, 0700) < 0 && errno != EEXIST) {
		s->dir_fd = -1;
		status = vrs_fail_errno(err, "spool: cannot create %s", s->dir);
		goto fail;
	}
	s->dir_fd = open(s->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->dir_fd < 0) {
		status = vrs_fail_errno(err, "spool: cannot open %s", s->dir);
		goto fail;
	}
	s->lock_fd = openat(s->dir_fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (s->lock_fd < 0) {
		status = vrs_fail_errno(err, "spool: cannot lock %s", s->dir);
		goto fail;
	}
	if (flock(s->lock_fd, LOCK_EX | LOCK_NB) < 0) {
		status = vrs_fail(err, VRS_ECONFLICT,
				  "spool: %s is in use by another process", s->dir);
		goto fail;
	}
	if ((status = find_segments(s, err)) < 0 || (status = check_heads(s, err)) < 0)
		goto fail;
	status =
		s->n_segments > 0 ? recover_tail(s, now_ms, err) : create(s, now_ms, err);
	if (status < 0)
		goto fail;
	trim(s, now_ms);
	*ret = s;
	return 0;
fail:
	spool_close(s);
	return status;
}

void spool_close(struct spool *s)
{
	if (!s)
		return;
	if (s->fd >= 0)
		(void)close(s->fd);
	if (s->lock_fd >= 0)
		(void)close(s->lock_fd);
	if (s->dir_fd >= 0)
		(void)close(s->dir_fd);
	free(s->buf);
	free(s->segment);
	free(s->dir);
	free(s->owner);
	free(s);
}

void spool_info(const struct spool *s, struct spool_info *ret)
{
	*ret = (struct spool_info){
		.epoch = s->epoch,
		.first_seq = s->n_segments ? s->segment[0].first_seq : s->head_seq + 1,
		.head_seq = s->head_seq,
		.cut_bytes = s->cut_bytes,
		.damaged_bytes = s->damaged_bytes,
		.set_aside = s->set_aside,
	};
	for (size_t i = 0; i < s->n_segments; i++)
		ret->bytes += s->segment[i].bytes;
}

/* Whether a new segment is due: the newest is not empty, and full or old. */
static bool is_full(const struct spool *s, int64_t now_ms)
{
	const struct segment *last = &s->segment[s->n_segments - 1];

	return last->bytes > SEGMENT_HEAD_BYTES &&
	       (last->bytes >= s->segment_bytes ||
		now_ms - last->created_at_ms >= s->segment_ms);
}

int spool_append(struct spool *s, const void *bytes, size_t n_bytes, int64_t now_ms,
		 struct vrs_err *err)
{
	int status;

	if (n_bytes == 0 || n_bytes > SPOOL_MAX_RECORD)
		return vrs_fail(err, VRS_ENOSPC,
				"spool: record of %zu bytes is empty or too long",
				n_bytes);
	if (is_full(s, now_ms)) {
		/* spool_sync syncs only the newest segment. */
		if ((status = spool_sync(s, err)) < 0 ||
		    (status = begin_segment(s, s->head_seq + 1, now_ms, err)) < 0)
			return status;
		trim(s, now_ms);
	}

	struct segment *last = &s->segment[s->n_segments - 1];
	struct segment_pos at = {s->fd, last->bytes, s->head_seq + 1};
	status = segment_put(&at, bytes, n_bytes, err);
	if (status < 0)
		return vrs_context(err, "%s", s->dir);
	last->bytes += SEGMENT_FRAME_BYTES + n_bytes;
	s->head_seq++;
	return 0;
}

int spool_sync(struct spool *s, struct vrs_err *err)
{
	if (fdatasync(s->fd) < 0)
		return vrs_fail_errno(err, "spool: cannot sync %s", s->dir);
	return 0;
}

int spool_advance(struct spool *s, uint64_t seq, int64_t now_ms, struct vrs_err *err)
{
	if (seq <= s->head_seq)
		return 0;

	int status = spool_sync(s, err);
	if (status == 0)
		status = begin_segment(s, seq + 1, now_ms, err);
	if (status == 0)
		s->head_seq = seq;
	return status;
}

/* --- reading --- */

struct progress {
	size_t bytes; /* passed to fn so far */
	bool full;
};

/* The segment that contains seq, or the first one. */
static size_t segment_of(const struct spool *s, uint64_t seq)
{
	size_t i = s->n_segments - 1;

	while (i > 0 && s->segment[i].first_seq > seq)
		i--;
	return i;
}

/* Reads the records of the range in one segment; -1: see errno. *seq becomes the number
 * after the last record read, or the first one of the next segment if the rest of this
 * one is damaged. */
static int read_segment(struct spool *s, size_t i, const struct spool_range *r,
			struct progress *p, uint64_t *seq)
{
	const struct segment *seg = &s->segment[i];
	bool newest = i + 1 == s->n_segments;
	uint64_t end = newest ? s->head_seq + 1 : s->segment[i + 1].first_seq;
	struct segment_pos at = {s->fd, SEGMENT_HEAD_BYTES, seg->first_seq};
	size_t n;
	ssize_t k = 1;
	char name[32];

	if (!newest) {
		segment_name(name, seg->first_seq);
		at.fd = openat(s->dir_fd, name, O_RDONLY | O_CLOEXEC);
		if (at.fd < 0)
			return -1;
	}
	if (s->at_first_seq == seg->first_seq && s->at_seq <= r->from) {
		at.seq = s->at_seq;
		at.offset = s->at_offset;
	}
	while (at.seq < end && at.seq <= r->to && !p->full) {
		k = next_record(s, &at, &n);
		if (k <= 0)
			break;
		if (at.seq >= r->from && at.seq <= r->to) {
			if (p->bytes > 0 && p->bytes + n > r->max_bytes) {
				p->full = true;
				break;
			}
			p->bytes += n;
			p->full = r->fn(r->arg, at.seq, s->buf, n) != 0;
		}
		at.offset += (size_t)k;
		at.seq++;
	}
	s->at_first_seq = seg->first_seq;
	s->at_seq = at.seq;
	s->at_offset = at.offset;
	*seq = k == 0 ? end : at.seq;
	if (!newest)
		(void)close(at.fd);
	return k < 0 ? -1 : 0;
}

int spool_read(struct spool *s, const struct spool_range *range, uint64_t *ret_next,
	       struct vrs_err *err)
{
	uint64_t from = range->from, seq = from;
	struct progress p = {0};

	for (size_t i = segment_of(s, from); i < s->n_segments; i++) {
		if (read_segment(s, i, range, &p, &seq) < 0)
			return vrs_fail_errno(err, "spool: cannot read %s", s->dir);
		if (p.full || seq > range->to)
			break;
	}
	*ret_next = seq > from ? seq : from;
	return 0;
}
