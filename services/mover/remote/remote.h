/* remote.h - the vrs-image at the source or at the target of a copy: sends it requests.
 *
 * A remote host is reached over one or more SSH connections with a thread each. For a
 * local place the same code runs in threads of this process. For a host that offers only
 * SFTP (sftp.h) this process does the work of vrs-image. Replies may arrive in another
 * order than their requests were sent; the bytes in flight are bounded here, the number
 * of requests by the caller. After a failure every open and every later request fails
 * with the same error, which names the side. */
#ifndef MOVER_REMOTE_REMOTE_H
#define MOVER_REMOTE_REMOTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "image/base/wire.h"
#include "ssh/conf.h"
#include "vrs/err.h"

enum {
	/* Upper bounds of request bytes in flight: on all connections together (in equal
	 * shares) and on one. After a lost connection at most that much is sent again. */
	REMOTE_WINDOW_BYTES = 1 << 24,
	REMOTE_CONNECTION_BYTES = 1 << 23,
	REMOTE_MAX_CONNECTIONS = 8,
};

struct remote;

/* side is "source" or "target"; every error begins with it. host is copied. */
int remote_open(struct remote **ret, const char *side, const struct ssh_host *host,
		struct vrs_err *err);
/* Ends the connection; open requests fail first. */
void remote_close(struct remote *f);

/* Before a large copy: opens further connections in the background. If one cannot be
 * opened, the copy continues with those that there are. */
void remote_add_connections(struct remote *f);
/* The host only reads and writes files over SFTP. */
bool remote_is_sftp_only(const struct remote *f);
/* The round trip is so long that a larger in-flight window is needed. */
bool remote_is_distant(const struct remote *f);
/* It runs in this process. */
bool remote_is_local(const struct remote *f);
/* Upper bound of request bytes in flight. */
uint64_t remote_window(const struct remote *f);

/* Called once, on a thread of this remote: with the reply (payload is the callee's, to be
 * freed), or with reply NULL and the error. */
typedef void (*remote_done_fn)(void *arg, const struct wire_head *reply, uint8_t *payload,
			       const struct vrs_err *err);

struct remote_request {
	struct wire_head head;
	uint8_t *payload;         /* head.len bytes, from malloc */
	void (*begun)(void *arg); /* called when the first byte is sent; may be NULL */
	remote_done_fn done;
	void *arg;
	struct remote_request *next; /* used while it is queued */
};

/* Takes the payload in every case. If it fails, done is not called. From any thread,
 * also from a done function. */
int remote_send(struct remote *f, const struct remote_request *r, struct vrs_err *err);

struct remote_reply {
	struct wire_head head;
	uint8_t *payload; /* the caller's */
};

/* Sends a request and waits for the reply (ret NULL: the reply is discarded). texts ends
 * with NULL and is the payload; texts NULL: none. */
int remote_call(struct remote *f, const struct wire_head *head, const char *const *texts,
		struct remote_reply *ret, struct vrs_err *err);
/* The same; payload is head->len bytes and borrowed. */
int remote_call_bytes(struct remote *f, const struct wire_head *head,
		      const uint8_t *payload, struct remote_reply *ret,
		      struct vrs_err *err);

#endif
