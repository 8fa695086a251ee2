/* parts.h - what the files of remote.h share.
 *
 * Requests wait in one queue. Those that take them from it are the connections to a
 * remote host (an SSH connection and a thread each), or the workers of a remote that is
 * served by this process. */
#ifndef MOVER_REMOTE_PARTS_H
#define MOVER_REMOTE_PARTS_H

#include <pthread.h>

#include "image/base/sandbox.h"
#include "image/serve/requests.h"
#include "remote/remote.h"
#include "ssh/channel.h"
#include "ssh/ssh.h"

enum { REMOTE_WORKERS = 4 };

struct remote_queue {
	struct remote_request *first, **last;
};

struct remote_connection {
	struct remote *remote;
	struct channel *channel;
	pthread_t thread;
	bool started;

	/* under the lock of the remote */
	bool ready;               /* takes requests from the common queue */
	bool idle;                /* found that queue empty */
	struct remote_queue own;  /* requests for this connection only */
	struct remote_queue open; /* sent or being sent, without a reply yet */
	uint64_t open_bytes;

	/* of its thread */
	struct wire_reader reader;
	struct remote_request *writing;
	uint8_t head_bytes[WIRE_HEAD_BYTES];
	size_t n_written;
	int64_t heard_mono_ms;
};

struct remote {
	char name[400];       /* "target root@h1" */
	struct ssh_conf conf; /* texts are owned */
	struct place place;
	struct ssh_host host;       /* the two above, and the roots */
	struct ssh_command command; /* starts vrs-image there */
	char join[128]; /* name that further connections send to join; "": they cannot */
	int64_t rtt_ms;

	pthread_mutex_t lock; /* of what follows, and of parts of the connections */
	pthread_cond_t changed;
	struct remote_queue waiting;
	uint32_t seq;
	bool stop;
	struct vrs_err failed;
	size_t n_connections;
	struct remote_connection connection[REMOTE_MAX_CONNECTIONS];
	bool has_workers; /* workers wait for `changed`; there are no connections */
	struct sftp_remote *sftp;

	/* a local remote (local.c) */
	struct sandbox sandbox;
	struct requests *requests;
	pthread_t worker[REMOTE_WORKERS];
	size_t n_workers, n_ended;
	bool closed;
};

void remote_queue_add(struct remote_queue *q, struct remote_request *r);
struct remote_request *remote_queue_take(struct remote_queue *q);
void remote_request_free(struct remote_request *r);
/* Puts the name of the side before an error, once. */
void remote_name_error(const struct remote *f, struct vrs_err *err);
/* For workers: waits for the next request; NULL: the remote has ended. */
struct remote_request *remote_next_request(struct remote *f);
/* From now on this and every later request fails. */
void remote_fail(struct remote *f, const struct vrs_err *why);
/* Fails all requests of a queue. */
void remote_fail_all(struct remote_queue *q, const struct vrs_err *why);
/* Upper bound of request bytes in flight on one connection. */
size_t remote_connection_window(const struct remote *f);

/* Connection 0 is open when this returns; the others open in the background. */
int remote_connection_open_first(struct remote *f, struct vrs_err *err);
void remote_connection_open_more(struct remote *f, size_t i);
/* Ends its thread; once all threads have ended, the connection is closed. */
void remote_connection_stop(struct remote_connection *l);
void remote_connection_close(struct remote_connection *l);

int remote_local_open(struct remote *f, struct vrs_err *err);
void remote_local_close(struct remote *f);

#endif
