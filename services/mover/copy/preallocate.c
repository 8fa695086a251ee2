/* Room at the target, taken before the data come.
 *
 * Where a raw file has no blocks yet, file systems let one writer in at a time, and
 * nobody may read meanwhile; with room taken, writers and who reads back work side by
 * side. So before a stretch of chunks is sent, its longer runs of data are allocated. If
 * much of what was read lately was zeros, the next stretch is not: a thick image shall
 * become a thin one. */
#include "copy/parts.h"

enum {
	STRETCH_CHUNKS = 16,
	MIN_RUN_BYTES = 1 << 20, /* less is not worth a request */
	MEMORY_BYTES = 128 << 20,
	MAX_ZERO_PART = 16, /* of what was seen lately, at most this part */
};

void copy_seen(struct copy *c, uint64_t bytes, uint64_t zero_bytes)
{
	if (c->seen_bytes >= MEMORY_BYTES) {
		c->seen_bytes /= 2;
		c->seen_zero_bytes /= 2;
	}
	c->seen_bytes += bytes;
	c->seen_zero_bytes += zero_bytes;
}

static bool mostly_data(struct copy *c)
{
	(void)pthread_mutex_lock(&c->flow.lock);
	bool yes = c->seen_zero_bytes <= c->seen_bytes / MAX_ZERO_PART;
	(void)pthread_mutex_unlock(&c->flow.lock);
	return yes;
}

static void take(struct copy *c, uint64_t from, uint64_t to)
{
	struct wire_head head = {.type = WIRE_ALLOCATE, .slot = c->slot, .a = from};

	if (to > c->size)
		to = c->size;
	head.b = to - from;
	if (head.b < MIN_RUN_BYTES)
		return;
	c->room_taken = true;
	copy_tell(c, c->env.target, &head);
}

static bool will_be_sent(const struct copy *c, uint64_t block)
{
	return c->plan[block >> (TREE_CHUNK_SHIFT - TREE_BLOCK_SHIFT)] == PLAN_SEND &&
	       copy_has_data(c, block);
}

void copy_take_room(struct copy *c, uint64_t chunk)
{
	if (chunk < c->room_until)
		return;
	c->room_until = (chunk / STRETCH_CHUNKS + 1) * STRETCH_CHUNKS;
	c->room_taken = false;
	if (!c->overlap || remote_is_plain(c->env.target) || !mostly_data(c))
		return;

	const unsigned shift = TREE_CHUNK_SHIFT - TREE_BLOCK_SHIFT;
	uint64_t until = c->room_until < c->n_chunks ? c->room_until : c->n_chunks;
	for (uint64_t b = chunk << shift; b < until << shift;) {
		uint64_t first = b;

		while (b < until << shift && will_be_sent(c, b))
			b++;
		if (b > first)
			take(c, first << TREE_BLOCK_SHIFT, b << TREE_BLOCK_SHIFT);
		else
			b++;
	}
}
