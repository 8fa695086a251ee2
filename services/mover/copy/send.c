#include <stdlib.h>
#include <string.h>

#include "copy/parts.h"
#include "vrs/clock.h"
#include "vrs/fault.h"
#include "vrs/mem.h"

/* One write of SFTP, which takes 256 KiB with its head, holds it. */
enum { SFTP_DATA = 3 << TREE_BLOCK_SHIFT };

/* A chunk of which parts are on their way; gone when the target has marked it. */
struct chunk_work {
	struct copy *copy;
	uint64_t chunk;
	bool fresh;
	bool punch;          /* zeros have to be told, too */
	_Atomic int pending; /* pieces, and one for who adds them */
	struct tree_digest block[TREE_BLOCKS_PER_CHUNK];
};

struct piece {
	struct chunk_work *work;
	uint64_t off, len;
	uint64_t n_data, n_wire; /* bytes that are not zero, and what travels for them */
	unsigned shift, run;
	bool packed; /* it was asked to be */
};

static void on_marked(void *arg, const struct wire_head *reply, uint8_t *payload,
		      const struct vrs_err *err)
{
	struct chunk_work *w = arg;
	struct copy *c = w->copy;

	free(payload);
	if (reply) {
		atomic_fetch_add(&c->env.progress->done_bytes,
				 copy_data_bytes(c, w->chunk));
		if (c->overlap && !c->from_disk)
			copy_prove_later(c, w->chunk);
	} else {
		throttle_fail(&c->flow, err);
	}
	free(w);
	throttle_leave(&c->flow, 1);
}

static void work_done(struct chunk_work *w)
{
	struct copy *c = w->copy;
	struct wire_head mark = {
		.type = WIRE_MARK, .slot = c->slot, .a = w->chunk, .b = 1};
	struct vrs_err err = {0};
	size_t n_blocks = (size_t)((tree_chunk_bytes(c->size, w->chunk) +
				    (1u << TREE_BLOCK_SHIFT) - 1) >>
				   TREE_BLOCK_SHIFT);

	if (w->fresh)
		c->source[w->chunk] = tree_chunk(w->block, n_blocks);
	(void)vrs_fault("mover.chunk");
	if (remote_send(c->env.target, &mark, NULL, on_marked, w, &err) < 0)
		on_marked(w, NULL, NULL, &err);
}

static void release(struct chunk_work *w)
{
	if (atomic_fetch_sub(&w->pending, 1) == 1)
		work_done(w);
}

static void piece_done(struct piece *p, const struct vrs_err *err)
{
	struct copy *c = p->work->copy;
	uint64_t len = p->len;

	/* what failed is never marked: the reference is kept from work_done */
	if (err) {
		throttle_fail(&c->flow, err);
		if (atomic_fetch_sub(&p->work->pending, 1) == 1) {
			free(p->work);
			throttle_leave(&c->flow, 1);
		}
	} else {
		release(p->work);
	}
	free(p);
	throttle_leave(&c->flow, len);
}

static void on_written(void *arg, const struct wire_head *reply, uint8_t *payload,
		       const struct vrs_err *err)
{
	const struct piece *p = arg;
	struct copy *c = p->work->copy;

	free(payload);
	(void)pthread_mutex_lock(&c->flow.lock);
	auto_compress_arrived(&c->pace, p->run, p->len, p->packed, p->n_data, p->n_wire,
			      vrs_now_mono_ms());
	(void)pthread_mutex_unlock(&c->flow.lock);
	piece_done(arg, reply ? NULL : err);
}

/* Its first byte goes out now: what waits here only was not sent. */
static void on_begun(void *arg)
{
	const struct piece *p = arg;
	struct copy *c = p->work->copy;

	(void)pthread_mutex_lock(&c->flow.lock);
	uint64_t again = p->n_wire < c->doubt_bytes ? p->n_wire : c->doubt_bytes;
	c->doubt_bytes -= again;
	c->result.sent_bytes += p->n_wire;
	(void)pthread_mutex_unlock(&c->flow.lock);
	atomic_fetch_add(&c->env.progress->sent_bytes, p->n_wire);
	atomic_fetch_add(&c->env.progress->resent_bytes, again);
}

/* Is it the answer to our READ? What is packed in it, the target finds out. */
static bool answer_ok(const struct piece *p, const struct wire_head *reply,
		      const uint8_t *payload)
{
	if (reply->a != p->off || reply->b != p->len)
		return false;
	if (p->packed && reply->shift == (p->shift | WIRE_PACKED))
		return reply->len > wire_n_blocks(p->len, p->shift) * TREE_DIGEST_BYTES;
	return reply->shift == p->shift &&
	       wire_blocks_ok(payload, reply->len, p->off, p->len, p->shift);
}

