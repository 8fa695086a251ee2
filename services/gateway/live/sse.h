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
struct hub;
struct vrs_err;

struct hub *hub_new(struct gateway *g);
void hub_free(struct hub *h);

/* Tells one event; id NULL: it has none. data is one line. */
void hub_tell(struct hub *h, const char *event, const char *id, const char *data);
/* The same, and what a new listener is told first, until it is told anew. */
enum hub_state { HUB_STATUS, HUB_RELOCATIONS, HUB_INCIDENTS, HUB_STATES };
void hub_state(struct hub *h, enum hub_state which, const char *data);

/* Answers with the stream: first the journal after that id ("": from now on), then the
 * current states, then new events. VRS_ENOSPC: max_streams are open; on any failure the
 * caller answers the request. */
int hub_stream(struct hub *h, struct vrs_httpd_request *q, const char *after,
	       struct vrs_err *err);

size_t hub_listeners(const struct hub *h);

#endif
