#include "image/serve/serve.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "image/base/buffers.h"
#include "image/serve/serve_parts.h"
#include "vrs/fault.h"
#include "vrs/mem.h"

enum {
	IDLE_MS = 60 * 1000, /* a mover pings every few seconds */
	PIPE_BYTES = 1 << 20,
	MAX_CONNECTIONS = 16, /* in the life of one vrs-image */
	ALIGN = 4096,
	JOINED = 2,
};

struct server;

struct connection {
	struct server *server;
	struct reply_writer writer;
	int in_fd, joiner_fd; /* joiner_fd: closing it ends the process that brought the
				 pipes */
	pthread_t thread;
};

struct server {
	struct requests *requests;
	struct workers *pool, *writers;
	int stop_fd; /* readable: all threads end */
	int listen_fd;
	pthread_t acceptor;
	bool has_acceptor;
	char name[JOIN_NAME_BYTES], join[JOIN_NAME_BYTES];
	struct connection connection[MAX_CONNECTIONS]; /* the first is ours, the others
							  have joined */
	size_t n_connections;                          /* the acceptor's */
};

/* 1: got all, 0: the pipe ended before the first byte, negative: failed. */
static int get(struct connection *l, uint8_t *buf, size_t len, struct vrs_err *err)
{
	for (size_t done = 0; done < len;) {
		struct pollfd p[2] = {
			{.fd = l->in_fd, .events = POLLIN},
			{.fd = l->server->stop_fd, .events = POLLIN},
		};
		int ready = poll(p, 2, IDLE_MS);

		if (ready < 0 && errno == EINTR)
			continue;
		if (ready == 0)
			return vrs_fail(err, VRS_ETIMEOUT,
					"no request from the mover for 60 s");
		if (p[1].revents)
			return vrs_fail(err, VRS_ECANCELLED,
					"the mover has disconnected");
		ssize_t n = read(l->in_fd, buf + done, len - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return vrs_fail_errno(err, "cannot read");
		if (n == 0 && done == 0)
			return 0;
		if (n == 0)
			return vrs_fail(err, VRS_EPARSE,
					"the pipe was closed in the middle of a frame");
		done += (size_t)n;
	}
	return 1;
}

_Static_assert((size_t)BUFFER_BYTES >= WIRE_MAX_PAYLOAD + ALIGN &&
		       (size_t)BUFFER_BYTES >= REPLY_BYTES,
	       "a payload fits, wherever in a page it begins");

/* Where the payload goes so that the blocks of a WRITE, behind their digests, begin on a
 * page: the disk may then take them without a copy. */
static size_t payload_offset(const struct wire_head *h)
{
	if (h->type != WIRE_WRITE || h->b > WIRE_MAX_DATA || h->shift < 12 ||
	    h->shift > 16)
		return 0;
	size_t digests = wire_n_blocks(h->b, h->shift) * 16;
	return (ALIGN - digests % ALIGN) % ALIGN;
}

/* The first frame may name another vrs-image that these pipes belong to. */
static int wants_to_join(struct server *s, const struct wire_head *h,
			 const uint8_t *payload, struct vrs_err *err)
{
	struct wire_text_reader t = {payload, h->len, 0};
	int status = wire_get_text(&t, s->join, sizeof(s->join), err);

	return status < 0 ? status : JOINED;
}

/* True when a worker has taken the request, with the buffer of its payload if any. */
static bool hand_over(struct connection *l, const struct wire_head *head, uint8_t **in,
		      const uint8_t *payload)
{
	switch (head->type) {
	case WIRE_HASHES:
	case WIRE_SYNC:
		return workers_add(l->server->pool, &l->writer, head, NULL, NULL);
	case WIRE_WRITE:
		return workers_add(l->server->writers, &l->writer, head, in, payload);
	default:
		return false;
	}
}

static int serve_frames(struct connection *l, struct wire_head *head, struct vrs_err *err)
{
	struct server *s = l->server;
	uint8_t head_bytes[WIRE_HEAD_BYTES];
	uint8_t *in = buffer_take();
	uint8_t *out = buffer_take();
	int status = in && out ? 1 : vrs_fail(err, VRS_EIO, "out of memory");
	bool first = l == &s->connection[0];

	while (status > 0 && (status = get(l, head_bytes, sizeof(head_bytes), err)) > 0) {
		if ((status = wire_unpack(head, head_bytes, err)) < 0)
			break;
		if (head->type > WIRE_LAST_REQUEST) {
			status =
				vrs_fail(err, VRS_EPARSE,
					 "frame of type %u is not a request", head->type);
			break;
		}
		uint8_t *payload = in + payload_offset(head);
		if (head->len > 0 && (status = get(l, payload, head->len, err)) <= 0) {
			if (status == 0)
				status = vrs_fail(
					err, VRS_EPARSE,
					"the pipe was closed in the middle of a frame");
			break;
		}
		if (first && head->type == WIRE_JOIN) {
			status = wants_to_join(s, head, payload, err);
			break;
		}
		first = false;
		(void)vrs_fault("mover.image.request");
		reply_writer_begin(&l->writer, head->seq);
		status = 1;
		if (hand_over(l, head, &in, payload))
			continue;
		if (reply_writer_serve(&l->writer, s->requests, head, payload, out) < 0)
			status = vrs_fail_errno(err, "cannot write");
	}
	buffer_put(in);
	buffer_put(out);
	return status;
}

static void *serve_connection(void *arg)
{
	struct wire_head head;

	(void)serve_frames(arg, &head, NULL);
	return NULL;
}

/* A joined connection becomes one of ours. */
static void add_connection(struct server *s, int in, int out, int conn, uint32_t seq)
{
	struct wire_head ok = {.type = WIRE_OK, .seq = seq};
	struct connection *l = &s->connection[s->n_connections];

	*l = (struct connection){.server = s, .in_fd = in, .joiner_fd = conn};
	(void)fcntl(in, F_SETPIPE_SZ, PIPE_BYTES);
	(void)fcntl(out, F_SETPIPE_SZ, PIPE_BYTES);
	if (reply_writer_open(&l->writer, out, NULL) == 0) {
		reply_writer_begin(&l->writer, seq);
		if (reply_writer_send(&l->writer, &ok, NULL) == 0 &&
		    pthread_create(&l->thread, NULL, serve_connection, l) == 0) {
			s->n_connections++;
			return;
		}
	}
	reply_writer_close(&l->writer);
	(void)close(in);
	(void)close(out);
	(void)close(conn);
}

static void *accept_joins(void *arg)
{
	struct server *s = arg;
	struct pollfd p[2] = {
		{.fd = s->listen_fd, .events = POLLIN},
		{.fd = s->stop_fd, .events = POLLIN},
	};

	while (s->n_connections < MAX_CONNECTIONS) {
		int in, out, conn;
		uint32_t seq;

		if (poll(p, 2, -1) < 0 && errno != EINTR)
			break;
		if (p[1].revents)
			break;
		if (p[0].revents && join_accept(s->listen_fd, &in, &out, &conn, &seq) > 0)
			add_connection(s, in, out, conn, seq);
	}
	return NULL;
}

static void stop_all(struct server *s)
{
	uint64_t one = 1;

	(void)!write(s->stop_fd, &one, sizeof(one));
	if (s->has_acceptor)
		(void)pthread_join(s->acceptor, NULL);
	for (size_t i = 1; i < s->n_connections; i++)
		(void)pthread_join(s->connection[i].thread, NULL);
	workers_close(s->pool);
	workers_close(s->writers);
	requests_close(s->requests);
	for (size_t i = 0; i < s->n_connections; i++) {
		struct connection *l = &s->connection[i];

		reply_writer_close(&l->writer);
		if (i == 0)
			continue;
		(void)close(l->in_fd);
		(void)close(l->writer.fd);
		(void)close(l->joiner_fd);
	}
	if (s->listen_fd >= 0)
		(void)close(s->listen_fd);
	(void)close(s->stop_fd);
	free(s);
}

int serve(const struct sandbox *b, int in_fd, int out_fd, struct vrs_err *err)
{
	struct server *s = vrs_calloc(1, sizeof(*s));
	struct wire_head head = {0};
	char join[JOIN_NAME_BYTES];

	s->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	s->listen_fd = -1;
	s->n_connections = 1;
	s->connection[0] =
		(struct connection){.server = s, .in_fd = in_fd, .joiner_fd = -1};
	(void)fcntl(in_fd, F_SETPIPE_SZ, PIPE_BYTES);
	(void)fcntl(out_fd, F_SETPIPE_SZ, PIPE_BYTES);
	if (join_listen(s->name, &s->listen_fd, NULL) < 0)
		s->name[0] = '\0'; /* then there will be one connection */
	s->requests = requests_open(b, s->name);
	s->pool = workers_open(s->requests, MAX_JOBS);
	s->writers = workers_open(s->requests, MAX_WRITES);
	int status = reply_writer_open(&s->connection[0].writer, out_fd, err);
	if (status == 0) {
		s->has_acceptor =
			s->listen_fd >= 0 &&
			pthread_create(&s->acceptor, NULL, accept_joins, s) == 0;
		status = serve_frames(&s->connection[0], &head, err);
	}
	memcpy(join, s->join, sizeof(join));
	stop_all(s);
	return status == JOINED ? join_other(join, in_fd, out_fd, head.seq, err) : status;
}
