/* Used by every step of a copy: requests to one side, facts about chunks. */
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

bool copy_has_data(const struct copy *c, uint64_t block)
{
	return c->data_blocks[block / 8] & (1u << (block % 8));
}

void copy_add_done(struct copy *c, uint64_t first, uint64_t n)
{
	for (uint64_t i = first; i < first + n; i++)
		atomic_fetch_add(&c->env.progress->done_bytes, copy_data_bytes(c, i));
}

int copy_stat(struct remote *f, const char *path, bool *ret_exists, struct wire_stat *ret,
	      struct vrs_err *err)
{
	struct wire_head head = {.type = WIRE_STAT};
	struct remote_reply reply = {.payload = NULL};
	int status = remote_call(f, &head, (const char *[]){path, NULL}, &reply, err);

	if (status == 0 && reply.head.len != WIRE_STAT_BYTES)
		status = vrs_fail(err, VRS_EPARSE, "%s: the reply has the wrong size",
				  path);
	if (status == 0) {
		*ret_exists = reply.head.a != 0;
		wire_get_stat(ret, reply.payload);
	}
	free(reply.payload);
	return status;
}

void copy_set_hashes(struct copy *c)
{
	struct tree_digest s = tree_root(c->source, c->n_chunks, c->size);
	struct tree_digest t = tree_root(c->target, c->n_chunks, c->size);

	tree_hex(c->result.source_hash, &s);
	tree_hex(c->result.target_hash, &t);
}

void copy_send(struct remote *f, const struct remote_request *r)
{
	struct vrs_err err = {0};

	if (remote_send(f, r, &err) < 0)
		r->done(r->arg, NULL, NULL, &err);
}

static void on_posted(void *arg, const struct wire_head *reply, uint8_t *payload,
		      const struct vrs_err *err)
{
	struct copy *c = arg;

	free(payload);
	if (!reply)
		throttle_fail(&c->throttle, err);
	throttle_leave(&c->throttle, 1);
}

void copy_post(struct copy *c, struct remote *f, const struct wire_head *head)
{
	throttle_hold(&c->throttle, 1);
	copy_send(f,
		  &(struct remote_request){.head = *head, .done = on_posted, .arg = c});
}
