/* sse.h - server-sent events: each event reaches every open stream.
 *
 * Events are kept in one ring; a listener is a position in it. A listener that falls
 * behind by more than the ring is disconnected, and resumes with its Last-Event-ID. */
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

/* Sends one event; id NULL: none. data is one line. */
void sse_send(struct sse *h, const char *event, const char *id, const char *data);
/* The same; a new listener first gets the latest of each state. */
enum sse_state { SSE_STATUS, SSE_RELOCATIONS, SSE_INCIDENTS, SSE_STATES };
void sse_state(struct sse *h, enum sse_state which, const char *data);

/* Replies with the stream: first the journal after that id ("": from now on), then the
 * current states, then new events. VRS_ENOSPC: max_streams are open. On a failure the
 * caller replies to the request. */
int sse_stream(struct sse *h, struct vrs_httpd_request *q, const char *after,
	       struct vrs_err *err);

size_t sse_listeners(const struct sse *h);

#endif
