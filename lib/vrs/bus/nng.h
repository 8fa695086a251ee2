/* nng.h - sockets of NNG, as shared by the files of lib/vrs/bus.
 *
 * NNG calls back on its own threads. Such a callback only stores what arrived, under
 * `lock`, and rings; everything else happens on the loop, in the ring's function. No nng
 * function is called with the lock held. */
#ifndef VRS_BUS_NNG_H
#define VRS_BUS_NNG_H

#include <nng/nng.h>
#include <pthread.h>
#include <stdbool.h>

#include "vrs/bus.h"

enum {
	BUS_MAX_CONTEXTS = 64,     /* NNG walks all of them for every resend timer */
	BUS_SEND_LIMIT_MS = 5000,  /* for a peer that does not read its reply */
	BUS_PROBE_EVERY_MS = 1000, /* ipc listeners only */
	BUS_PROBE_WAIT_MS = 500,
	BUS_CLOSE_LIMIT_MS = 2000, /* for a close that hangs in NNG */
};

struct bus_peer {
	nng_pipe pipe;
	int64_t seen_mono_ms; /* connected, or its last reply */
};

/* What NNG's threads call when something has arrived: fn(arg) on the loop. */
struct bus_ring {
	struct vrs_loop *loop; /* NULL: no calls */
	void (*fn)(void *arg);
	void *arg;
};

struct bus_sock {
	nng_socket nng;
	bool open;
	struct bus_ring ring;
	int ring_fd;

	bool listening;
	nng_listener listener;
	char *url; /* as bound */
	struct vrs_timer *probe_timer;
	struct vrs_timer *probe_deadline;
	int probe_fd;
	uint64_t healed;

	bool dialling;
	nng_dialer dialer;
	struct vrs_timer *refused_timer; /* tls only */

	pthread_mutex_t lock;
	struct bus_peer *peer; /* connected now */
	size_t n_peers, cap_peers;
	struct vrs_bus_counts counts;
};

typedef int (*bus_open_fn)(nng_socket *s);

/* Opens the socket with the rules of bus.h; nothing is connected yet. */
int bus_sock_init(struct bus_sock *s, bus_open_fn open_fn, struct bus_ring ring,
		  struct vrs_err *err);
int bus_sock_connect(struct bus_sock *s, const char *url, bool listen,
		     struct vrs_err *err);
/* From any thread: the ring's function runs on the loop soon. */
void bus_sock_ring(struct bus_sock *s);
/* Closes within BUS_CLOSE_LIMIT_MS. NNG 1.5.2 can wait forever if a peer is sending a
 * message at that moment; such a socket is abandoned. */
void bus_close(nng_socket nng);
/* The owner must have stopped its aios. */
void bus_sock_fini(struct bus_sock *s);
void bus_sock_counts(const struct bus_sock *s, struct vrs_bus_counts *ret);

/* Adds to a counter from any thread. */
#define BUS_COUNT(s, name, n)                                                            \
	do {                                                                             \
		(void)pthread_mutex_lock(&(s)->lock);                                    \
		(s)->counts.name += (uint64_t)(n);                                       \
		(void)pthread_mutex_unlock(&(s)->lock);                                  \
	} while (0)

/* NNG's error as ours. */
int bus_fail(struct vrs_err *err, int nng_code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* A protobuf message as an NNG one; VRS_ENOSPC above VRS_BUS_MAX_BYTES. */
int bus_pack(nng_msg **ret, const ProtobufCMessage *msg, struct vrs_err *err);

/* heal.c: keeps an ipc listener alive. */
void bus_heal_start(struct bus_sock *s);
void bus_heal_stop(struct bus_sock *s);
int bus_listen(struct bus_sock *s, const char *url, struct vrs_err *err);

/* tls.c: configures the certificates of a listener or dialler with a tls+tcp:// URL;
 * ignores other URLs. */
int bus_tls_listener(nng_listener l, const char *url, struct vrs_err *err);
int bus_tls_dialer(nng_dialer d, const char *url, struct vrs_err *err);
/* Counts and reports rejected connections. */
void bus_refused_start(struct bus_sock *s);
void bus_refused_stop(struct bus_sock *s);
void bus_refused_check(struct bus_sock *s);

#endif
