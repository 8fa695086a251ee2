/* responder.h - tells a scraper: GET /metrics, /-/healthy, /-/ready on one address.
 *
 * It has a thread of its own, so that no client can hold the daemon: at most 32
 * connections (a new one takes the place of the one that has said nothing for the longest
 * time), a head of 4 KiB, seconds to say it and to take the answer, one answer a
 * connection. What is answered is made on the loop, at most ten times a second; a loop
 * that does not come round within 2 s is answered with 503. */
#ifndef VRS_RESPONDER_H
#define VRS_RESPONDER_H

#include "vrs/loop.h"
#include "vrs/mem.h"

struct vrs_responder;

/* On the loop: writes the page, and why the service is not ready (nothing: it is). */
typedef void (*vrs_responder_fn)(void *arg, struct vrs_text *page,
				 struct vrs_text *reasons);

/* address: "HOST:PORT" or "[v6]:PORT"; port 0 asks for a free one. */
int vrs_responder_open(struct vrs_responder **ret, struct vrs_loop *loop,
		       const char *address, vrs_responder_fn fn, void *arg,
		       struct vrs_err *err);
const char *vrs_responder_address(const struct vrs_responder *r); /* as bound */
/* After the loop's last turn. */
void vrs_responder_close(struct vrs_responder *r);

/* How often each status was answered; the list ends with code 0. */
struct vrs_responder_count {
	int code;
	uint64_t n;
};
enum { VRS_RESPONDER_CODES = 8 };
void vrs_responder_counts(struct vrs_responder *r,
			  struct vrs_responder_count ret[VRS_RESPONDER_CODES + 1]);

#endif
