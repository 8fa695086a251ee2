#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "image/base/sandbox.h"
#include "image/base/tree.h"
#include "image/disk/disk.h"
#include "image/hash/hashes.h"
#include "image/serve/requests.h"
#include "remote/sftp_parts.h"
#include "vrs/mem.h"

struct call {
	struct sftp_worker *w;
	const struct wire_head *head;
	const uint8_t *payload;
	struct wire_head *reply;
	uint8_t *out;
	struct sftp_slot *slot;
	struct wire_text_reader texts; /* of the payload */
};

static int get_path(struct call *c, char ret[WIRE_MAX_TEXT], struct vrs_err *err)
{
	int status = wire_get_text(&c->texts, ret, WIRE_MAX_TEXT, err);

	return status < 0 ? status : sandbox_path_ok(ret, err);
}

static int do_stat(struct call *c, struct vrs_err *err)
{
	char path[WIRE_MAX_TEXT], kind;
	struct wire_stat st;
	int status = get_path(c, path, err);

	if (status < 0 ||
	    (status = sftp_side_stat(c->w->side, path, &kind, &st, err)) < 0)
		return status;
	wire_put_stat(c->out, &st);
	c->reply->a = kind != 0;
	c->reply->b = st.file_bytes;
	c->reply->len = WIRE_STAT_BYTES;
	return 0;
}

static int check_format(const char *format, struct vrs_err *err)
{
	return strcmp(format, "raw") == 0
		       ? 0
		       : vrs_fail(err, VRS_EUNSUPPORTED,
				  "format %s needs vrs-image on that host, which offers "
				  "only SFTP",
				  format);
}

static int do_source(struct call *c, struct vrs_err *err)
{
	char path[WIRE_MAX_TEXT], format[16], identity[128], kind;
	struct wire_texts t = {.len = 0};
	struct wire_stat st;
	int status;

	if ((status = get_path(c, path, err)) < 0 ||
	    (status = wire_get_text(&c->texts, format, sizeof(format), err)) < 0 ||
	    (status = check_format(format, err)) < 0 ||
	    (status = sftp_side_stat(c->w->side, path, &kind, &st, err)) < 0)
		return status;
	if (kind == 0)
		return vrs_fail(err, VRS_ENOENT, "%s: No such file or directory", path);
	if (kind == 'l')
		return vrs_fail(err, VRS_EDENIED, "%s: symbolic links are not allowed",
				path);
	if (kind != 'f' || st.file_bytes == 0)
		return vrs_fail(err, VRS_EINVAL, "%s: not an image", path);
	sftp_slot_clear(c->slot);
	c->slot->path = vrs_strdup(path);
	c->slot->file = vrs_strdup(path);
	c->slot->size = st.file_bytes;
	(void)snprintf(identity, sizeof(identity), "raw:%llu:%llu:%llu",
		       (unsigned long long)st.file_bytes,
		       (unsigned long long)st.file_bytes,
		       (unsigned long long)st.mtime_ns);
	(void)wire_put_text(&t, identity, NULL);
	memcpy(c->out, t.bytes, t.len);
	c->reply->len = (uint32_t)t.len;
	c->reply->a = st.file_bytes;
	return 0;
}

/* SFTP does not report holes. */
static int do_extents(struct call *c, struct vrs_err *err)
{
	if (c->head->a >= c->head->b || c->head->b > c->slot->size)
		return vrs_fail(err, VRS_EPARSE, "range beyond the end of the disk");
	wire_put64(c->out, c->head->b);
	wire_put64(c->out + 8, 1);
	c->reply->a = c->head->a;
	c->reply->b = c->head->b;
	c->reply->len = 16;
	return 0;
}

static int do_read(struct call *c, struct vrs_err *err)
{
	uint64_t off = c->head->a, len = c->head->b;
	unsigned shift = c->head->shift & ~(unsigned)WIRE_PACKED;
	struct sftp_side_file *f;

	if (!wire_range_ok(off, len, shift, c->slot->size))
		return vrs_fail(err, VRS_EPARSE,
				"range does not consist of whole blocks");
	uint8_t *data = c->out + wire_n_blocks(len, shift) * TREE_DIGEST_BYTES;
	int status = sftp_image(c->w, c->head->slot, &f, err);
	if (status == 0)
		status = sftp_side_read(f, data, off, (size_t)len, err);
	if (status == 0)
		requests_put_blocks(c->head, c->reply, c->out);
	return status;
}

/* The file as a disk, as far as hashing needs one. */
struct remote_disk {
	struct disk disk;
	struct sftp_side_file *file;
	const struct sftp_slot *slot;
};

static int remote_read(struct disk *d, void *buf, uint64_t off, size_t len,
		       struct vrs_err *err)
{
	return sftp_side_read(((struct remote_disk *)d)->file, buf, off, len, err);
}

/* A chunk of a part that was never written reads as zeros. */
static int remote_extent(struct disk *d, uint64_t off, uint64_t end, struct disk_run *ret,
			 struct vrs_err *err)
{
	const struct sftp_slot *s = ((struct remote_disk *)d)->slot;

	(void)err;
	ret->end = end;
	ret->data = !s->map.state || s->map.state[off >> TREE_CHUNK_SHIFT] != CHUNK_NONE;
	return 0;
}

