/* httpd.h - the HTTP server; the only door to libmicrohttpd.
 *
 * One loop, no threads. Every request is given to `early` when its headers are there and
 * to `whole` when its body is; it must be answered exactly once, in either, or later from
 * the loop. What was read of it (path, query, headers, body) stays valid until then.
 *
 * Nobody can hold the server: headers, body and answer have deadlines as a whole (not
 * from byte to byte), bodies and headers have a size, and when too many connections are
 * waiting for their first request the one that has waited longest is closed. */
#ifndef VRS_HTTPD_H
#define VRS_HTTPD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vrs/err.h"
#include "vrs/loop.h"

enum {
	VRS_HTTPD_MAX_BODY = 1 << 20,
	VRS_HTTPD_MAX_HEADERS = 16 << 10,
	VRS_HTTPD_MAX_EXTRA = 4,
};

struct vrs_httpd;
struct vrs_httpd_request;

struct vrs_httpd_conf {
	const char *listen;               /* HOST:PORT; port 0: a free one */
	const char *cert_file, *key_file; /* "": no TLS */
	int64_t max_connections;
	int64_t request_ms; /* for headers, and again for the body */
	int64_t answer_ms;  /* for a reader to take an answer; streams have none */
};

struct vrs_httpd_reply {
	int status;
	const char *type;
	void *body; /* the server frees it */
	size_t n_body;
	const void *fixed; /* instead of body: stays where it is until vrs_httpd_close */
	const char *cache; /* Cache-Control; NULL: no-store */
	const char *extra[VRS_HTTPD_MAX_EXTRA]; /* "Name: value" */
};

/* A body that goes on for as long as somebody reads. next: up to size bytes into buf; 0:
 * nothing now (vrs_httpd_stream_wake says when there is); -1: the end. closed is called
 * once.
 */
struct vrs_httpd_source {
	void *arg;
	long (*next)(void *arg, char *buf, size_t size);
	void (*closed)(void *arg);
};

struct vrs_httpd_counts {
	uint64_t requests, code[6]; /* by the first digit of the status */
	uint64_t evicted, late;     /* connections closed by the rules above */
	size_t connections;
};

struct vrs_httpd_handler {
	void *arg;
	void (*early)(void *arg,
		      struct vrs_httpd_request *q); /* answers, or does nothing */
	void (*whole)(void *arg, struct vrs_httpd_request *q);
	/* seconds from headers to the end of the answer; may be NULL */
	void (*done)(void *arg, int status, double seconds);
};

int vrs_httpd_open(struct vrs_httpd **ret, struct vrs_loop *loop,
		   const struct vrs_httpd_conf *conf,
		   const struct vrs_httpd_handler *handler, struct vrs_err *err);
/* Requests that were not answered yet are closed without an answer; answering them
 * afterwards is harmless only before vrs_httpd_close. */
void vrs_httpd_close(struct vrs_httpd *h);
const char *vrs_httpd_url(const struct vrs_httpd *h); /* "http://127.0.0.1:8080" */
void vrs_httpd_counts(const struct vrs_httpd *h, struct vrs_httpd_counts *ret);

/* --- of a request --- */

const char *vrs_httpd_method(const struct vrs_httpd_request *q);
/* Decoded; NULL when it was not well formed or has control characters in it. */
const char *vrs_httpd_path(const struct vrs_httpd_request *q);
/* Decoded; NULL: not given. "": not well formed counts as given without a value. */
const char *vrs_httpd_query(struct vrs_httpd_request *q, const char *key);
/* The first key of the query that is not in the list (ends with NULL); NULL: all are. */
const char *vrs_httpd_query_unknown(struct vrs_httpd_request *q,
				    const char *const *known);
const char *vrs_httpd_header(const struct vrs_httpd_request *q, const char *name);
const char *vrs_httpd_cookie(const struct vrs_httpd_request *q, const char *name);
const void *vrs_httpd_body(const struct vrs_httpd_request *q, size_t *ret_n);
bool vrs_httpd_is_tls(const struct vrs_httpd_request *q);

/* Room for what the caller wants to remember with a request; zero at first. */
enum { VRS_HTTPD_NOTE_BYTES = 96 };
void *vrs_httpd_note(struct vrs_httpd_request *q);

void vrs_httpd_reply(struct vrs_httpd_request *q, const struct vrs_httpd_reply *a);
/* Answers 200 with a body without end; the stream is the server's from now on. */
struct vrs_httpd_stream;
struct vrs_httpd_stream *vrs_httpd_reply_stream(struct vrs_httpd_request *q,
						const char *type,
						const struct vrs_httpd_source *stream);
void vrs_httpd_stream_wake(struct vrs_httpd_stream *s);

#endif
