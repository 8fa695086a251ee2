/* What every step of a copy uses: requests to one side, and what is known of a chunk. */
#include <stdlib.h>
#include <string.h>

#include "copy/parts.h"
#include "vrs/mem.h"

uint64_t copy_data_bytes(const struct copy *c, uint64_t chunk)
{
	const uint64_t per_chunk = TREE_BLOCKS_PER_CHUNK / 8;
	uint64_t n = 0, all = tree_chunk_bytes(c->size, chunk);

	for (uint64_t i = 0; i < per_chunk; i++)
		n += (uint64_t)__builtin_popcount(c->data_blocks[chunk * per_chunk + i]);
	n <<= TREE_BLOCK_SHIFT;
	return n < all ? n : all; /* the last block may be short */
}

int copy_ask(struct copy *c, struct remote *f, enum wire_type type, uint64_t a,
	     uint64_t b, const struct wire_texts *t, struct wire_head *ret_reply,
	     uint8_t **ret_payload, struct vrs_err *err)
{
	struct wire_head head = {.type = (uint8_t)type,
				 .slot = c->slot,
				 .len = t ? (uint32_t)t->len : 0,
				 .a = a,
				 .b = b};

	return remote_ask(f, &head, t ? t->bytes : NULL, ret_reply, ret_payload, err);
}

int copy_ask_stat(struct copy *c, struct remote *f, const char *path, bool *ret_exists,
		  struct wire_stat *ret, struct vrs_err *err)
{
	struct wire_texts t = {.len = 0};
	struct wire_head reply = {0};
	uint8_t *payload = NULL;
	int status = wire_put_text(&t, path, err);

	if (status >= 0)
		status = copy_ask(c, f, WIRE_STAT, 0, 0, &t, &reply, &payload, err);
	if (status >= 0 && reply.len != WIRE_STAT_BYTES)
		status = vrs_fail(err, VRS_EPARSE, "%s: an answer of a wrong size", path);
	if (status >= 0) {
		*ret_exists = reply.a != 0;
		wire_get_stat(ret, payload);
	}
	free(payload);
	return status;
}

void copy_finished(struct copy *c)
{
	struct tree_digest s = tree_root(c->source, c->n_chunks, c->size);
	struct tree_digest t = tree_root(c->target, c->n_chunks, c->size);

	tree_hex(c->result.source_hash, &s);
	tree_hex(c->result.target_hash, &t);
}

static void on_told(void *arg, const struct wire_head *reply, uint8_t *payload,
		    const struct vrs_err *err)
{
	struct copy *c = arg;

	free(payload);
	if (!reply)
		throttle_fail(&c->flow, err);
	throttle_leave(&c->flow, 1);
}

void copy_tell(struct copy *c, struct remote *f, const struct wire_head *head)
{
	struct vrs_err err = {0};

	throttle_hold(&c->flow, 1);
	if (remote_send(f, head, NULL, on_told, c, &err) < 0) {
		throttle_fail(&c->flow, &err);
		throttle_leave(&c->flow, 1);
	}
}

bool copy_has_data(const struct copy *c, uint64_t block)
{
	return c->data_blocks[block / 8] & (1u << (block % 8));
}
