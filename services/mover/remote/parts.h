/* parts.h - what the files of remote.h share.
 *
 * Requests wait in one queue; whoever has room takes the next: the lanes of a remote far
 * side (one SSH connection and one thread each), or the workers of one that is here. */
#ifndef MOVER_REMOTE_PARTS_H
#define MOVER_REMOTE_PARTS_H

#include <pthread.h>

#include "image/base/sandbox.h"
#include "image/serve/requests.h"
#include "remote/remote.h"
#include "ssh/channel.h"

enum { FAR_WORKERS = 4 };

struct request {
	struct request *next;
	struct wire_head head;
	uint8_t *payload;
	void (*begun)(void *arg);
	far_done_fn done;
	void *arg;
};

struct queue {
	struct request *first, **last;
};

struct lane {
	struct far *far;
	struct link *link;
	pthread_t thread;
	bool started;

	/* under far's lock */
	bool ready;        /* takes from the queue of all */
	bool idle;         /* found that queue empty */
	struct queue own;  /* for this lane only */
	struct queue open; /* written (or being written), not answered */
	uint64_t open_bytes;

	/* the thread's */
	struct wire_reader reader;
	struct request *writing;
	uint8_t head_bytes[WIRE_HEAD_BYTES];
	size_t n_written;
	int64_t life_mono_ms;
};

struct far {
	char name[400];       /* "target root@h1" */
	struct far_conf conf; /* texts are ours */
	struct place place;
	char **roots;
	size_t n_roots;
	bool logged_in;
	char *command;  /* that starts vrs-image there */
	char join[128]; /* what further lanes ask for; "": there are none */
	int64_t rtt_ms;

	pthread_mutex_t lock; /* what follows, and parts of the lanes */
	pthread_cond_t changed;
	struct queue waiting;
	uint32_t seq;
	bool stop;
	struct vrs_err dead;
	uint64_t bytes_out, bytes_in;
	size_t n_lanes;
	struct lane lane[FAR_MAX_LANES];
	bool pulled; /* threads wait for `changed` and take the next; there are no lanes
		      */
	struct sftp_far *sftp;

	/* here, instead of lanes (local.c) */
	struct sandbox beneath;
	struct requests *answerer;
	pthread_t worker[FAR_WORKERS];
	size_t n_workers, n_ended;
	bool closed;
};

void queue_add(struct queue *q, struct request *r);
struct request *queue_take(struct queue *q);
void request_free(struct request *r);
/* Puts the side's name before an error's text, once. */
void far_name_error(const struct far *f, struct vrs_err *err);
/* For the threads of a far that is pulled: the next request; NULL: it has ended. */
struct request *far_next(struct far *f);
/* It is lost: this and every later request fails. */
void far_die(struct far *f, const struct vrs_err *why);
/* Fails everything in these queues. */
void far_fail_all(struct queue *q, const struct vrs_err *why);
/* Bytes of requests on their way on one lane at most. */
size_t far_lane_window(const struct far *f);

/* lane 0 must be open when this returns; the others come up by themselves */
int lane_open_first(struct far *f, struct vrs_err *err);
void lane_open_more(struct far *f, size_t i);
/* Ends its thread; then, when no lane has one any more, its connection. */
void lane_stop(struct lane *l);
void lane_close(struct lane *l);

int here_open(struct far *f, struct vrs_err *err);
void here_close(struct far *f);

#endif