static void on_read(void *arg, const struct wire_head *reply, uint8_t *payload,
		    const struct vrs_err *err)
{
	struct piece *p = arg;
	struct chunk_work *w = p->work;
	struct copy *c = w->copy;
	struct vrs_err why = {0};

	if (!reply) {
		piece_done(p, err);
		return;
	}
	if (!answer_ok(p, reply, payload)) {
		free(payload);
		(void)vrs_fail(&why, VRS_EPARSE, "the source sends what was not asked");
		piece_done(p, &why);
		return;
	}

	size_t n = wire_n_blocks(p->len, p->shift);
	p->n_data = wire_data_bytes(payload, p->len, p->shift);
	p->n_wire = reply->len - n * TREE_DIGEST_BYTES;
	throttle_refund(&c->flow, p->len > p->n_wire ? p->len - p->n_wire : 0);
	if (w->fresh) {
		(void)pthread_mutex_lock(&c->flow.lock);
		copy_seen(c, p->len, p->len > p->n_data ? p->len - p->n_data : 0);
		(void)pthread_mutex_unlock(&c->flow.lock);
	}
	if (w->fresh) {
		size_t first = (size_t)(p->off % TREE_CHUNK_BYTES) >> TREE_BLOCK_SHIFT;

		memcpy(&w->block[first], payload, n * TREE_DIGEST_BYTES);
	}
	if (p->n_data == 0 && w->fresh && !w->punch) {
		free(payload);
		piece_done(p, NULL);
		return;
	}
	struct wire_head head = {.type = WIRE_WRITE,
				 .slot = c->slot,
				 .shift = reply->shift,
				 .len = reply->len,
				 .a = p->off,
				 .b = p->len};
	if (remote_send_told(c->env.target, &head, payload, on_begun, on_written, p,
			     &why) < 0)
		piece_done(p, &why);
}

struct chunk_work *copy_work_begin(struct copy *c, uint64_t chunk, bool fresh,
				   struct vrs_err *err)
{
	if (throttle_enter(&c->flow, 1, 0, err) < 0)
		return NULL;
	struct chunk_work *w = vrs_calloc(1, sizeof(*w));
	w->copy = c;
	w->chunk = chunk;
	w->fresh = fresh;
	atomic_init(&w->pending, 1);
	return w;
}

int copy_work_add(struct chunk_work *w, uint64_t off, uint64_t len, unsigned shift,
		  struct vrs_err *err)
{
	struct copy *c = w->copy;
	int status = throttle_enter(&c->flow, len, len, err);

	if (status < 0)
		return status;
	struct piece *p = vrs_calloc(1, sizeof(*p));
	*p = (struct piece){.work = w, .off = off, .len = len, .shift = shift};
	(void)pthread_mutex_lock(&c->flow.lock);
	p->packed = auto_compress_next(&c->pace, len, &p->run);
	(void)pthread_mutex_unlock(&c->flow.lock);
	struct wire_head head = {
		.type = WIRE_READ,
		.slot = c->slot,
		.shift = (uint16_t)(shift | (p->packed ? WIRE_PACKED : 0)),
		.a = off,
		.b = len};
	atomic_fetch_add(&w->pending, 1);
	struct vrs_err why = {0};
	status = remote_send(c->env.source, &head, NULL, on_read, p, &why);
	if (status < 0) {
		piece_done(p, &why);
		if (err)
			*err = why;
	}
	return status;
}

void copy_work_end(struct chunk_work *w)
{
	struct copy *c = w->copy;

	(void)pthread_mutex_lock(&c->flow.lock);
	bool failed = c->flow.failed.code != 0;
	(void)pthread_mutex_unlock(&c->flow.lock);
	if (!failed) {
		release(w);
	} else if (atomic_fetch_sub(&w->pending, 1) == 1) {
		free(w);
		throttle_leave(&c->flow, 1);
	}
}

int copy_send_chunk(struct copy *c, uint64_t chunk, struct vrs_err *err)
{
	const uint64_t per_read =
		(remote_is_plain(c->env.target) ? SFTP_DATA : WIRE_MAX_DATA) >>
		TREE_BLOCK_SHIFT;
	uint64_t block = chunk << (TREE_CHUNK_SHIFT - TREE_BLOCK_SHIFT);
	uint64_t end =
		block +
		((tree_chunk_bytes(c->size, chunk) + (1u << TREE_BLOCK_SHIFT) - 1) >>
		 TREE_BLOCK_SHIFT);
	int status = 0;
	copy_take_room(c, chunk);
	struct chunk_work *w = copy_work_begin(c, chunk, true, err);
	if (!w)
		return err ? err->code : VRS_EIO;
	w->punch = c->room_taken;
	while (block < end && status == 0) {
		uint64_t first = block;

		if (!copy_has_data(c, block)) {
			block++;
			continue;
		}
		while (block < end && block - first < per_read && copy_has_data(c, block))
			block++;
		uint64_t off = first << TREE_BLOCK_SHIFT;
		uint64_t until = block << TREE_BLOCK_SHIFT;
		if (until > c->size)
			until = c->size;
		status = copy_work_add(w, off, until - off, TREE_BLOCK_SHIFT, err);
	}
	copy_work_end(w);
	return status;
}
