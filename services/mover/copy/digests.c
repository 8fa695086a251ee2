/* Digests of chunks from either side. */
#include <stdlib.h>
#include <string.h>

#include "copy/parts.h"
#include "vrs/mem.h"

struct digest_job {
	struct copy *copy;
	struct digest_request r;
	uint64_t cost;
};

static void on_digests(void *arg, const struct wire_head *reply, uint8_t *payload,
		       const struct vrs_err *err)
{
	struct digest_job *j = arg;
	struct copy *c = j->copy;
	const struct digest_request *r = &j->r;
	struct vrs_err why = {0};

	if (!reply) {
		throttle_fail(&c->throttle, err);
	} else if (reply->len != r->n * TREE_DIGEST_BYTES) {
		(void)vrs_fail(&why, VRS_EPARSE,
			       "the reply to HASHES has the wrong size");
		throttle_fail(&c->throttle, &why);
	} else {
		memcpy(r->out, payload, reply->len);
		if (r->proven)
			memset(r->proven, 1, r->n);
		if (r->proven && c->env.progress)
			atomic_fetch_add(&c->env.progress->compared_bytes,
					 r->n * TREE_CHUNK_BYTES);
	}
	free(payload);
	throttle_leave(&c->throttle, j->cost);
	free(j);
}

static void start(struct copy *c, const struct digest_request *r, uint64_t cost)
{
	/* chunks of a seed that this copy does not change may come from the cache */
	bool cached = c->choosing_base || (r->proven && c->old_is_there && !c->from_disk);
	struct digest_job *j = vrs_calloc(1, sizeof(*j));

	*j = (struct digest_job){c, *r, cost};
	copy_send(r->remote,
		  &(struct remote_request){.head = {.type = WIRE_HASHES,
						    .slot = r->slot,
						    .shift = cached ? WIRE_REMEMBERED : 0,
						    .a = r->first,
						    .b = r->n},
					   .done = on_digests,
					   .arg = j});
}

int copy_request_digests(struct copy *c, const struct digest_request *all,
			 struct vrs_err *err)
{
	int status = 0;

	for (uint64_t i = 0; i < all->n && status == 0; i += HASH_BATCH) {
		struct digest_request r = *all;

		r.first += i;
		r.n = all->n - i < HASH_BATCH ? all->n - i : HASH_BATCH;
		r.out += i;
		if (r.proven)
			r.proven += i;
		if ((status = throttle_enter(&c->throttle, HASH_COST, 0, err)) == 0)
			start(c, &r, HASH_COST);
	}
	return status;
}

void copy_post_digests(struct copy *c, const struct digest_request *r)
{
	throttle_hold(&c->throttle, 1);
	start(c, r, 1);
}

/* All digests of the image in a slot. */
static int read_all(struct copy *c, struct remote *f, uint8_t slot,
		    struct tree_digest *out, struct vrs_err *err)
{
	struct digest_request r = {
		.remote = f, .slot = slot, .n = c->n_chunks, .out = out};

	return copy_request_digests(c, &r, err);
}

/* Waits for what read_all() requested. */
static int wait_all(struct copy *c, int status, struct vrs_err *err)
{
	int drained = throttle_drain(&c->throttle, status < 0 ? NULL : err);

	return status < 0 ? status : drained;
}

/* Opens an image of the target in base_slot. */
static int open_image(struct copy *c, const char *path, const char *format,
		      uint64_t *ret_size, struct vrs_err *err)
{
	struct wire_head head = {.type = WIRE_SOURCE, .slot = c->base_slot};
	struct remote_reply reply;
	int status = remote_call(c->env.target, &head,
				 (const char *[]){path, format, NULL}, &reply, err);

	if (status < 0)
		return status;
	free(reply.payload);
	if (reply.head.a == 0 || reply.head.a > TREE_MAX_DISK_BYTES)
		return vrs_fail(err, VRS_EPARSE, "target: invalid disk size");
	*ret_size = reply.head.a;
	return 0;
}

static void close_image(struct copy *c)
{
	struct wire_head head = {.type = WIRE_CLOSE, .slot = c->base_slot};

	(void)remote_call(c->env.target, &head, NULL, NULL, NULL);
}

/* The hash of the image in base_slot. */
static int hash_image(struct copy *c, char ret_hex[TREE_HEX_BYTES], struct vrs_err *err)
{
	struct tree_digest *all = vrs_calloc(c->n_chunks, sizeof(*all));
	int status = wait_all(c, read_all(c, c->env.target, c->base_slot, all, err), err);

	if (status == 0) {
		struct tree_digest root = tree_root(all, c->n_chunks, c->size);

		tree_hex(ret_hex, &root);
	}
	free(all);
	return status;
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
	if (status < 0) /* missing or not readable: there is no base */
		return 0;
	*ret = size == c->size;
	if (*ret && *c->disk.base_hash) {
		c->choosing_base = true;
		status = hash_image(c, hex, err);
		c->choosing_base = false;
		*ret = status == 0 && strcmp(hex, c->disk.base_hash) == 0;
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
		status = read_all(c, c->env.target, c->base_slot, c->target, err);
		if (status == 0)
			status = read_all(c, c->env.source, c->slot, c->source, err);
		status = wait_all(c, status, err);
		*ret = status == 0 && memcmp(c->source, c->target,
					     c->n_chunks * sizeof(*c->source)) == 0;
	}
	close_image(c);
	return status;
}

int copy_hash(struct remote *f, const char *path, const char *format,
	      struct image_hash *ret, struct vrs_err *err)
{
	struct copy c = {.base_slot = WIRE_MAX_SLOTS - 1, .env = {.target = f}};

	throttle_init(&c.throttle, COPY_WINDOW_BYTES, NULL, NULL, NULL);
	int status = open_image(&c, path, format, &c.size, err);
	if (status == 0) {
		c.n_chunks = tree_n_chunks(c.size);
		status = hash_image(&c, ret->hex, err);
		ret->disk_bytes = c.size;
		close_image(&c);
	}
	throttle_fini(&c.throttle);
	return status;
}
