#include "image/base/wire.h"

#include <stdlib.h>
#include <string.h>

#include "image/base/tree.h"
#include "vrs/mem.h"

static const uint8_t magic[4] = {'V', 'R', 'I', '1'};

static void put(uint8_t *p, uint64_t v, int n_bytes)
{
	for (int i = 0; i < n_bytes; i++)
		p[i] = (uint8_t)(v >> (8 * i));
}

static uint64_t get(const uint8_t *p, int n_bytes)
{
	uint64_t v = 0;

	for (int i = 0; i < n_bytes; i++)
		v |= (uint64_t)p[i] << (8 * i);
	return v;
}

void wire_put64(uint8_t *p, uint64_t v)
{
	put(p, v, 8);
}

uint64_t wire_get64(const uint8_t *p)
{
	return get(p, 8);
}

void wire_pack(uint8_t out[WIRE_HEAD_BYTES], const struct wire_head *head)
{
	memcpy(out, magic, 4);
	out[4] = head->type;
	out[5] = head->slot;
	put(out + 6, head->shift, 2);
	put(out + 8, head->seq, 4);
	put(out + 12, head->len, 4);
	put(out + 16, head->a, 8);
	put(out + 24, head->b, 8);
}

int wire_unpack(struct wire_head *ret, const uint8_t in[WIRE_HEAD_BYTES],
		struct vrs_err *err)
{
	struct wire_head h = {
		.type = in[4],
		.slot = in[5],
		.shift = (uint16_t)get(in + 6, 2),
		.seq = (uint32_t)get(in + 8, 4),
		.len = (uint32_t)get(in + 12, 4),
		.a = get(in + 16, 8),
		.b = get(in + 24, 8),
	};

	if (memcmp(in, magic, 4) != 0)
		return vrs_fail(err, VRS_EPARSE, "not a frame");
	if (h.len > WIRE_MAX_PAYLOAD)
		return vrs_fail(err, VRS_EPARSE, "frame of %u bytes is too long", h.len);
	if (!((h.type >= WIRE_HELLO && h.type <= WIRE_LAST_REQUEST) ||
	      (h.type >= WIRE_OK && h.type <= WIRE_ALIVE)))
		return vrs_fail(err, VRS_EPARSE, "frame of unknown type %u", h.type);
	*ret = h;
	return 0;
}

void wire_put_stat(uint8_t out[WIRE_STAT_BYTES], const struct wire_stat *s)
{
	put(out, s->file_bytes, 8);
	put(out + 8, s->allocated_bytes, 8);
	put(out + 16, s->mtime_ns, 8);
	put(out + 24, s->fs_free_bytes, 8);
	put(out + 32, s->fs_total_bytes, 8);
}

void wire_get_stat(struct wire_stat *ret, const uint8_t in[WIRE_STAT_BYTES])
{
	ret->file_bytes = get(in, 8);
	ret->allocated_bytes = get(in + 8, 8);
	ret->mtime_ns = get(in + 16, 8);
	ret->fs_free_bytes = get(in + 24, 8);
	ret->fs_total_bytes = get(in + 32, 8);
}

int wire_put_text(struct wire_texts *t, const char *text, struct vrs_err *err)
{
	size_t n = strlen(text);

	if (n >= WIRE_MAX_TEXT || t->len + 2 + n > sizeof(t->bytes))
		return vrs_fail(err, VRS_EINVAL, "a string of %zu bytes is too long", n);
	put(t->bytes + t->len, n, 2);
	memcpy(t->bytes + t->len + 2, text, n);
	t->len += 2 + n;
	return 0;
}

int wire_get_text(struct wire_text_reader *t, char *ret, size_t size, struct vrs_err *err)
{
	if (t->pos > t->n || t->n - t->pos < 2)
		return vrs_fail(err, VRS_EPARSE, "a string is missing");

	size_t len = (size_t)get(t->bytes + t->pos, 2);
	const uint8_t *text = t->bytes + t->pos + 2;

	if (t->n - t->pos - 2 < len || len >= size || memchr(text, '\0', len))
		return vrs_fail(err, VRS_EPARSE, "invalid string of %zu bytes", len);
	memcpy(ret, text, len);
	ret[len] = '\0';
	t->pos += 2 + len;
	return 0;
}

bool wire_range_ok(uint64_t off, uint64_t len, unsigned shift, uint64_t disk_bytes)
{
	uint64_t mask = ((uint64_t)1 << shift) - 1;

	if (shift != TREE_BLOCK_SHIFT && shift != TREE_LEAF_SHIFT)
		return false;
	if (len == 0 || len > WIRE_MAX_DATA || off > disk_bytes || len > disk_bytes - off)
		return false;
	return (off & mask) == 0 && ((len & mask) == 0 || off + len == disk_bytes);
}

