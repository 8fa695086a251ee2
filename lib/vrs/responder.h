/* responder.h - the metrics page of a service: GET /metrics, /-/healthy and /-/ready on
 * one address.
 *
 * It runs an HTTP server (vrs/httpd.h) on a thread of its own, so that no client can
 * block the daemon: at most 32 connections, a head of at most 4 KiB, no bodies, 5 s to
 * send the request and 10 s to read the reply, one request a connection. The page is made
 * on the daemon's loop, at most ten times a second; if the loop does not respond within 2
 * s, the reply is 503. */
#ifndef VRS_RESPONDER_H
#define VRS_RESPONDER_H

#include "vrs/loop.h"
#include "vrs/mem.h"

struct vrs_responder;

/* On the daemon's loop: writes the page, and why the service is not ready (nothing: it is
 * ready). */
typedef void (*vrs_responder_fn)(void *arg, struct vrs_text *page,
				 struct vrs_text *reasons);

struct vrs_responder_conf {
	struct vrs_loop *loop; /* of the daemon */
	const char *address;   /* "HOST:PORT" or "[v6]:PORT"; port 0: a free one */
	vrs_responder_fn fn;
	void *arg;
};

int vrs_responder_open(struct vrs_responder **ret, const struct vrs_responder_conf *conf,
		       struct vrs_err *err);
const char *vrs_responder_address(const struct vrs_responder *r); /* as bound */
/* After the daemon's loop has ended. */
void vrs_responder_close(struct vrs_responder *r);

/* Replies with this status so far. Any thread may call it. */
uint64_t vrs_responder_replies(const struct vrs_responder *r, int status);

#endif
