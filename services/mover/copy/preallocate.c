/* Allocates space at the target before the data arrive.
 *
 * While a raw file has no blocks yet, file systems admit one writer at a time and no
 * reader meanwhile; with blocks allocated, writers and the thread that reads back run in
 * parallel. So before a stretch of chunks is sent, its longer runs of data are allocated.
 * If many of the recent bytes were zeros, nothing is: a thick image becomes a thin one.
 */
#include "copy/parts.h"

enum {
	STRETCH_CHUNKS = 16,
	MIN_RUN_BYTES = 1 << 20, /* shorter ones are not worth a request */
	MEMORY_BYTES = 128 << 20,
	MAX_ZERO_PART = 16, /* at most one in so many recent bytes may be zero */
};

void copy_count_zeros(struct copy *c, uint64_t bytes, uint64_t zero_bytes)
{
	if (c->recent_bytes >= MEMORY_BYTES) {
		c->recent_bytes /= 2;
		c->recent_zero_bytes /= 2;
	}
	c->recent_bytes += bytes;
	c->recent_zero_bytes += zero_bytes;
}

static bool mostly_data(struct copy *c)
{
	(void)pthread_mutex_lock(&c->throttle.lock);
	bool yes = c->recent_zero_bytes <= c->recent_bytes / MAX_ZERO_PART;
	(void)pthread_mutex_unlock(&c->throttle.lock);
	return yes;
}

static void allocate(struct copy *c, uint64_t from, uint64_t to)
{
	struct wire_head head = {.type = WIRE_ALLOCATE, .slot = c->slot, .a = from};

	if (to > c->size)
		to = c->size;
	head.b = to - from;
	if (head.b < MIN_RUN_BYTES)
		return;
	c->preallocated = true;
	copy_post(c, c->env.target, &head);
}

static bool will_be_sent(const struct copy *c, uint64_t block)
{
	return c->plan[block >> (TREE_CHUNK_SHIFT - TREE_BLOCK_SHIFT)] == PLAN_SEND &&
	       copy_has_data(c, block);
}

void copy_preallocate(struct copy *c, uint64_t chunk)
{
	if (chunk < c->preallocated_until)
		return;
	c->preallocated_until = (chunk / STRETCH_CHUNKS + 1) * STRETCH_CHUNKS;
	c->preallocated = false;
	if (!c->overlap || remote_is_sftp_only(c->env.target) || !mostly_data(c))
		return;

	const unsigned shift = TREE_CHUNK_SHIFT - TREE_BLOCK_SHIFT;
	uint64_t until =
		c->preallocated_until < c->n_chunks ? c->preallocated_until : c->n_chunks;
	for (uint64_t b = chunk << shift; b < until << shift;) {
		uint64_t first = b;

		while (b < until << shift && will_be_sent(c, b))
			b++;
		if (b > first)
			allocate(c, first << TREE_BLOCK_SHIFT, b << TREE_BLOCK_SHIFT);
		else
			b++;
	}
}
