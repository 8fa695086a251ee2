#include <stdlib.h>
#include <string.h>

#include "copy/parts.h"
#include "image/hash/hashes.h"
#include "vrs/mem.h"

enum { MAX_BATCHES = 32, SIDES = 2 };

/* A few chunks whose leaves were requested from both sides. */
struct batch {
	struct batch *next;
	struct copy *copy;
	uint64_t first, n;
	_Atomic int pending;
	struct side {
		struct batch *batch;
		uint8_t *payload;
		size_t len;
	} side[SIDES];
};

static void batch_free(struct batch *b)
{
	for (int i = 0; i < SIDES; i++)
		free(b->side[i].payload);
	free(b);
}

static void batch_ready(struct batch *b)
{
	struct copy *c = b->copy;

	(void)pthread_mutex_lock(&c->throttle.lock);
	b->next = c->ready;
	c->ready = b;
	(void)pthread_cond_broadcast(&c->throttle.changed);
	(void)pthread_mutex_unlock(&c->throttle.lock);
}

static void on_leaves(void *arg, const struct wire_head *reply, uint8_t *payload,
		      const struct vrs_err *err)
{
	struct side *s = arg;
	struct batch *b = s->batch;

	if (reply) {
		s->payload = payload;
		s->len = reply->len;
	} else {
		throttle_fail(&b->copy->throttle, err);
	}
	if (atomic_fetch_sub(&b->pending, 1) == 1)
		batch_ready(b);
}

static void request_leaves(struct copy *c, uint64_t first, uint64_t n)
{
	struct batch *b = vrs_calloc(1, sizeof(*b));
	struct remote *remote[SIDES] = {c->env.source, c->env.target};
	unsigned how = c->from_disk          ? WIRE_FROM_DISK
		       : c->result.base_used ? WIRE_REMEMBERED
					     : 0;
	struct wire_head head = {.type = WIRE_HASHES,
				 .slot = c->slot,
				 .shift = (uint16_t)(TREE_LEAF_SHIFT | how),
				 .a = first,
				 .b = n};

	b->copy = c;
	b->first = first;
	b->n = n;
	atomic_init(&b->pending, SIDES);
	(void)pthread_mutex_lock(&c->throttle.lock);
	c->n_batches++;
	(void)pthread_mutex_unlock(&c->throttle.lock);
	for (int i = 0; i < SIDES; i++) {
		b->side[i].batch = b;
		copy_send(remote[i], &(struct remote_request){.head = head,
							      .done = on_leaves,
							      .arg = &b->side[i]});
	}
}

/* Sends the leaves of one chunk that differ. */
static int send_differences(struct copy *c, uint64_t chunk,
			    const struct tree_digest *source,
			    const struct tree_digest *target, struct vrs_err *err)
{
	const size_t per_read = WIRE_MAX_DATA >> TREE_LEAF_SHIFT;
	uint64_t start = chunk << TREE_CHUNK_SHIFT;
	size_t n = (size_t)((tree_chunk_bytes(c->size, chunk) + (1u << TREE_LEAF_SHIFT) -
			     1) >>
			    TREE_LEAF_SHIFT);
	int status = 0;
	struct chunk_work *w = copy_work_begin(c, chunk, false, err);

	if (!w)
		return err ? err->code : VRS_EIO;
	for (size_t i = 0; i < n && status == 0;) {
		size_t first = i;

		while (i < n && i - first < per_read &&
		       memcmp(&source[i], &target[i], sizeof(*source)) != 0)
			i++;
		if (i == first) {
			i++;
			continue;
		}
		uint64_t off = start + ((uint64_t)first << TREE_LEAF_SHIFT);
		uint64_t end = start + ((uint64_t)i << TREE_LEAF_SHIFT);
		if (end > c->size)
			end = c->size;
		status = copy_work_add(w, off, end - off, TREE_LEAF_SHIFT, err);
	}
	copy_work_end(w);
	return status;
}

/* These n chunks are equal on both sides. */
static void mark_equal(struct copy *c, uint64_t first, uint64_t n)
{
	struct wire_head mark = {.type = WIRE_MARK, .slot = c->slot, .a = first, .b = n};

	if (n == 0)
		return;
	copy_post(c, c->env.target, &mark);
	copy_add_done(c, first, n);
}

