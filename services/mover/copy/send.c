#include <stdlib.h>
#include <string.h>

#include "copy/parts.h"
#include "vrs/clock.h"
#include "vrs/fault.h"
#include "vrs/mem.h"

/* Fits into one write of SFTP, which is at most 256 KiB with its header. */
enum { SFTP_DATA = 3 << TREE_BLOCK_SHIFT };

/* A chunk that is being sent; freed when the target has marked it. */
struct chunk_work {
	struct copy *copy;
	uint64_t chunk;
	bool fresh;
	bool punch;          /* zeros must be sent as well */
	_Atomic int pending; /* pieces, and one until copy_work_end */
	struct tree_digest block[TREE_BLOCKS_PER_CHUNK];
};

struct piece {
	struct chunk_work *work;
	uint64_t off;
	unsigned shift;
	struct auto_compress_piece sent;
};

static void on_marked(void *arg, const struct wire_head *reply, uint8_t *payload,
		      const struct vrs_err *err)
{
	struct chunk_work *w = arg;
	struct copy *c = w->copy;

	free(payload);
	if (reply) {
		copy_add_done(c, w->chunk, 1);
		if (c->overlap && !c->from_disk)
			copy_prove_later(c, w->chunk);
	} else {
		throttle_fail(&c->throttle, err);
	}
	free(w);
	throttle_leave(&c->throttle, 1);
}

static void work_done(struct chunk_work *w)
{
	struct copy *c = w->copy;
	size_t n_blocks = (size_t)((tree_chunk_bytes(c->size, w->chunk) +
				    (1u << TREE_BLOCK_SHIFT) - 1) >>
				   TREE_BLOCK_SHIFT);

	if (w->fresh)
		c->source[w->chunk] = tree_chunk(w->block, n_blocks);
	(void)vrs_fault("mover.chunk");
	copy_send(c->env.target, &(struct remote_request){.head = {.type = WIRE_MARK,
								   .slot = c->slot,
								   .a = w->chunk,
								   .b = 1},
							  .done = on_marked,
							  .arg = w});
}

static void release(struct chunk_work *w)
{
	if (atomic_fetch_sub(&w->pending, 1) == 1)
		work_done(w);
}

static void piece_done(struct piece *p, const struct vrs_err *err)
{
	struct copy *c = p->work->copy;
	uint64_t len = p->sent.len;

	/* a chunk with a failed piece is never marked */
	if (err) {
		throttle_fail(&c->throttle, err);
		if (atomic_fetch_sub(&p->work->pending, 1) == 1) {
			free(p->work);
			throttle_leave(&c->throttle, 1);
		}
	} else {
		release(p->work);
	}
	free(p);
	throttle_leave(&c->throttle, len);
}

static void on_written(void *arg, const struct wire_head *reply, uint8_t *payload,
		       const struct vrs_err *err)
{
	const struct piece *p = arg;
	struct copy *c = p->work->copy;

	free(payload);
	(void)pthread_mutex_lock(&c->throttle.lock);
	auto_compress_arrived(&c->compress, &p->sent, vrs_now_mono_ms());
	(void)pthread_mutex_unlock(&c->throttle.lock);
	piece_done(arg, reply ? NULL : err);
}

/* Counts a piece as sent when its first byte is, not while it is queued. */
static void on_begun(void *arg)
{
	const struct piece *p = arg;
	struct copy *c = p->work->copy;
	uint64_t n = p->sent.wire_bytes;

	(void)pthread_mutex_lock(&c->throttle.lock);
	uint64_t again = n < c->resend_bytes ? n : c->resend_bytes;
	c->resend_bytes -= again;
	c->result.sent_bytes += n;
	(void)pthread_mutex_unlock(&c->throttle.lock);
	atomic_fetch_add(&c->env.progress->sent_bytes, n);
	atomic_fetch_add(&c->env.progress->resent_bytes, again);
}

