/* serve_parts.h - what the files of serve.h share: pipes to a mover, and who works for
 * them.
 *
 * A lane is one pair of pipes and a thread that reads requests from it. Requests that
 * take long go to workers that all lanes share: HASHES and SYNC to some, WRITE to others,
 * so what is being read back does not hold up what is being written, and what is being
 * written not what comes in. */
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

/* Where answers go. */
struct outlet {
	int fd;
	pthread_mutex_t lock; /* what follows */
	pthread_cond_t wake;
	pthread_t thread; /* says "still alive" while something takes long */
	bool started, stop;
	unsigned n_open;
	uint64_t n_done;
	uint32_t seq;
};

int outlet_open(struct outlet *o, int fd, struct vrs_err *err);
void outlet_close(struct outlet *o);
void outlet_begin(struct outlet *o, uint32_t seq);
/* Negative: the mover is gone. */
int outlet_answer(struct outlet *o, const struct wire_head *head, const uint8_t *payload);

/* Asks answerer a and sends what it says; out has ANSWER_BYTES. */
int outlet_serve(struct outlet *o, struct answerer *a, const struct wire_head *head,
		 const uint8_t *payload, uint8_t *out);

/* --- workers (workers.c) --- */

struct pool;
/* At most max_jobs wait, of which each may hold a buffer. */
struct pool *pool_open(struct answerer *a, size_t max_jobs);
/* False: too many wait, do it yourself. *room (of image/base/buffers.h; room may be NULL)
 * is where payload lies; the job takes it and leaves another one there. */
bool pool_add(struct pool *p, struct outlet *o, const struct wire_head *head,
	      uint8_t **room, const uint8_t *payload);
void pool_close(struct pool *p); /* what waits is not done any more */

/* --- further lanes (join_connections.c) --- */

/* A name that only our mover learns, in the abstract name space; listens there. */
int join_listen(char name[JOIN_NAME_BYTES], int *ret_fd, struct vrs_err *err);
/* Takes one caller's pipes. 1: there they are, 0: it was none of ours. */
int join_accept(int listen_fd, int *ret_in, int *ret_out, int *ret_conn,
		uint32_t *ret_seq);
/* Hands our pipes to the vrs-image of that name and waits until it has ended. */
int join_other(const char *name, int in_fd, int out_fd, uint32_t seq,
	       struct vrs_err *err);

#endif
