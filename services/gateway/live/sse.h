/* sse.h - server-sent events: what is told once reaches every browser that listens.
 *
 * Messages are kept in one ring; a listener is a place in it. Who falls behind by more
 * than the ring is let go: it comes back with its Last-Event-ID. */
#ifndef GATEWAY_LIVE_SSE_H
#define GATEWAY_LIVE_SSE_H

#include <jansson.h>
#include <stddef.h>

struct gateway;
struct vrs_httpd_request;
struct sse;
struct vrs_err;

struct sse *sse_new(struct gateway *g);
void sse_free(struct sse *h);

/* Tells one event; id NULL: it has none. data is one line. */
void sse_send(struct sse *h, const char *event, const char *id, const char *data);
/* The same, and what a new listener is told first, until it is told anew. */
enum sse_state { SSE_STATUS, SSE_RELOCATIONS, SSE_INCIDENTS, SSE_STATES };
void sse_state(struct sse *h, enum sse_state which, const char *data);

/* Answers with the stream: first the journal after that id ("": from now on), then the
 * current states, then new events. VRS_ENOSPC: max_streams are open; on any failure the
 * caller answers the request. */
int sse_stream(struct sse *h, struct vrs_httpd_request *q, const char *after,
	       struct vrs_err *err);

size_t sse_listeners(const struct sse *h);

#endif
