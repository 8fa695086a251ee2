#include <stdlib.h>
#include <string.h>

#include "copy/parts.h"
#include "vrs/mem.h"

struct digest_ask {
	struct copy *copy;
	uint64_t n, cost;
	struct tree_digest *out;
	uint8_t *proven;
};

static void on_digests(void *arg, const struct wire_head *reply, uint8_t *payload,
		       const struct vrs_err *err)
{
	struct digest_ask *a = arg;
	struct copy *c = a->copy;
	struct vrs_err why = {0};

	if (!reply) {
		throttle_fail(&c->flow, err);
	} else if (reply->len != a->n * TREE_DIGEST_BYTES) {
		(void)vrs_fail(&why, VRS_EPARSE, "an answer of hashes has a wrong size");
		throttle_fail(&c->flow, &why);
	} else {
		memcpy(a->out, payload, reply->len);
		if (a->proven)
			memset(a->proven, 1, a->n);
		if (a->proven && c->env.progress)
			atomic_fetch_add(&c->env.progress->compared_bytes,
					 a->n * TREE_CHUNK_BYTES);
	}
	free(payload);
	throttle_leave(&c->flow, a->cost);
	free(a);
}

static int send_ask(struct digest_ask *a, struct remote *f, uint8_t slot, uint64_t first,
		    struct vrs_err *err)
{
	/* of a seed, what this copy does not change may be known */
	const struct copy *c = a->copy;
	bool known = c->choosing_base || (a->proven && c->old_is_there && !c->from_disk);
	struct wire_head head = {.type = WIRE_HASHES,
				 .slot = slot,
				 .shift = known ? WIRE_REMEMBERED : 0,
				 .a = first,
				 .b = a->n};
	struct vrs_err why = {0};

	if (remote_send(f, &head, NULL, on_digests, a, &why) == 0)
		return 0;
	on_digests(a, NULL, NULL, &why);
	if (err)
		*err = why;
	return why.code;
}

int copy_ask_digests(struct copy *c, struct remote *f, uint8_t slot, uint64_t first,
		     uint64_t n, struct tree_digest *out, uint8_t *proven,
		     struct vrs_err *err)
{
	for (uint64_t i = 0; i < n; i += HASH_BATCH) {
		uint64_t some = n - i < HASH_BATCH ? n - i : HASH_BATCH;
		int status = throttle_enter(&c->flow, HASH_COST, 0, err);

		if (status < 0)
			return status;
		struct digest_ask *a = vrs_calloc(1, sizeof(*a));
		*a = (struct digest_ask){c, some, HASH_COST, out + i,
					 proven ? proven + i : NULL};
		if ((status = send_ask(a, f, slot, first + i, err)) < 0)
			return status;
	}
	return 0;
}

void copy_want_digests(struct copy *c, struct remote *f, uint8_t slot, uint64_t first,
		       uint64_t n, struct tree_digest *out, uint8_t *proven)
{
	struct digest_ask *a = vrs_calloc(1, sizeof(*a));

	throttle_hold(&c->flow, 1);
	*a = (struct digest_ask){c, n, 1, out, proven};
	(void)send_ask(a, f, slot, first, NULL);
}

static int ask_all(struct copy *c, struct remote *f, uint8_t slot, uint64_t size,
		   struct tree_digest *out, struct vrs_err *err)
{
	return copy_ask_digests(c, f, slot, 0, tree_n_chunks(size), out, NULL, err);
}

static int open_image(struct copy *c, const char *path, const char *format,
		      uint64_t *ret_size, struct vrs_err *err)
{
	struct wire_texts t = {.len = 0};
	struct wire_head reply, head = {.type = WIRE_SOURCE, .slot = c->base_slot};
	int status;

	if ((status = wire_put_text(&t, path, err)) < 0 ||
	    (status = wire_put_text(&t, format, err)) < 0)
		return status;
	head.len = (uint32_t)t.len;
	if ((status = remote_ask(c->env.target, &head, t.bytes, &reply, NULL, err)) < 0)
		return status;
	if (reply.a == 0 || reply.a > TREE_MAX_DISK_BYTES)
		return vrs_fail(err, VRS_EPARSE, "target: an impossible disk size");
	*ret_size = reply.a;
	return 0;
}

static void close_image(struct copy *c)
{
	struct wire_head head = {.type = WIRE_CLOSE, .slot = c->base_slot}, reply;

	(void)remote_ask(c->env.target, &head, NULL, &reply, NULL, NULL);
}

int copy_base_fits(struct copy *c, bool *ret, struct vrs_err *err)
{
	struct vrs_err why = {0};
	uint64_t size;
	char hex[TREE_HEX_BYTES];

	*ret = false;
	int status = open_image(c, c->disk.base_path, c->disk.target_format, &size, &why);
	if (status == VRS_ECONN || status == VRS_ETIMEOUT || status == VRS_ECONFLICT) {
		if (err)
			*err = why;
		return status;
	}
	if (status < 0) /* not there or not readable: no base */
		return 0;
	if (size == c->size && !*c->disk.base_hash) {
		*ret = true;
	} else if (size == c->size) {
		struct tree_digest *all = vrs_calloc(c->n_chunks, sizeof(*all));

		c->choosing_base = true;
		status = ask_all(c, c->env.target, c->base_slot, size, all, err);
		c->choosing_base = false;
		if (throttle_drain(&c->flow, status < 0 ? NULL : err) < 0 && status == 0)
			status = err ? err->code : VRS_EIO;
		if (status == 0) {
			struct tree_digest root = tree_root(all, c->n_chunks, size);

			tree_hex(hex, &root);
			*ret = strcmp(hex, c->disk.base_hash) == 0;
		}
		free(all);
	}
	close_image(c);
	return status;
}

int copy_target_is_source(struct copy *c, bool *ret, struct vrs_err *err)
{
	uint64_t size;
	int status =
		open_image(c, c->disk.target_path, c->disk.target_format, &size, err);

	*ret = false;
	if (status < 0)
		return status;
	if (size == c->size) {
		status = ask_all(c, c->env.target, c->base_slot, size, c->target, err);
		if (status == 0)
			status = ask_all(c, c->env.source, c->slot, size, c->source, err);
		if (throttle_drain(&c->flow, status < 0 ? NULL : err) < 0 && status == 0)
			status = err ? err->code : VRS_EIO;
		*ret = status == 0 && memcmp(c->source, c->target,
					     c->n_chunks * sizeof(*c->source)) == 0;
	}
	close_image(c);
	return status;
}

int copy_hash(struct remote *f, const char *path, const char *format, uint64_t *ret_bytes,
	      char ret_hex[TREE_HEX_BYTES], struct vrs_err *err)
{
	struct copy c = {.base_slot = WIRE_MAX_SLOTS - 1};
	struct tree_digest *all = NULL;
	uint64_t size;

	c.env.target = f;
	throttle_init(&c.flow, COPY_ROOM_BYTES, NULL, NULL, NULL);
	int status = open_image(&c, path, format, &size, err);
	if (status == 0) {
		all = vrs_calloc(tree_n_chunks(size), sizeof(*all));
		status = ask_all(&c, f, c.base_slot, size, all, err);
		if (throttle_drain(&c.flow, status < 0 ? NULL : err) < 0 && status == 0)
			status = err ? err->code : VRS_EIO;
		close_image(&c);
	}
	if (status == 0) {
		struct tree_digest root = tree_root(all, tree_n_chunks(size), size);

		tree_hex(ret_hex, &root);
		*ret_bytes = size;
	}
	free(all);
	throttle_fini(&c.flow);
	return status;
}
