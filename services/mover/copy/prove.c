/* Reads back what is on the target's disk, mostly while later chunks are being sent. */
#include <stdlib.h>
#include <string.h>

#include "copy/parts.h"
#include "vrs/mem.h"

struct prove_list {
	struct copy *copy;
	uint64_t bytes;
	size_t n, cap;
	uint64_t *chunk;
};

static void list_free(struct prove_list *l)
{
	if (l) {
		free(l->chunk);
		free(l);
	}
}

void copy_prove_free(struct copy *c)
{
	list_free(c->proving);
	free(c->proven);
}

static int by_number(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static uint64_t enough_bytes(const struct copy *c)
{
	return c->old_is_there ? COPY_PROVE_SEED_BYTES : COPY_PROVE_BYTES;
}

static void start_round(struct copy *c);

static void on_round_synced(void *arg, const struct wire_head *reply, uint8_t *payload,
			    const struct vrs_err *err)
{
	struct prove_list *l = arg;
	struct copy *c = l->copy;

	free(payload);
	if (!reply) {
		throttle_fail(&c->throttle, err);
	} else {
		if (reply->a)
			atomic_store(&c->touched, true);
		qsort(l->chunk, l->n, sizeof(*l->chunk), by_number);
		for (size_t i = 0; i < l->n;) {
			uint64_t first = l->chunk[i];
			size_t n = 1;

			while (n < HASH_BATCH && i + n < l->n &&
			       l->chunk[i + n] == first + n)
				n++;
			copy_post_digests(c, &(struct digest_request){c->env.target,
								      c->slot, first, n,
								      c->target + first,
								      c->proven + first});
			i += n;
		}
	}
	list_free(l);
	(void)pthread_mutex_lock(&c->throttle.lock);
	c->syncing = false;
	bool more = reply && c->proving && c->proving->bytes >= enough_bytes(c);
	(void)pthread_mutex_unlock(&c->throttle.lock);
	if (more)
		start_round(c);
	throttle_leave(&c->throttle, 1);
}

/* Flushes the chunks that were marked and reads them back from the disk. */
static void start_round(struct copy *c)
{
	(void)pthread_mutex_lock(&c->throttle.lock);
	struct prove_list *l = c->syncing ? NULL : c->proving;
	if (l) {
		c->proving = NULL;
		c->syncing = true;
	}
	(void)pthread_mutex_unlock(&c->throttle.lock);
	if (!l)
		return;
	throttle_hold(&c->throttle, 1);
	copy_send(c->env.target,
		  &(struct remote_request){.head = {.type = WIRE_SYNC, .slot = c->slot},
					   .done = on_round_synced,
					   .arg = l});
}

void copy_prove_later(struct copy *c, uint64_t chunk)
{
	(void)pthread_mutex_lock(&c->throttle.lock);
	if (!c->proving) {
		c->proving = vrs_calloc(1, sizeof(*c->proving));
		c->proving->copy = c;
	}
	struct prove_list *l = c->proving;
	l->chunk = vrs_grow(l->chunk, l->n, &l->cap, sizeof(*l->chunk));
	l->chunk[l->n++] = chunk;
	l->bytes += copy_data_bytes(c, chunk);
	bool enough = l->bytes >= enough_bytes(c) && !c->syncing;
	(void)pthread_mutex_unlock(&c->throttle.lock);
	if (enough)
		start_round(c);
}

int copy_sync_target(struct copy *c, struct vrs_err *err)
{
	struct wire_head head = {.type = WIRE_SYNC, .slot = c->slot};
	struct remote_reply reply = {.payload = NULL};
	int status = remote_call(c->env.target, &head, NULL, &reply, err);

	c->marked_bytes = 0;
	if (status == 0 && reply.head.a)
		atomic_store(&c->touched, true);
	free(reply.payload);
	return status;
}

static bool wanted(const struct copy *c, uint64_t i, bool only_compared)
{
	return only_compared ? c->plan[i] == PLAN_COMPARE : !c->proven[i];
}

int copy_read_back(struct copy *c, bool only_compared, struct vrs_err *err)
{
	int status = 0;

	for (uint64_t i = 0; i < c->n_chunks && status == 0;) {
		uint64_t first = i;

		if (!wanted(c, i, only_compared)) {
			i++;
			continue;
		}
		while (i < c->n_chunks && i - first < HASH_BATCH &&
		       wanted(c, i, only_compared))
			i++;
		struct digest_request r = {
			c->env.target, c->slot,           first,
			i - first,     c->target + first, c->proven + first};
		status = copy_request_digests(c, &r, err);
	}
	int drained = throttle_drain(&c->throttle, status < 0 ? NULL : err);
	return status < 0 ? status : drained;
}
