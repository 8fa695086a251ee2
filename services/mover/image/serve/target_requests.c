/* What is asked of an image that is made. */
#include <stdlib.h>
#include <string.h>

#include "image/base/pack.h"
#include "image/hash/tree.h"
#include "image/serve/remove.h"
#include "image/serve/request_parts.h"
#include "vrs/mem.h"

#define PAGE ((size_t)4096)

int answer_target(struct call *c, struct vrs_err *err)
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
	answer_slot_clear(c->slot);
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

int answer_put_states(const struct chunkmap *m, const struct wire_head *head,
		      struct wire_head *reply, uint8_t *out, struct vrs_err *err)
{
	uint64_t first = head->a, n = head->b;

	if (first >= m->n_chunks || n > m->n_chunks - first || n > ANSWER_BYTES)
		return vrs_fail(err, VRS_EPARSE, "chunks beyond the end of the disk");
	memcpy(out, m->state + first, n);
	reply->a = first;
	reply->b = n;
	reply->len = (uint32_t)n;
	return 0;
}

int answer_states(struct call *c, struct vrs_err *err)
{
	int status = need_part(c, err);

	if (status < 0)
		return status;
	return answer_put_states(part_map(c->slot->part), c->head, c->reply, c->out, err);
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

int answer_write(struct call *c, struct vrs_err *err)
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

int answer_allocate(struct call *c, struct vrs_err *err)
{
	int status = need_part(c, err);

	return status < 0 ? status
			  : part_allocate(c->slot->part, c->head->a, c->head->b, err);
}

int answer_mark(struct call *c, struct vrs_err *err)
{
	int status = need_part(c, err);

	return status < 0 ? status
			  : part_mark(c->slot->part, c->head->a, c->head->b, err);
}

int answer_sync(struct call *c, struct vrs_err *err)
{
	bool touched = false;
	int status = need_part(c, err);

	if (status == 0)
		status = part_sync(c->slot->part, &touched, err);
	c->reply->a = touched;
	return status;
}

int answer_reopen(struct call *c, struct vrs_err *err)
{
	int status = need_part(c, err);

	return status < 0 ? status : part_reopen(c->slot->part, c->head->a != 0, err);
}

int answer_seal(struct call *c, struct vrs_err *err)
{
	int status = need_part(c, err);

	if (status < 0 || (status = part_seal(c->slot->part, err)) < 0)
		return status;
	answer_slot_clear(c->slot);
	return 0;
}

int answer_group(struct call *c, struct vrs_err *err)
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
		answer_slot_clear(&c->a->slot[c->payload[i]]);
	return status;
}

/* With a path and a job: what any try of this job left there. Without: this slot's. */
int answer_discard(struct call *c, struct vrs_err *err)
{
	char path[WIRE_MAX_TEXT], job[136];
	size_t pos = 0;
	int status;

	if (c->head->len == 0) {
		if ((status = need_part(c, err)) < 0 ||
		    (status = part_discard(c->slot->part, err)) < 0)
			return status;
		answer_slot_clear(c->slot);
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

int answer_remove(struct call *c, struct vrs_err *err)
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
