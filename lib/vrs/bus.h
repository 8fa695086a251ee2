/* bus.h - messages between services: publish and subscribe, request and reply.
 *
 * The only door to NNG. It holds the rules that Debian's NNG 1.5.2 needs (docs/
 * ARCHITECTURE.md, "Bus"): a receive is posted only after its send has completed, a
 * message above VRS_BUS_MAX_BYTES is rejected, queues have a size, reconnects back off
 * with jitter, and the connection of a silent replica is closed so that another one gets
 * its job.
 *
 * Messages are protobuf-c. An incoming message is unpacked through a bounded arena and
 * passed to a callback on the loop; it is freed when the callback returns. Bytes that are
 * not the expected message are counted and dropped. Addresses are NNG URLs
 * (tcp://127.0.0.1:7701, ipc:///run/vrsas/x.sock, tls+tcp://HOST:PORT after
 * vrs_bus_tls_set); port 0 selects a free port, see vrs_rep_url. */
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
	uint64_t dropped; /* a queue was full, or a request got no reply */
	uint64_t bad_certificate, bad_protocol; /* rejected connections */
	bool dials;                             /* this side dials: it needs its peer */
};

/* --- tls+tcp:// : both sides show a certificate of the same CA --- */

/* Files in PEM. A client checks that the server certificate is issued for server_name; a
 * server accepts any certificate of its CA, because NNG 1.5.2 does not expose the peer's
 * name. What a message claims about its cluster is therefore proven inside the message
 * (seal.h). */
struct vrs_bus_tls {
	const char *ca_file;              /* "": no TLS */
	const char *cert_file, *key_file; /* key_file "": the key is in cert_file */
	const char *server_name;          /* name that the server certificate must have */
	/* Reports n rejected connections and the reason. Called on the loop of the
	 * socket. NULL: not reported. */
	void (*refused)(const char *url, bool dials, const char *why, uint64_t n);
};
/* Once, before sockets are opened. VRS_EINVAL, VRS_EDENIED (other users can read the
 * key), VRS_EIO (a file is not valid PEM). */
int vrs_bus_tls_set(const struct vrs_bus_tls *tls, struct vrs_err *err);
/* The same from VRSAS_BUS_CA, _CERT, _KEY and _NAME, for programs without a settings
 * file. */
int vrs_bus_tls_set_env(struct vrs_err *err);

/* --- publish / subscribe: best effort; whatever must arrive is a request --- */

struct vrs_pub; /* dials */
int vrs_pub_open(struct vrs_pub **ret, const char *url, struct vrs_err *err);
/* Never blocks; without a subscriber the message is lost. */
int vrs_pub_send(struct vrs_pub *pub, const ProtobufCMessage *msg, struct vrs_err *err);
void vrs_pub_counts(const struct vrs_pub *pub, struct vrs_bus_counts *ret);
void vrs_pub_close(struct vrs_pub *pub);

/* msg is gone after the call, unless it was kept with vrs_msg_ref. */
struct vrs_msg;
typedef void (*vrs_bus_msg_fn)(void *arg, struct vrs_msg *msg);

struct vrs_sub; /* listens */
struct vrs_sub_conf {
	const char *url;
	const ProtobufCMessageDescriptor *type;
	vrs_bus_msg_fn fn;
	void *arg;
};
int vrs_sub_open(struct vrs_sub **ret, struct vrs_loop *loop,
		 const struct vrs_sub_conf *conf, struct vrs_err *err);
void vrs_sub_counts(const struct vrs_sub *sub, struct vrs_bus_counts *ret);
const char *vrs_sub_url(const struct vrs_sub *sub);
void vrs_sub_close(struct vrs_sub *sub);

/* --- request / reply: the replying side --- */

/* fn must pass each token to vrs_bus_answer exactly once, at once or later from the loop;
 * up to max_open requests may be open at a time. A NULL reply drops the request: the
 * requester times out. Tokens outlive vrs_rep_close: a late reply is discarded. */
