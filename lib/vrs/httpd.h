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
	HTTP_MAX_BODY = 1 << 20,
	HTTP_MAX_HEADERS = 16 << 10,
	HTTP_MAX_EXTRA = 4,
};

struct http;
struct http_request;

struct http_conf {
	const char *listen;               /* HOST:PORT; port 0: a free one */
	const char *cert_file, *key_file; /* "": no TLS */
	int64_t max_connections;
	int64_t request_ms; /* for headers, and again for the body */
	int64_t answer_ms;  /* for a reader to take an answer; streams have none */
};

struct http_answer {
	int status;
	const char *type;
	void *body; /* the server frees it */
	size_t n_body;
	const void *fixed; /* instead of body: stays where it is until http_close */
	const char *cache; /* Cache-Control; NULL: no-store */
	const char *extra[HTTP_MAX_EXTRA]; /* "Name: value" */
};

/* A body that goes on for as long as somebody reads. next: up to size bytes into buf; 0:
 * nothing now (http_stream_wake says when there is); -1: the end. closed is called once.
 */
struct http_stream {
	void *arg;
	long (*next)(void *arg, char *buf, size_t size);
	void (*closed)(void *arg);
};

struct http_counts {
	uint64_t requests, code[6]; /* by the first digit of the status */
	uint64_t evicted, late;     /* connections closed by the rules above */
	size_t connections;
};

struct http_handler {
	void *arg;
	void (*early)(void *arg, struct http_request *q); /* answers, or does nothing */
	void (*whole)(void *arg, struct http_request *q);
	/* seconds from headers to the end of the answer; may be NULL */
	void (*done)(void *arg, int status, double seconds);
};

int http_open(struct http **ret, struct vrs_loop *loop, const struct http_conf *conf,
	      const struct http_handler *handler, struct vrs_err *err);
/* Requests that were not answered yet are closed without an answer; answering them
 * afterwards is harmless only before http_close. */
void http_close(struct http *h);
const char *http_url(const struct http *h); /* "http://127.0.0.1:8080" */
void http_counts(const struct http *h, struct http_counts *ret);

/* --- of a request --- */

const char *http_method(const struct http_request *q);
/* Decoded; NULL when it was not well formed or has control characters in it. */
const char *http_path(const struct http_request *q);
/* Decoded; NULL: not given. "": not well formed counts as given without a value. */
const char *http_query(struct http_request *q, const char *key);
/* The first key of the query that is not in the list (ends with NULL); NULL: all are. */
const char *http_query_unknown(struct http_request *q, const char *const *known);
const char *http_header(const struct http_request *q, const char *name);
const char *http_cookie(const struct http_request *q, const char *name);
const void *http_body(const struct http_request *q, size_t *ret_n);
bool http_is_tls(const struct http_request *q);

/* Room for what the caller wants to remember with a request; zero at first. */
enum { HTTP_NOTE_BYTES = 96 };
void *http_note(struct http_request *q);

void http_answer(struct http_request *q, const struct http_answer *a);
/* Answers 200 with a body without end; the stream is the server's from now on. */
struct http_streaming;
struct http_streaming *http_answer_stream(struct http_request *q, const char *type,
					  const struct http_stream *stream);
void http_stream_wake(struct http_streaming *s);

#endif
