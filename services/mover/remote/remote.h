/* remote.h - a vrs-image at the source's or the target's end, asked from here.
 *
 * A remote one is reached over one or more SSH connections with a thread each; for a
 * local place the same code runs in threads of ours; for a host that offers only SFTP
 * (sftp.h) what vrs-image would do is done from here. Requests may be answered in
 * another order than they were sent; their bytes in flight are bounded, their number by
 * the caller. After a failure every open and every later request fails with the same
 * error, which names the side. */
#ifndef MOVER_REMOTE_REMOTE_H
#define MOVER_REMOTE_REMOTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "image/base/wire.h"
#include "ssh/conf.h"
#include "ssh/place.h"
#include "vrs/err.h"

enum {
	/* Upper bounds of request bytes in flight, over all connections together (in
	 * equal shares) and on one: what is sent again at most after a cut. */
	REMOTE_WINDOW_BYTES = 1 << 24,
	REMOTE_CONNECTION_BYTES = 1 << 23,
	REMOTE_MAX_CONNECTIONS = 8,
};

struct remote;

/* side is "source" or "target"; it opens every error. */
int remote_open(struct remote **ret, const struct ssh_conf *conf, const char *side,
		const struct place *place, const char *const *roots, size_t n_roots,
		struct vrs_err *err);
/* Ends the connection; open requests fail first. */
void remote_close(struct remote *f);

/* Much is going to be carried: opens further connections, without waiting for them. One
 * that cannot be had is done without. */
void remote_widen(struct remote *f);
/* It reads and writes files over SFTP and can do nothing else. */
bool remote_is_plain(const struct remote *f);
/* A round trip takes so long that much must be on its way. */
bool remote_is_distant(const struct remote *f);
/* No link is between us. */
bool remote_is_here(const struct remote *f);
/* How many bytes of requests may be on their way. */
uint64_t remote_window(const struct remote *f);

/* Called once, on a thread of this far: with the answer (payload is the callee's, by
 * free), or with reply NULL and the error. */
typedef void (*remote_done_fn)(void *arg, const struct wire_head *reply, uint8_t *payload,
			       const struct vrs_err *err);

/* Takes payload (head->len bytes, from malloc) in every case. When it fails, done is not
 * called. From any thread, also from a done. */
int remote_send(struct remote *f, const struct wire_head *head, uint8_t *payload,
		remote_done_fn done, void *arg, struct vrs_err *err);

/* The same; begun is called on a thread of this far when the first byte goes out. */
int remote_send_told(struct remote *f, const struct wire_head *head, uint8_t *payload,
		     void (*begun)(void *arg), remote_done_fn done, void *arg,
		     struct vrs_err *err);

/* Sends and waits. payload is borrowed; *ret_payload (may be NULL) is the caller's. */
int remote_ask(struct remote *f, const struct wire_head *head, const uint8_t *payload,
	       struct wire_head *ret_reply, uint8_t **ret_payload, struct vrs_err *err);

/* Bytes that crossed this link: to and from the far side. */
void remote_traffic(struct remote *f, uint64_t *ret_out, uint64_t *ret_in);

#endif
