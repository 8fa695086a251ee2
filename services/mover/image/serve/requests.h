/* requests.h - runs the requests of a mover. Every value in a request is checked before
 * use. */
#ifndef MOVER_IMAGE_SERVE_REQUESTS_H
#define MOVER_IMAGE_SERVE_REQUESTS_H

#include "image/base/sandbox.h"
#include "image/base/wire.h"

/* Enough for any reply, with the zero blocks of a READ still in it. */
enum { REPLY_BYTES = WIRE_MAX_PAYLOAD };

/* The images that one mover has open. */
struct requests;
/* join: the name that the reply to HELLO carries, at most 100 characters; borrowed. */
struct requests *requests_open(const struct sandbox *b, const char *join);
void requests_close(struct requests *all);

struct image_request {
	const struct wire_head *head;
	const uint8_t *payload;
	struct wire_head *reply; /* a, b, shift and len are filled */
	uint8_t *out;            /* REPLY_BYTES for the payload of the reply */
	/* filled by requests_run */
	struct requests *all;
	struct open_image *image;
	struct wire_text_reader texts; /* of the payload */
};

/* From any thread. */
int requests_run(struct requests *all, struct image_request *r, struct vrs_err *err);

/* Shared with the mover's SFTP side (remote/sftp_requests.c): the reply to STATES, and
 * the reply to READ when the bytes of its range lie in out behind their digests. */
struct chunkmap;
int requests_put_states(const struct chunkmap *m, const struct wire_head *head,
			struct wire_head *reply, uint8_t *out, struct vrs_err *err);
void requests_put_blocks(const struct wire_head *head, struct wire_head *reply,
			 uint8_t *out);

#endif