static int do_hashes(struct call *c, struct vrs_err *err)
{
	static const struct disk_ops ops = {.read = remote_read, .extent = remote_extent};
	uint64_t first = c->head->a, n = c->head->b;
	bool leaves = (c->head->shift & 0xff) == TREE_LEAF_SHIFT;
	uint64_t most = leaves ? WIRE_MAX_LEAF_CHUNKS : WIRE_MAX_HASHED_CHUNKS;
	uint64_t n_chunks = tree_n_chunks(c->slot->size);
	struct remote_disk d = {.disk = {.ops = &ops, .size = c->slot->size, .fd = -1},
				.slot = c->slot};
	size_t len = 0;

	if (n == 0 || n > most || first >= n_chunks || n > n_chunks - first)
		return vrs_fail(err, VRS_EPARSE, "chunks beyond the end of the disk");
	int status = sftp_image(c->w, c->head->slot, &d.file, err);
	for (uint64_t i = first; i < first + n && status == 0; i++) {
		size_t used = 0;

		status = hashes_of_chunk(
			&d.disk, &(struct hashes_want){.chunk = i, .leaves = leaves},
			c->out + len, &used, err);
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
	unsigned flags = 0;
	int status;

	if ((status = get_path(c, path, err)) < 0 ||
	    (status = wire_get_text(&c->texts, format, sizeof(format), err)) < 0 ||
	    (status = wire_get_text(&c->texts, job, sizeof(job), err)) < 0 ||
	    (status = wire_get_text(&c->texts, identity, sizeof(identity), err)) < 0 ||
	    (status = wire_get_text(&c->texts, base, sizeof(base), err)) < 0 ||
	    (status = check_format(format, err)) < 0)
		return status;
	if (*base)
		return vrs_fail(
			err, VRS_EUNSUPPORTED,
			"%s: a seed needs vrs-image on that host, which offers only "
			"SFTP",
			path);
	struct sftp_want want = {
		.path = path,
		.job = job,
		.identity = identity,
		.size = c->head->a,
		.token = c->head->b,
		.keep_aside = c->head->shift == 1,
	};
	status = sftp_part_open(c->w, c->head->slot, &want, &flags, err);
	c->reply->a = flags;
	return status;
}

static int do_write(struct call *c, struct vrs_err *err)
{
	const struct wire_head *h = c->head;

	if (!c->slot->map_file || !wire_range_ok(h->a, h->b, h->shift, c->slot->size) ||
	    !wire_blocks_ok(&(struct wire_blocks){c->payload, h->a, h->b, h->shift},
			    h->len))
		return vrs_fail(err, VRS_EPARSE,
				"range does not consist of whole blocks");
	c->reply->a = h->a;
	c->reply->b = h->b;
	return sftp_part_write(c->w, h, c->payload, err);
}

static int do_discard(struct call *c, struct vrs_err *err)
{
	char path[WIRE_MAX_TEXT], job[136];
	int status;

	if (c->head->len == 0)
		return vrs_fail(err, VRS_EINVAL, "no path to discard");
	if ((status = get_path(c, path, err)) < 0 ||
	    (status = wire_get_text(&c->texts, job, sizeof(job), err)) < 0)
		return status;
	return sftp_part_forget(c->w, path, job, c->head->b, err);
}

static int do_remove(struct call *c, struct vrs_err *err)
{
	char path[WIRE_MAX_TEXT], job[136], kind;
	struct wire_stat st;
	int status;

	if ((status = get_path(c, path, err)) < 0 ||
	    (status = wire_get_text(&c->texts, job, sizeof(job), err)) < 0 ||
	    (status = sftp_part_forget(c->w, path, job, c->head->b, err)) < 0 ||
	    (status = sftp_side_stat(c->w->side, path, &kind, &st, err)) < 0)
		return status;
	if (kind != 0 && kind != 'f')
		return vrs_fail(err, VRS_EINVAL, "%s: not a regular file: not removed",
				path);
	c->reply->a = kind == 'f';
	return kind == 'f' ? sftp_side_unlink(c->w->side, path, err) : 0;
}

int sftp_requests_run(struct sftp_worker *w, struct image_request *r, struct vrs_err *err)
{
	const struct wire_head *head = r->head;
	struct call c = {.w = w,
			 .head = head,
			 .payload = r->payload,
			 .reply = r->reply,
			 .out = r->out,
			 .slot = &w->shared->slot[head->slot],
			 .texts = {r->payload, head->len, 0}};
	bool about_image = head->type >= WIRE_EXTENTS && head->type <= WIRE_SEAL &&
			   head->type != WIRE_TARGET;

	if (about_image && !c.slot->path)
		return vrs_fail(err, VRS_EINVAL, "no image is open in this slot");
	switch (head->type) {
	case WIRE_HELLO:
		r->reply->a = WIRE_VERSION;
		return 0;
	case WIRE_PING:
		return 0;
	case WIRE_STAT:
		return do_stat(&c, err);
	case WIRE_SOURCE:
		return do_source(&c, err);
	case WIRE_EXTENTS:
		return do_extents(&c, err);
	case WIRE_READ:
		return do_read(&c, err);
	case WIRE_HASHES:
		return do_hashes(&c, err);
	case WIRE_TARGET:
		return do_target(&c, err);
	case WIRE_STATES:
		return requests_put_states(&c.slot->map, head, r->reply, r->out, err);
	case WIRE_WRITE:
		return do_write(&c, err);
	case WIRE_MARK:
		return sftp_part_mark(w, head->slot, head->a, head->b, err);
	case WIRE_SYNC:
		return sftp_part_sync(w, head->slot, err);
	case WIRE_REOPEN:
	case WIRE_ALLOCATE: /* not possible over SFTP */
		return 0;
	case WIRE_SEAL:
		return sftp_part_seal(w, head->slot, err);
	case WIRE_DISCARD:
		return do_discard(&c, err);
	case WIRE_CLOSE:
		sftp_slot_clear(c.slot);
		return 0;
	case WIRE_REMOVE:
		return do_remove(&c, err);
	default:
		return vrs_fail(err, VRS_EPARSE, "unknown request");
	}
}