size_t wire_n_blocks(uint64_t len, unsigned shift)
{
	return (size_t)((len + ((uint64_t)1 << shift) - 1) >> shift);
}

size_t wire_data_bytes(const uint8_t *digests, uint64_t len, unsigned shift)
{
	size_t n = wire_n_blocks(len, shift), sum = 0;
	uint64_t block = (uint64_t)1 << shift;

	for (size_t i = 0; i < n; i++) {
		uint64_t at = i * block;

		if (!tree_is_zero_digest(digests + i * TREE_DIGEST_BYTES))
			sum += (size_t)(len - at < block ? len - at : block);
	}
	return sum;
}

bool wire_blocks_ok(const struct wire_blocks *b, size_t payload_len)
{
	size_t want = wire_n_blocks(b->len, b->shift) * TREE_DIGEST_BYTES;

	return payload_len >= want &&
	       payload_len == want + wire_data_bytes(b->payload, b->len, b->shift);
}

int wire_check_blocks(const struct wire_blocks *b, struct vrs_err *err)
{
	size_t n = wire_n_blocks(b->len, b->shift);
	const uint8_t *digest = b->payload, *data = digest + n * TREE_DIGEST_BYTES;
	uint64_t block = (uint64_t)1 << b->shift;

	for (uint64_t at = 0; at < b->len; at += block, digest += TREE_DIGEST_BYTES) {
		size_t size = (size_t)(b->len - at < block ? b->len - at : block);

		if (tree_is_zero_digest(digest))
			continue;
		struct tree_digest got = tree_block(data, size);
		if (memcmp(got.bytes, digest, TREE_DIGEST_BYTES) != 0)
			return vrs_fail(err, VRS_EIO,
					"block at %llu was damaged in transit",
					(unsigned long long)(b->off + at));
		data += size;
	}
	return 0;
}

bool wire_next_run(const struct wire_blocks *b, struct wire_run *run)
{
	size_t n = wire_n_blocks(b->len, b->shift), i = run->n_blocks;
	uint64_t from = (uint64_t)i << b->shift;

	if (i >= n)
		return false;
	bool zero = tree_is_zero_digest(b->payload + i * TREE_DIGEST_BYTES);
	while (i < n && tree_is_zero_digest(b->payload + i * TREE_DIGEST_BYTES) == zero)
		i++;
	uint64_t end = (uint64_t)i << b->shift;
	run->off = b->off + from;
	run->len = (end < b->len ? end : b->len) - from;
	run->n_blocks = i;
	run->data = NULL;
	if (!zero) {
		run->data = b->payload + n * TREE_DIGEST_BYTES + run->n_bytes;
		run->n_bytes += (size_t)run->len;
	}
	return true;
}

static int frame_is_whole(struct wire_reader *r, struct vrs_err *err)
{
	uint8_t *payload = r->payload;

	r->payload = NULL;
	r->n_head = 0;
	r->n_payload = 0;
	return r->on_frame(r->arg, &r->head, payload, err);
}

int wire_reader_feed(struct wire_reader *r, const void *bytes, size_t n,
		     struct vrs_err *err)
{
	const uint8_t *p = bytes;

	while (n > 0) {
		bool in_head = r->n_head < WIRE_HEAD_BYTES;
		size_t want = in_head ? WIRE_HEAD_BYTES - r->n_head
				      : r->head.len - r->n_payload;
		size_t take = n < want ? n : want;
		uint8_t *to =
			in_head ? r->head_bytes + r->n_head : r->payload + r->n_payload;
		int status = 0;

		memcpy(to, p, take);
		p += take;
		n -= take;
		if (in_head) {
			r->n_head += take;
			if (r->n_head < WIRE_HEAD_BYTES)
				continue;
			status = wire_unpack(&r->head, r->head_bytes, err);
			if (status == 0 && r->head.len > 0) {
				r->payload = vrs_realloc(NULL, 1, r->head.len);
				continue;
			}
		} else {
			r->n_payload += take;
			if (r->n_payload < r->head.len)
				continue;
		}
		if (status == 0)
			status = frame_is_whole(r, err);
		if (status < 0)
			return status;
	}
	return 0;
}

void wire_reader_fini(struct wire_reader *r)
{
	free(r->payload);
	*r = (struct wire_reader){0};
}
