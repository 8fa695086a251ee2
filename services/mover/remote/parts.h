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

enum { REMOTE_WORKERS = 4 };

struct request {
	struct request *next;
	struct wire_head head;
	uint8_t *payload;
	void (*begun)(void *arg);
	remote_done_fn done;
	void *arg;
};

struct queue {
	struct request *first, **last;
};

struct remote_connection {
	struct remote *far;
	struct channel *link;
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

struct remote {
	char name[400];       /* "target root@h1" */
	struct ssh_conf conf; /* texts are ours */
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
	size_t n_connections;
	struct remote_connection connection[REMOTE_MAX_CONNECTIONS];
	bool pulled; /* threads wait for `changed` and take the next; there are no lanes
		      */
	struct sftp_remote *sftp;

	/* here, instead of lanes (local.c) */
	struct sandbox beneath;
	struct requests *answerer;
	pthread_t worker[REMOTE_WORKERS];
	size_t n_workers, n_ended;
	bool closed;
};

void remote_queue_add(struct queue *q, struct request *r);
struct request *remote_queue_take(struct queue *q);
void remote_request_free(struct request *r);
/* Puts the side's name before an error's text, once. */
void remote_name_error(const struct remote *f, struct vrs_err *err);
/* For the threads of a far that is pulled: the next request; NULL: it has ended. */
struct request *remote_next(struct remote *f);
/* It is lost: this and every later request fails. */
void remote_die(struct remote *f, const struct vrs_err *why);
/* Fails everything in these queues. */
void remote_fail_all(struct queue *q, const struct vrs_err *why);
/* Bytes of requests on their way on one lane at most. */
size_t remote_connection_window(const struct remote *f);

/* lane 0 must be open when this returns; the others come up by themselves */
int remote_connection_open_first(struct remote *f, struct vrs_err *err);
void remote_connection_open_more(struct remote *f, size_t i);
/* Ends its thread; then, when no lane has one any more, its connection. */
void remote_connection_stop(struct remote_connection *l);
void remote_connection_close(struct remote_connection *l);

int remote_local_open(struct remote *f, struct vrs_err *err);
void remote_local_close(struct remote *f);

#endif
