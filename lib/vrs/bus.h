/* bus.h - messages between services: publish and subscribe, request and reply.
 *
 * The only door to NNG; it holds the rules that Debian's NNG 1.5.2 needs (docs/
 * ARCHITECTURE.md, "Bus"): a receive is posted only after its send has completed, no
 * message above VRS_BUS_MAX_BYTES is believed, queues are sized, reconnects back off with
 * jitter, a silent replica's pipe is closed so that its job goes to another one.
 *
 * Messages are protobuf-c. What arrives is unpacked through a bounded arena and handed to
 * a callback on the loop; it is gone when the callback returns. Bytes that are not the
 * expected message are counted and dropped. Addresses are NNG urls (tcp://127.0.0.1:7701,
 * ipc:///run/vrsas/x.sock, tls+tcp://HOST:PORT after vrs_bus_tls_set); port 0 asks for a
 * free one, see vrs_bus_url. */
#ifndef VRS_BUS_H
#define VRS_BUS_H

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stdint.h>

#include "vrs/err.h"
#include "vrs/loop.h"

enum { VRS_BUS_MAX_BYTES = 1 << 20 };

struct vrs_bus_counts {
	uint64_t sent, received, refused, timeouts, requeued, peers, connects,
		disconnects;
	uint64_t dropped; /* a queue was full, or a request was left unanswered */
	uint64_t bad_certificate,
		bad_protocol; /* connections that did not become peers */
	bool dials;           /* this side; it wants its peer */
};

/* --- tls+tcp:// : both sides show a certificate of the same CA --- */

/* Files in PEM. Whoever dials wants the name in the certificate of whom it reaches; who
 * listens takes any certificate of its CA (NNG 1.5.2 does not tell whose it is), so what
 * a message says of its cluster is proven inside it (seal.h). */
struct vrs_bus_tls {
	const char *ca_file;              /* "": no TLS */
	const char *cert_file, *key_file; /* the key may stand in cert_file: "" */
	const char *server_name;          /* that must stand in the listener's */
	/* A connection that did not become a peer, on the loop of the socket; n: how many
	 * since the last call. NULL: nobody is told. */
	void (*refused)(const char *url, bool dials, const char *why, uint64_t n);
};
/* Once, before sockets are opened. VRS_EINVAL, VRS_EDENIED (a key that others can read),
 * VRS_EIO: a file that is not what it should be. */
int vrs_bus_tls_set(const struct vrs_bus_tls *tls, struct vrs_err *err);
/* The same from VRSAS_BUS_CA, _CERT, _KEY and _NAME, as daemons read them. */
int vrs_bus_tls_set_env(struct vrs_err *err);

/* --- publish / subscribe: best effort; whatever must arrive is a request --- */

struct vrs_pub; /* dials */
int vrs_pub_open(struct vrs_pub **ret, const char *url, struct vrs_err *err);
/* Never blocks; without a subscriber the message vanishes. */
int vrs_pub_send(struct vrs_pub *pub, const ProtobufCMessage *msg, struct vrs_err *err);
void vrs_pub_counts(const struct vrs_pub *pub, struct vrs_bus_counts *ret);
void vrs_pub_close(struct vrs_pub *pub);

typedef void (*vrs_bus_msg_fn)(void *arg, const ProtobufCMessage *msg);

struct vrs_sub; /* listens */
int vrs_sub_open(struct vrs_sub **ret, struct vrs_loop *loop, const char *url,
		 const ProtobufCMessageDescriptor *type, vrs_bus_msg_fn fn, void *arg,
		 struct vrs_err *err);
void vrs_sub_counts(const struct vrs_sub *sub, struct vrs_bus_counts *ret);
const char *vrs_sub_url(const struct vrs_sub *sub);
void vrs_sub_close(struct vrs_sub *sub);

/* --- request / reply --- */

/* Answers requests. listen: this side listens (etl fill, scheduler control); otherwise it
 * dials (predictors and movers, which share the jobs of one asker). Every request must be
 * answered exactly once with vrs_bus_answer, at once or later from the loop; several may
 * be open at a time (max_open). A NULL answer drops the request: the asker times out.
 * Tokens outlive vrs_rep_close: answering later is harmless and reaches nobody. */
struct vrs_rep;
struct vrs_req_token;
typedef void (*vrs_rep_fn)(void *arg, const ProtobufCMessage *request,
			   struct vrs_req_token *token);
int vrs_rep_open(struct vrs_rep **ret, struct vrs_loop *loop, const char *url,
		 bool listen, int max_open, const ProtobufCMessageDescriptor *type,
		 vrs_rep_fn fn, void *arg, struct vrs_err *err);
void vrs_bus_answer(struct vrs_req_token *token, const ProtobufCMessage *reply);
void vrs_rep_counts(const struct vrs_rep *rep, struct vrs_bus_counts *ret);
const char *vrs_rep_url(const struct vrs_rep *rep);
void vrs_rep_close(struct vrs_rep *rep);

/* Asks. listen: many REP peers dial in and share the requests evenly; a killed peer's
 * request is sent again to another at once; a peer that stays silent for silence_ms on a
 * request loses its connection and the request goes to another. done is called exactly
 * once on the loop: with the reply, or with NULL and the error after timeout_ms in all.
 * vrs_req_close calls done for what is still open, with VRS_ECANCELLED. From within done,
 * more may be sent; closing is for elsewhere. */
struct vrs_req;
typedef void (*vrs_req_done_fn)(void *arg, const ProtobufCMessage *reply,
				const struct vrs_err *err);
int vrs_req_open(struct vrs_req **ret, struct vrs_loop *loop, const char *url,
		 bool listen, int64_t silence_ms,
		 const ProtobufCMessageDescriptor *reply_type, struct vrs_err *err);
int vrs_req_send(struct vrs_req *req, const ProtobufCMessage *request, int64_t timeout_ms,
		 vrs_req_done_fn done, void *arg, struct vrs_err *err);
/* Peers connected now. */
int vrs_req_peers(const struct vrs_req *req);
void vrs_req_counts(const struct vrs_req *req, struct vrs_bus_counts *ret);
const char *vrs_req_url(const struct vrs_req *req);
void vrs_req_close(struct vrs_req *req);

/* One question from a program without a loop (vrsctl). The reply is the caller's; free it
 * with protobuf_c_message_free_unpacked(reply, NULL). */
int vrs_bus_ask(const char *url, const ProtobufCMessage *request, int64_t timeout_ms,
		const ProtobufCMessageDescriptor *reply_type, ProtobufCMessage **ret,
		struct vrs_err *err);

/* --- messages as bytes --- */

/* Unpacks through a bounded arena (limit 16 bytes of memory a byte of message,
 * at most 64 MiB); free with vrs_msg_free. VRS_EPARSE when it is not such a
 * message or too big. */
struct vrs_msg;
int vrs_msg_unpack(struct vrs_msg **ret, const ProtobufCMessageDescriptor *type,
		   const void *bytes, size_t n_bytes, struct vrs_err *err);
const ProtobufCMessage *vrs_msg_get(const struct vrs_msg *m);
void vrs_msg_free(struct vrs_msg *m);

/* Packs into fresh memory; the caller frees it. */
void *vrs_msg_pack(const ProtobufCMessage *msg, size_t *ret_n_bytes);

#endif
