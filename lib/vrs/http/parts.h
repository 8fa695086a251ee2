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
struct vrs_httpd_conn {
	struct vrs_httpd_conn *prev, *next;
	struct vrs_httpd *http;
	int fd;
	enum { CONN_WAITS, CONN_READS, CONN_ANSWERS, CONN_STREAMS, CONN_SHUT } state;
	int64_t since_mono_ms;
};

enum { VRS_HTTPD_SWEEP_EVERY_MS = 1000 };

struct vrs_httpd {
	struct vrs_loop *loop;
	struct MHD_Daemon *mhd;
	struct vrs_httpd_conf conf;
	struct vrs_httpd_handler handler;
	int epoll_fd;
	struct vrs_timer *sweep, *soon;
	int64_t swept_mono_ms;
	bool again, closing;
	char url[300];
	char *cert, *key;
	struct vrs_httpd_conn *first, *last; /* all connections, by since_mono_ms */
	size_t n_waiting;
	struct vrs_httpd_counts counts;
	struct vrs_httpd_stream *streams; /* alive */
};

struct vrs_httpd_stream {
	struct vrs_httpd_stream *prev, *next;
	struct vrs_httpd *http;
	struct MHD_Connection *connection;
	struct vrs_httpd_source stream;
	bool asleep, gone;
};

struct vrs_httpd_request {
	struct vrs_httpd *http;
	struct MHD_Connection *connection;
	struct vrs_httpd_conn *conn;
	char *method, *path;
	char *body;
	size_t n_body, cap_body;
	bool too_big, suspended, asked;
	struct MHD_Response *response;
	int status;
	char *decoded[8]; /* query values, freed with it */
	size_t n_decoded;
	int64_t began_mono_ms;
	_Alignas(16) char note[VRS_HTTPD_NOTE_BYTES];
};

/* connections.c */
void vrs_httpd_on_connection(void *arg, struct MHD_Connection *connection, void **ctx,
			     enum MHD_ConnectionNotificationCode what);
void vrs_httpd_conn_set(struct vrs_httpd_conn *c, int state);
void vrs_httpd_conn_sweep(struct vrs_httpd *h);

/* text.c. Pure: percent-decoding in place; false when it is not well formed or gives
 * control characters. */
bool vrs_httpd_decode(char *s);

/* server.c */
void vrs_httpd_turn(struct vrs_httpd *h);
void vrs_httpd_turn_soon(struct vrs_httpd *h);

#endif