/* Is it the reply to the READ? The target checks compressed blocks. */
static bool reply_ok(const struct piece *p, const struct wire_head *reply,
		     const uint8_t *payload)
{
	struct wire_blocks b = {payload, p->off, p->sent.len, p->shift};

	if (reply->a != b.off || reply->b != b.len)
		return false;
	if (p->sent.packed && reply->shift == (p->shift | WIRE_PACKED))
		return reply->len > wire_n_blocks(b.len, p->shift) * TREE_DIGEST_BYTES;
	return reply->shift == p->shift && wire_blocks_ok(&b, reply->len);
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
	if (!reply_ok(p, reply, payload)) {
		free(payload);
		(void)vrs_fail(&why, VRS_EPARSE,
			       "the source sent a malformed reply to READ");
		piece_done(p, &why);
		return;
	}

	struct auto_compress_piece *s = &p->sent;
	size_t n = wire_n_blocks(s->len, p->shift);
	s->data_bytes = wire_data_bytes(payload, s->len, p->shift);
	s->wire_bytes = reply->len - n * TREE_DIGEST_BYTES;
	throttle_refund(&c->throttle,
			s->len > s->wire_bytes ? s->len - s->wire_bytes : 0);
	if (w->fresh) {
		size_t first = (size_t)(p->off % TREE_CHUNK_BYTES) >> TREE_BLOCK_SHIFT;

		(void)pthread_mutex_lock(&c->throttle.lock);
		copy_count_zeros(c, s->len, s->len - s->data_bytes);
		(void)pthread_mutex_unlock(&c->throttle.lock);
		memcpy(&w->block[first], payload, n * TREE_DIGEST_BYTES);
	}
	if (s->data_bytes == 0 && w->fresh && !w->punch) {
		free(payload);
		piece_done(p, NULL);
		return;
	}
	copy_send(c->env.target, &(struct remote_request){.head = {.type = WIRE_WRITE,
								   .slot = c->slot,
								   .shift = reply->shift,
								   .len = reply->len,
								   .a = p->off,
								   .b = s->len},
							  .payload = payload,
							  .begun = on_begun,
							  .done = on_written,
							  .arg = p});
}

struct chunk_work *copy_work_begin(struct copy *c, uint64_t chunk, bool fresh,
				   struct vrs_err *err)
{
	if (throttle_enter(&c->throttle, 1, 0, err) < 0)
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
	int status = throttle_enter(&c->throttle, len, len, err);

	if (status < 0)
		return status;
	struct piece *p = vrs_calloc(1, sizeof(*p));
	*p = (struct piece){.work = w, .off = off, .shift = shift, .sent = {.len = len}};
	(void)pthread_mutex_lock(&c->throttle.lock);
	auto_compress_next(&c->compress, &p->sent);
	(void)pthread_mutex_unlock(&c->throttle.lock);
	atomic_fetch_add(&w->pending, 1);
	copy_send(
		c->env.source,
		&(struct remote_request){
			.head = {.type = WIRE_READ,
				 .slot = c->slot,
				 .shift = (uint16_t)(shift |
						     (p->sent.packed ? WIRE_PACKED : 0)),
				 .a = off,
				 .b = len},
			.done = on_read,
			.arg = p});
	return 0;
}

void copy_work_end(struct chunk_work *w)
{
	struct copy *c = w->copy;

	(void)pthread_mutex_lock(&c->throttle.lock);
	bool failed = c->throttle.failed.code != 0;
	(void)pthread_mutex_unlock(&c->throttle.lock);
	if (!failed) {
		release(w);
	} else if (atomic_fetch_sub(&w->pending, 1) == 1) {
		free(w);
		throttle_leave(&c->throttle, 1);
	}
}

int copy_send_chunk(struct copy *c, uint64_t chunk, struct vrs_err *err)
{
	const uint64_t per_read =
		(remote_is_sftp_only(c->env.target) ? SFTP_DATA : WIRE_MAX_DATA) >>
		TREE_BLOCK_SHIFT;
	uint64_t block = chunk << (TREE_CHUNK_SHIFT - TREE_BLOCK_SHIFT);
	uint64_t end =
		block +
		((tree_chunk_bytes(c->size, chunk) + (1u << TREE_BLOCK_SHIFT) - 1) >>
		 TREE_BLOCK_SHIFT);
	int status = 0;
	copy_preallocate(c, chunk);
	struct chunk_work *w = copy_work_begin(c, chunk, true, err);
	if (!w)
		return err ? err->code : VRS_EIO;
	w->punch = c->preallocated;
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
