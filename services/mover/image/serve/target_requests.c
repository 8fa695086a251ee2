/* Requests that write an image. */
#include <stdlib.h>
#include <string.h>

#include "image/base/pack.h"
#include "image/base/tree.h"
#include "image/serve/remove.h"
#include "image/serve/request_parts.h"
#include "vrs/mem.h"

#define PAGE ((size_t)4096)
enum { JOB_BYTES = 136 };

int request_target(struct image_request *r, struct vrs_err *err)
{
	char path[WIRE_MAX_TEXT], format[16], job[JOB_BYTES], identity[256],
		base[WIRE_MAX_TEXT];
	struct {
		char *text;
		size_t size;
	} texts[] = {{path, sizeof(path)},
		     {format, sizeof(format)},
		     {job, sizeof(job)},
		     {identity, sizeof(identity)},
		     {base, sizeof(base)}};
	unsigned flags = 0;
	int status;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if ((status = wire_get_text(&r->texts, texts[i].text, texts[i].size,
					    err)) < 0)
			return status;
	struct part_want want = {
		.path = path,
		.format = format,
		.job = job,
		.identity = identity,
		.base = base,
		.disk_bytes = r->head->a,
		.token = r->head->b,
		.displaces = r->head->shift == 1,
	};
	open_image_close(r->image);
	if ((status = part_open(&r->image->part, r->all->sandbox, &want, &flags, err)) <
	    0)
		return vrs_context(err, "%s", path);
	(void)vrs_strcpy(r->image->path, sizeof(r->image->path), path);
	r->reply->a = flags;
	return 0;
}

static int need_part(struct image_request *r, struct vrs_err *err)
{
	return r->image->part
		       ? 0
		       : vrs_fail(err, VRS_EINVAL, "no target is open in this slot");
}

int requests_put_states(const struct chunkmap *m, const struct wire_head *head,
			struct wire_head *reply, uint8_t *out, struct vrs_err *err)
{
	uint64_t first = head->a, n = head->b;

	if (first >= m->n_chunks || n > m->n_chunks - first || n > REPLY_BYTES)
		return vrs_fail(err, VRS_EPARSE, "chunks beyond the end of the disk");
	memcpy(out, m->state + first, n);
	reply->a = first;
	reply->b = n;
	reply->len = (uint32_t)n;
	return 0;
}

int request_states(struct image_request *r, struct vrs_err *err)
{
	int status = need_part(r, err);

	if (status < 0)
		return status;
	return requests_put_states(part_map(r->image->part), r->head, r->reply, r->out,
				   err);
}

static int write_compressed(struct image_request *r, unsigned shift, struct vrs_err *err)
{
	const struct wire_head *h = r->head;
	size_t n = wire_n_blocks(h->b, shift) * TREE_DIGEST_BYTES;
	size_t aside = (PAGE - n % PAGE) % PAGE; /* the blocks begin on a page */

	if (h->len < n)
		return vrs_fail(err, VRS_EPARSE,
				"range does not consist of whole blocks");
	size_t data_bytes = wire_data_bytes(r->payload, h->b, shift);
	uint8_t *room =
		aligned_alloc(PAGE, (aside + n + data_bytes + PAGE) & ~(PAGE - 1));
	if (!room)
		return vrs_fail(err, VRS_EIO, "out of memory");
	memcpy(room + aside, r->payload, n);
	int status = pack_decompress(room + aside + n, data_bytes, r->payload + n,
				     h->len - n, err);
	if (status == 0)
		status = part_write(
			r->image->part,
			&(struct wire_blocks){room + aside, h->a, h->b, shift}, err);
	free(room);
	return status;
}

