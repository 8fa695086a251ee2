/* Reading back what is on the target's disk, most of it while later chunks travel. */
#include <stdlib.h>
#include <string.h>

#include "copy/parts.h"
#include "vrs/mem.h"

struct prove_list {
	struct copy *copy;
	uint64_t bytes;
	size_t n, room;
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
		throttle_fail(&c->flow, err);
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
			copy_want_digests(c, c->env.target, c->slot, first, n,
					  c->target + first, c->proven + first);
			i += n;
		}
	}
	list_free(l);
	(void)pthread_mutex_lock(&c->flow.lock);
	c->syncing = false;
	bool more = reply && c->proving && c->proving->bytes >= enough_bytes(c);
	(void)pthread_mutex_unlock(&c->flow.lock);
	if (more)
		start_round(c);
	throttle_leave(&c->flow, 1);
}

/* What was marked goes to the disk and is read back from there. */
static void start_round(struct copy *c)
{
	struct wire_head head = {.type = WIRE_SYNC, .slot = c->slot};
	struct vrs_err err = {0};

	(void)pthread_mutex_lock(&c->flow.lock);
	struct prove_list *l = c->syncing ? NULL : c->proving;
	if (l) {
		c->proving = NULL;
		c->syncing = true;
	}
	(void)pthread_mutex_unlock(&c->flow.lock);
	if (!l)
		return;
	throttle_hold(&c->flow, 1);
	if (remote_send(c->env.target, &head, NULL, on_round_synced, l, &err) < 0)
		on_round_synced(l, NULL, NULL, &err);
}

void copy_prove_later(struct copy *c, uint64_t chunk)
{
	(void)pthread_mutex_lock(&c->flow.lock);
	if (!c->proving) {
		c->proving = vrs_calloc(1, sizeof(*c->proving));
		c->proving->copy = c;
	}
	struct prove_list *l = c->proving;
	l->chunk = vrs_grow(l->chunk, l->n, &l->room, sizeof(*l->chunk));
	l->chunk[l->n++] = chunk;
	l->bytes += copy_data_bytes(c, chunk);
	bool enough = l->bytes >= enough_bytes(c) && !c->syncing;
	(void)pthread_mutex_unlock(&c->flow.lock);
	if (enough)
		start_round(c);
}

int copy_sync_target(struct copy *c, struct vrs_err *err)
{
	struct wire_head reply;
	int status = copy_ask(c, c->env.target, WIRE_SYNC, 0, 0, NULL, &reply, NULL, err);

	c->marked_bytes = 0;
	if (status == 0 && reply.a)
		atomic_store(&c->touched, true);
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
		status = copy_ask_digests(c, c->env.target, c->slot, first, i - first,
					  c->target + first, c->proven + first, err);
	}
	int drained = throttle_drain(&c->flow, status < 0 ? NULL : err);
	return status < 0 ? status : drained;
}
