/* requests.h - what vrs-image does for each request. Nothing in a request is believed. */
#ifndef MOVER_IMAGE_SERVE_REQUESTS_H
#define MOVER_IMAGE_SERVE_REQUESTS_H

#include "image/base/sandbox.h"
#include "image/base/wire.h"

/* Room for any answer, with the zero blocks of a READ still in it. */
enum { ANSWER_BYTES = WIRE_MAX_PAYLOAD };

struct answerer;
struct answerer *answer_open(const struct beneath *b);
/* What HELLO tells, at most 100 characters; borrowed. */
void answer_set_join(struct answerer *a, const char *name);
void answer_close(struct answerer *a);

/* Fills reply->a, b and len, and out. From any thread. */
int answer(struct answerer *a, const struct wire_head *head, const uint8_t *payload,
	   struct wire_head *reply, uint8_t out[ANSWER_BYTES], struct vrs_err *err);

/* For whoever answers in its place (remote/sftp_requests.c): the states that STATES asked
 * for, and what READ asked for, when the range's bytes lie in out behind its digests. */
struct chunkmap;
int answer_put_states(const struct chunkmap *m, const struct wire_head *head,
		      struct wire_head *reply, uint8_t *out, struct vrs_err *err);
void answer_put_blocks(const struct wire_head *head, struct wire_head *reply,
		       uint8_t *out);

#endif