int request_write(struct image_request *r, struct vrs_err *err)
{
	const struct wire_head *h = r->head;
	unsigned shift = h->shift & ~(unsigned)WIRE_PACKED;
	int status = need_part(r, err);

	if (status < 0)
		return status;
	if (!wire_range_ok(h->a, h->b, shift, part_map(r->image->part)->disk_bytes))
		return vrs_fail(err, VRS_EPARSE,
				"range does not consist of whole blocks");
	r->reply->a = h->a;
	r->reply->b = h->b;
	if (h->shift & WIRE_PACKED)
		return write_compressed(r, shift, err);
	struct wire_blocks blocks = {r->payload, h->a, h->b, shift};
	if (!wire_blocks_ok(&blocks, h->len))
		return vrs_fail(err, VRS_EPARSE,
				"range does not consist of whole blocks");
	return part_write(r->image->part, &blocks, err);
}

int request_allocate(struct image_request *r, struct vrs_err *err)
{
	int status = need_part(r, err);

	return status < 0 ? status
			  : part_allocate(r->image->part, r->head->a, r->head->b, err);
}

int request_mark(struct image_request *r, struct vrs_err *err)
{
	int status = need_part(r, err);

	return status < 0 ? status
			  : part_mark(r->image->part, r->head->a, r->head->b, err);
}

int request_sync(struct image_request *r, struct vrs_err *err)
{
	bool touched = false;
	int status = need_part(r, err);

	if (status == 0)
		status = part_sync(r->image->part, &touched, err);
	r->reply->a = touched;
	return status;
}

int request_reopen(struct image_request *r, struct vrs_err *err)
{
	int status = need_part(r, err);

	return status < 0 ? status : part_reopen(r->image->part, r->head->a != 0, err);
}

int request_commit(struct image_request *r, struct vrs_err *err)
{
	int status = need_part(r, err);

	if (status < 0 || (status = part_commit(r->image->part, err)) < 0)
		return status;
	open_image_close(r->image);
	return 0;
}

int request_commit_group(struct image_request *r, struct vrs_err *err)
{
	struct part *parts[WIRE_MAX_SLOTS];
	size_t n = r->head->len;

	if (n == 0 || n > WIRE_MAX_SLOTS)
		return vrs_fail(err, VRS_EPARSE, "invalid group of %zu disks", n);
	for (size_t i = 0; i < n; i++) {
		uint8_t slot = r->payload[i];

		if (slot >= WIRE_MAX_SLOTS || memchr(r->payload, slot, i) ||
		    !r->all->image[slot].part)
			return vrs_fail(err, VRS_EPARSE, "no target is open in slot %d",
					slot);
		parts[i] = r->all->image[slot].part;
	}
	int status = part_commit_group(parts, n, err);
	for (size_t i = 0; i < n && status == 0; i++)
		open_image_close(&r->all->image[r->payload[i]]);
	return status;
}

static int get_path_and_job(struct image_request *r, char path[WIRE_MAX_TEXT],
			    char job[JOB_BYTES], struct vrs_err *err)
{
	int status = wire_get_text(&r->texts, path, WIRE_MAX_TEXT, err);

	return status < 0 ? status : wire_get_text(&r->texts, job, JOB_BYTES, err);
}

/* With a path and a job: what any attempt of this job left there. Without: the part that
 * is open in the slot. */
int request_discard(struct image_request *r, struct vrs_err *err)
{
	char path[WIRE_MAX_TEXT], job[JOB_BYTES];
	int status;

	if (r->head->len == 0) {
		if ((status = need_part(r, err)) < 0 ||
		    (status = part_discard(r->image->part, err)) < 0)
			return status;
		open_image_close(r->image);
		return 0;
	}
	if ((status = get_path_and_job(r, path, job, err)) < 0)
		return status;
	status = part_forget(r->all->sandbox, path, job, r->head->b, err);
	return status < 0 ? vrs_context(err, "%s", path) : 0;
}

int request_remove(struct image_request *r, struct vrs_err *err)
{
	char path[WIRE_MAX_TEXT], job[JOB_BYTES];
	int status;

	if ((status = get_path_and_job(r, path, job, err)) < 0)
		return status;
	status = image_remove(r->all->sandbox, path, job, r->head->b, err);
	r->reply->a = status > 0;
	return status < 0 ? vrs_context(err, "%s", path) : 0;
}
