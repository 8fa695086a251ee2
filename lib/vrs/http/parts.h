/* parts.h - what the files of the HTTP server share. */
#ifndef VRS_HTTP_PARTS_H
#define VRS_HTTP_PARTS_H

#include <microhttpd.h>
#include <stdatomic.h>

#include "vrs/httpd.h"
#include "vrs/mem.h"

/* A connection and what it waits for. The server lists them by since_mono_ms. */
struct vrs_httpd_conn {
	struct vrs_httpd_conn *prev, *next;
	struct vrs_httpd *http;
	struct MHD_Connection *mhd;
	bool suspended;
	int fd;
	enum { CONN_WAITS, CONN_READS, CONN_REPLIES, CONN_UNTIMED, CONN_SHUT } state;
	int64_t since_mono_ms;
};

enum { VRS_HTTPD_SWEEP_EVERY_MS = 1000, VRS_HTTPD_STATUSES = 600 };

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
	struct vrs_httpd_conn *first, *last; /* all connections, oldest first */
	size_t n_waiting;
	struct vrs_httpd_counts counts;
	atomic_uint_fast64_t replies[VRS_HTTPD_STATUSES];
};

struct vrs_httpd_stream {
	struct vrs_httpd_conn *conn;
	struct vrs_httpd_source source;
};

struct vrs_httpd_request {
	struct vrs_httpd *http;
	struct MHD_Connection *connection;
	struct vrs_httpd_conn *conn;
	char *method, *path;
	char *body;
	size_t n_body, cap_body;
	bool too_big, complete, refused, endless;
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

/* text.c. Pure: percent-decoding in place; false when it is malformed or gives control
 * characters. */
bool vrs_httpd_decode(char *s);

/* turn.c */
void vrs_httpd_turn(struct vrs_httpd *h);
/* Until it is resumed, libmicrohttpd leaves the connection alone. */
void vrs_httpd_suspend(struct vrs_httpd_conn *c);
void vrs_httpd_resume(struct vrs_httpd_conn *c);

#endif
