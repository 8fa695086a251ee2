/* parts.h - what the files of the HTTP server share: server.c serves,
 * response.c reads requests and answers, connections.c watches connections, text.c
 * decodes. Only for http*.c. */
#ifndef VRS_HTTP_PARTS_H
#define VRS_HTTP_PARTS_H

#include <microhttpd.h>

#include "vrs/httpd.h"
#include "vrs/mem.h"

/* A connection and what it waits for. Those that wait for a request stand in the list of
 * the server, the one that has waited longest first. */
struct http_conn {
	struct http_conn *prev, *next;
	struct http *http;
	int fd;
	enum { CONN_WAITS, CONN_READS, CONN_ANSWERS, CONN_STREAMS, CONN_SHUT } state;
	int64_t since_mono_ms;
};

enum { HTTP_SWEEP_EVERY_MS = 1000 };

struct http {
	struct vrs_loop *loop;
	struct MHD_Daemon *mhd;
	struct http_conf conf;
	struct http_handler handler;
	int epoll_fd;
	struct vrs_timer *sweep, *soon;
	int64_t swept_mono_ms;
	bool again, closing;
	char url[300];
	char *cert, *key;
	struct http_conn *first, *last; /* all connections, by since_mono_ms */
	size_t n_waiting;
	struct http_counts counts;
	struct http_streaming *streams; /* alive */
};

struct http_streaming {
	struct http_streaming *prev, *next;
	struct http *http;
	struct MHD_Connection *connection;
	struct http_stream stream;
	bool asleep, gone;
};

struct http_request {
	struct http *http;
	struct MHD_Connection *connection;
	struct http_conn *conn;
	char *method, *path;
	char *body;
	size_t n_body, cap_body;
	bool too_big, suspended, asked;
	struct MHD_Response *response;
	int status;
	char *decoded[8]; /* query values, freed with it */
	size_t n_decoded;
	int64_t began_mono_ms;
	_Alignas(16) char note[HTTP_NOTE_BYTES];
};

/* connections.c */
void http_on_connection(void *arg, struct MHD_Connection *connection, void **ctx,
			enum MHD_ConnectionNotificationCode what);
void http_conn_set(struct http_conn *c, int state);
void http_conn_sweep(struct http *h);

/* text.c. Pure: percent-decoding in place; false when it is not well formed or gives
 * control characters. */
bool http_decode(char *s);

/* server.c */
void http_turn(struct http *h);
void http_turn_soon(struct http *h);

#endif
