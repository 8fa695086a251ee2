/* serve_parts.h - what the files of serve.h share: pipes to a mover, and who works for
 * them.
 *
 * A connection is one pair of pipes and a thread that reads requests from it. Requests
 * that take long go to workers that all connections share: HASHES and SYNC to some, WRITE
 * to others, so what is being read back does not hold up what is being written, and what
 * is being written not what comes in. */
#ifndef MOVER_IMAGE_SERVE_SERVE_PARTS_H
#define MOVER_IMAGE_SERVE_SERVE_PARTS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/un.h>

#include "image/base/wire.h"
#include "image/serve/requests.h"
#include "vrs/err.h"

enum {
	JOIN_NAME_BYTES = 64,
	MAX_WORKERS = 4,
	MAX_JOBS = 64, /* waiting for a worker; more are done where they came in */
	MAX_WRITES = 12,
};

/* Writes the replies of one connection. */
struct reply_writer {
	int fd;
	pthread_mutex_t lock; /* what follows */
	pthread_cond_t wake;
	pthread_t thread; /* sends WIRE_ALIVE while a request takes long */
	bool started, stop;
	unsigned n_open;
	uint64_t n_done;
	uint32_t seq;
};

int reply_writer_open(struct reply_writer *o, int fd, struct vrs_err *err);
void reply_writer_close(struct reply_writer *o);
void reply_writer_begin(struct reply_writer *o, uint32_t seq);
/* Negative: the mover is gone. */
int reply_writer_send(struct reply_writer *o, const struct wire_head *head,
		      const uint8_t *payload);

/* Asks requests a and sends what it says; out has REPLY_BYTES. */
int reply_writer_serve(struct reply_writer *o, struct requests *a,
		       const struct wire_head *head, const uint8_t *payload,
		       uint8_t *out);

/* --- workers (workers.c) --- */

struct workers;
/* At most max_jobs wait, of which each may hold a buffer. */
struct workers *workers_open(struct requests *a, size_t max_jobs);
/* False: too many wait, do it yourself. *room (of image/base/buffers.h; room may be NULL)
 * is where payload lies; the job takes it and leaves another one there. */
bool workers_add(struct workers *p, struct reply_writer *o, const struct wire_head *head,
		 uint8_t **room, const uint8_t *payload);
void workers_close(struct workers *p); /* waiting jobs are dropped */

/* --- further connections (join_connections.c) --- */

/* A name that only our mover learns, in the abstract name space; listens there. */
int join_listen(char name[JOIN_NAME_BYTES], int *ret_fd, struct vrs_err *err);
/* Takes one caller's pipes. 1: there they are, 0: it was none of ours. */
int join_accept(int listen_fd, int *ret_in, int *ret_out, int *ret_conn,
		uint32_t *ret_seq);
/* Hands our pipes to the vrs-image of that name and waits until it has ended. */
int join_other(const char *name, int in_fd, int out_fd, uint32_t seq,
	       struct vrs_err *err);

#endif
