/* http.h - sends an HTTP request and waits for the response. The only door to libcurl.
 *
 * Blocks until the response or the deadline: daemons call it from a worker. Only http and
 * https; redirects are not followed, proxies are not used, and a response is limited to
 * max_bytes. Certificates are checked against ca_file or the system's CAs. */
#ifndef VRS_HTTP_H
#define VRS_HTTP_H

#include <stddef.h>
#include <stdint.h>

#include "vrs/err.h"

enum { VRS_HTTP_MAX_HEADERS = 8 };

struct vrs_http_request {
	const char *method; /* NULL: POST with a body, else GET */
	const char *url;
	const char *header[VRS_HTTP_MAX_HEADERS]; /* "Name: value"; NULL where unused */
	const char *bearer;                       /* token; NULL: none */
	const char *content_type;                 /* of the body */
	const void *body;
	size_t n_body;
	const char *ca_file;              /* NULL: the system's */
	const char *cert_file, *key_file; /* of this side; NULL: none */
	int64_t timeout_ms;               /* for the whole exchange; 0: 10 s */
	size_t max_bytes;                 /* limit of the response body; 0: 1 MiB */
};

struct vrs_http_reply {
	int status; /* 200, 404, ... */
	char content_type[80];
	char *body; /* followed by a zero byte */
	size_t n_body;
};

/* 0 for every response, whatever its status. VRS_ECONN: not reachable, or the certificate
 * is not valid for this host; VRS_ETIMEOUT; VRS_EINVAL: invalid URL; VRS_ENOSPC: the
 * response exceeds max_bytes; VRS_EIO. Free the reply with vrs_http_reply_fini; it is
 * unchanged on failure. Any thread may call it. */
int vrs_http(const struct vrs_http_request *req, struct vrs_http_reply *ret,
	     struct vrs_err *err);
void vrs_http_reply_fini(struct vrs_http_reply *reply);

#endif
