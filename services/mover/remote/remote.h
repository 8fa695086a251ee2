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
#include "ssh/place.h"
#include "vrs/err.h"

enum {
	/* Of requests, this much is on its way on all connections together, shared out
	 * evenly, and on one at most: what a cut can make us send twice. */
	FAR_WINDOW_BYTES = 1 << 24,
	FAR_LANE_BYTES = 1 << 23,
	FAR_MAX_LANES = 8,
};

/* How to get there. Texts are borrowed for the time of far_open. */
struct far_conf {
	const char *program;     /* our vrs-image, to carry there */
	const char *far_program; /* an installed one there; NULL or "": carry ours */
	const char *key;         /* private key file; NULL or "": agent, default keys */
	const char *known_hosts; /* NULL or "": the user's */
	bool ssh_config;         /* read SSH settings: */
	const char *ssh_file;    /* ... of this file; NULL or "": ~/.ssh/config, /etc */
	int64_t connect_ms;      /* 0: 10 s */
	int64_t silence_ms;      /* 0: 30 s; the far side says "alive" every 2 s */
	int connections;         /* 0: as many as seem right */
	/* FAR_SFTP_AUTO: when no program of ours can run there, files over SFTP do. */
	enum { FAR_SFTP_AUTO, FAR_SFTP_ALWAYS, FAR_SFTP_NEVER } sftp;
	/* Asks a person for a secret (NULL: there is none); as libssh's
	 * ssh_auth_callback, may be called on any thread. again: what was said before was
	 * wrong. 0 when buf was filled. */
	int (*ask)(const char *prompt, char *buf, size_t len, int echo, int again,
		   void *arg);
};

struct far;

/* side is "source" or "target"; it opens every error. */
int far_open(struct far **ret, const struct far_conf *conf, const char *side,
	     const struct place *place, const char *const *roots, size_t n_roots,
	     struct vrs_err *err);
/* Ends the connection; open requests fail first. */
void far_close(struct far *f);

/* Much is going to be carried: opens further connections, without waiting for them. One
 * that cannot be had is done without. */
void far_widen(struct far *f);
/* It reads and writes files over SFTP and can do nothing else. */
bool far_is_plain(const struct far *f);
/* A round trip takes so long that much must be on its way. */
bool far_is_distant(const struct far *f);
/* No link is between us. */
bool far_is_here(const struct far *f);
/* How many bytes of requests may be on their way. */
uint64_t far_window(const struct far *f);

/* Called once, on a thread of this far: with the answer (payload is the callee's, by
 * free), or with reply NULL and the error. */
typedef void (*far_done_fn)(void *arg, const struct wire_head *reply, uint8_t *payload,
			    const struct vrs_err *err);

/* Takes payload (head->len bytes, from malloc) in every case. When it fails, done is not
 * called. From any thread, also from a done. */
int far_send(struct far *f, const struct wire_head *head, uint8_t *payload,
	     far_done_fn done, void *arg, struct vrs_err *err);

/* The same; begun is called on a thread of this far when the first byte goes out. */
int far_send_told(struct far *f, const struct wire_head *head, uint8_t *payload,
		  void (*begun)(void *arg), far_done_fn done, void *arg,
		  struct vrs_err *err);

/* Sends and waits. payload is borrowed; *ret_payload (may be NULL) is the caller's. */
int far_ask(struct far *f, const struct wire_head *head, const uint8_t *payload,
	    struct wire_head *ret_reply, uint8_t **ret_payload, struct vrs_err *err);

/* Bytes that crossed this link: to and from the far side. */
void far_traffic(struct far *f, uint64_t *ret_out, uint64_t *ret_in);

#endif