static int compare_batch(struct copy *c, struct batch *b, struct vrs_err *err)
{
	uint64_t n_equal = 0;
	struct tree_digest *leaves =
		vrs_calloc(SIDES * TREE_LEAVES_PER_CHUNK, sizeof(*leaves));
	size_t at[SIDES] = {0};
	int status = 0;

	for (uint64_t i = 0; i < b->n && status == 0; i++) {
		struct tree_digest chunk[SIDES];

		for (int s = 0; s < SIDES && status == 0; s++) {
			size_t used = hashes_parse_leaves(
				b->side[s].payload + at[s], b->side[s].len - at[s],
				&chunk[s], leaves + s * TREE_LEAVES_PER_CHUNK);

			if (used == 0)
				status = vrs_fail(err, VRS_EPARSE,
						  "the %s sent malformed hashes",
						  s == 0 ? "source" : "target");
			at[s] += used;
		}
		if (status < 0)
			break;
		c->source[b->first + i] = chunk[0];
		if (memcmp(&chunk[0], &chunk[1], sizeof(chunk[0])) != 0) {
			mark_equal(c, b->first + i - n_equal, n_equal);
			n_equal = 0;
			status = send_differences(c, b->first + i, leaves,
						  leaves + TREE_LEAVES_PER_CHUNK, err);
			continue;
		}
		if (c->old_is_there && !c->from_disk) {
			c->target[b->first + i] = chunk[1];
			c->proven[b->first + i] = 1;
		} else if (c->overlap && !c->from_disk) {
			copy_prove_later(c, b->first + i);
		}
		n_equal++;
	}
	if (status == 0)
		mark_equal(c, b->first + b->n - n_equal, n_equal);
	free(leaves);
	return status;
}

static bool some_ready(void *arg)
{
	return ((struct copy *)arg)->ready != NULL;
}

/* Waits for a batch that is ready; NULL on failure. */
static struct batch *next_ready(struct copy *c, struct vrs_err *err)
{
	if (throttle_wait(&c->throttle, some_ready, c, err) < 0)
		return NULL;
	(void)pthread_mutex_lock(&c->throttle.lock);
	struct batch *b = c->ready;
	c->ready = b->next;
	c->n_batches--;
	(void)pthread_mutex_unlock(&c->throttle.lock);
	return b;
}

static int compare_ready(struct copy *c, struct vrs_err *err)
{
	struct batch *b = next_ready(c, err);

	if (!b)
		return err ? err->code : VRS_EIO;
	int status = compare_batch(c, b, err);
	batch_free(b);
	if (status < 0)
		throttle_fail(&c->throttle, err);
	return status;
}

/* After a failure: waits for the batches in flight, which refer to the copy. */
static void drop_batches(struct copy *c)
{
	(void)pthread_mutex_lock(&c->throttle.lock);
	while (c->n_batches > 0) {
		struct batch *b = c->ready;

		if (!b) {
			(void)pthread_cond_wait(&c->throttle.changed, &c->throttle.lock);
			continue;
		}
		c->ready = b->next;
		c->n_batches--;
		batch_free(b);
	}
	(void)pthread_mutex_unlock(&c->throttle.lock);
}

int copy_compare(struct copy *c, struct vrs_err *err)
{
	struct vrs_err why = {0};
	int status = 0, n = 0;

	for (uint64_t i = 0; i < c->n_chunks && status == 0;) {
		uint64_t first = i;

		if (c->plan[i] != PLAN_COMPARE) {
			i++;
			continue;
		}
		while (i < c->n_chunks && i - first < WIRE_MAX_LEAF_CHUNKS &&
		       c->plan[i] == PLAN_COMPARE)
			i++;
		if (n == MAX_BATCHES) {
			status = compare_ready(c, &why);
			n--;
		}
		if (status == 0) {
			request_leaves(c, first, i - first);
			n++;
		}
	}
	while (status == 0 && n > 0) {
		status = compare_ready(c, &why);
		n--;
	}
	if (status < 0) {
		drop_batches(c);
		if (err)
			*err = why;
	}
	return status;
}