struct vrs_rep;
struct vrs_req_token;
typedef void (*vrs_rep_fn)(void *arg, const ProtobufCMessage *request,
			   struct vrs_req_token *token);
struct vrs_rep_conf {
	const char *url;
	bool listen; /* (etl fill, scheduler control); otherwise this side dials, and
		      * shares the jobs of one requester (predictors, movers) */
	int max_open;
	const ProtobufCMessageDescriptor *type; /* of the requests */
	vrs_rep_fn fn;
	void *arg;
};
int vrs_rep_open(struct vrs_rep **ret, struct vrs_loop *loop,
		 const struct vrs_rep_conf *conf, struct vrs_err *err);
void vrs_bus_answer(struct vrs_req_token *token, const ProtobufCMessage *reply);
void vrs_rep_counts(const struct vrs_rep *rep, struct vrs_bus_counts *ret);
const char *vrs_rep_url(const struct vrs_rep *rep);
void vrs_rep_close(struct vrs_rep *rep);

/* --- request / reply: the requesting side --- */

/* With listen, many replicas dial in and share the requests evenly. The request of a
 * killed replica is sent to another one at once; a replica that has not replied to a
 * request for silence_ms (0: no limit) loses its connection and another one gets the
 * request. */
struct vrs_req;
struct vrs_req_conf {
	const char *url;
	bool listen;
	int64_t silence_ms;
	const ProtobufCMessageDescriptor *reply_type;
};
int vrs_req_open(struct vrs_req **ret, struct vrs_loop *loop,
		 const struct vrs_req_conf *conf, struct vrs_err *err);
/* Calls done exactly once on the loop: with the reply, or with NULL and the error, at the
 * latest after timeout_ms. done may send further requests but must not close req. */
typedef void (*vrs_req_done_fn)(void *arg, const ProtobufCMessage *reply,
				const struct vrs_err *err);
int vrs_req_send(struct vrs_req *req, const ProtobufCMessage *request, int64_t timeout_ms,
		 vrs_req_done_fn done, void *arg, struct vrs_err *err);
/* Number of connected peers. */
int vrs_req_peers(const struct vrs_req *req);
void vrs_req_counts(const struct vrs_req *req, struct vrs_bus_counts *ret);
const char *vrs_req_url(const struct vrs_req *req);
/* Calls done with VRS_ECANCELLED for each open request. */
void vrs_req_close(struct vrs_req *req);

/* Sends one request from a program without a loop (vrsctl) and waits for the reply, which
 * the caller frees with protobuf_c_message_free_unpacked(reply, NULL). */
struct vrs_bus_call {
	const char *url;
	const ProtobufCMessage *request;
	int64_t timeout_ms;
	const ProtobufCMessageDescriptor *reply_type;
};
int vrs_bus_call(const struct vrs_bus_call *call, ProtobufCMessage **ret,
		 struct vrs_err *err);

/* --- messages as bytes --- */

/* Unpacks through an arena bounded to 16 bytes of memory for each byte of the message,
 * at most 64 MiB; free with vrs_msg_free. VRS_EPARSE if the bytes are not a message of
 * this type or exceed a bound. */
int vrs_msg_unpack(struct vrs_msg **ret, const ProtobufCMessageDescriptor *type,
		   const void *bytes, size_t n_bytes, struct vrs_err *err);
const ProtobufCMessage *vrs_msg_get(const struct vrs_msg *m);
/* One more owner; each calls vrs_msg_free, all of them on one thread. */
struct vrs_msg *vrs_msg_ref(struct vrs_msg *m);
void vrs_msg_free(struct vrs_msg *m);

/* Packs into newly allocated memory; the caller frees it. */
void *vrs_msg_pack(const ProtobufCMessage *msg, size_t *ret_n_bytes);

/* A copy that shares nothing with the message; free with protobuf_c_message_free_unpacked
 * and no allocator. */
void *vrs_msg_dup(const ProtobufCMessage *msg);

#endif
