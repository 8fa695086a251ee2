/* httpd.h - the HTTP server of metrics pages and of the gateway; the only door to
 * libmicrohttpd.
 *
 * One loop, no threads. Each request is passed to `early` once its headers are complete
 * and to `whole` once its body is; it must be answered exactly once: in one of the two,
 * or later from the loop. What was read from it (path, query, headers, body) stays valid
 * until then.
 *
 * No client can block the server: headers, body and reply each have a deadline as a whole
 * (not from byte to byte), headers and body a maximum size, and when more than half of
 * the connections wait for a request, the one that has waited longest is closed. */
#ifndef VRS_HTTPD_H
#define VRS_HTTPD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vrs/err.h"
#include "vrs/loop.h"

enum { VRS_HTTPD_MAX_EXTRA = 4 };

struct vrs_httpd;
struct vrs_httpd_request;

struct vrs_httpd_conf {
	const char *listen;               /* HOST:PORT; port 0: a free one */
	const char *cert_file, *key_file; /* "" or NULL: no TLS */
	int64_t max_connections;
	size_t max_head, max_body; /* bytes */
	int64_t request_ms;        /* for the headers, and again for the body */
	int64_t reply_ms;          /* for the client to read a reply; streams have none */
	const char *const *headers; /* "Name: value" of every reply; ends with NULL */
	bool close_after_reply;     /* one request a connection */
};

struct vrs_httpd_reply {
	int status;
	const char *type;
	void *body; /* the server frees it */
	size_t n_body;
	const void *fixed; /* instead of body: valid until vrs_httpd_close */
	const char *cache; /* Cache-Control; NULL: no-store */
	const char *extra[VRS_HTTPD_MAX_EXTRA]; /* "Name: value" */
};

/* An endless body. next: up to size bytes into buf; 0: nothing at present
 * (vrs_httpd_stream_wake resumes it); -1: the end. closed is called once. */
struct vrs_httpd_source {
	void *arg;
	long (*next)(void *arg, char *buf, size_t size);
	void (*closed)(void *arg);
};

struct vrs_httpd_counts {
	uint64_t evicted, late; /* connections closed by the rules above */
	size_t connections;
};

struct vrs_httpd_handler {
	void *arg;
	void (*early)(void *arg,
		      struct vrs_httpd_request *q); /* replies, or does nothing */
	void (*whole)(void *arg, struct vrs_httpd_request *q);
	/* Replies to a request that breaks a rule: status is 400 (more than one Host),
	 * 413 (body above max_body) or 431 (head above max_head). */
	void (*refuse)(void *arg, struct vrs_httpd_request *q, int status);
	/* seconds from the headers to the end of the reply; may be NULL */
	void (*done)(void *arg, double seconds);
};

int vrs_httpd_open(struct vrs_httpd **ret, struct vrs_loop *loop,
		   const struct vrs_httpd_conf *conf,
		   const struct vrs_httpd_handler *handler, struct vrs_err *err);
/* Open requests are closed without a reply; none may be answered afterwards. */
void vrs_httpd_close(struct vrs_httpd *h);
const char *vrs_httpd_url(const struct vrs_httpd *h); /* "http://127.0.0.1:8080" */
void vrs_httpd_counts(const struct vrs_httpd *h, struct vrs_httpd_counts *ret);
/* Replies with a status of low..high, those of libmicrohttpd to malformed requests
 * included. Any thread may call it. */
uint64_t vrs_httpd_replies(const struct vrs_httpd *h, int low, int high);

/* --- a request --- */

const char *vrs_httpd_method(const struct vrs_httpd_request *q);
/* Decoded; NULL: malformed, or with control characters. */
const char *vrs_httpd_path(const struct vrs_httpd_request *q);
/* Decoded; NULL: not given; "": malformed, or given without a value. */
const char *vrs_httpd_query(struct vrs_httpd_request *q, const char *key);
/* The first key of the query that is not in the list (ends with NULL); NULL: all are. */
const char *vrs_httpd_query_unknown(struct vrs_httpd_request *q,
				    const char *const *known);
const char *vrs_httpd_header(const struct vrs_httpd_request *q, const char *name);
const char *vrs_httpd_cookie(const struct vrs_httpd_request *q, const char *name);
const void *vrs_httpd_body(const struct vrs_httpd_request *q, size_t *ret_n);
bool vrs_httpd_is_tls(const struct vrs_httpd_request *q);

/* Memory for the handler's own data of a request; zero at first. */
enum { VRS_HTTPD_NOTE_BYTES = 96 };
void *vrs_httpd_note(struct vrs_httpd_request *q);

void vrs_httpd_reply(struct vrs_httpd_request *q, const struct vrs_httpd_reply *a);
/* Replies 200 with an endless body; the server owns the stream from now on. */
struct vrs_httpd_stream;
struct vrs_httpd_stream *vrs_httpd_reply_stream(struct vrs_httpd_request *q,
						const char *type,
						const struct vrs_httpd_source *source);
void vrs_httpd_stream_wake(struct vrs_httpd_stream *s);

#endif
