/* parse.h - reads the head of an HTTP/1 request, strictly. Pure.
 *
 * Enough for answering GET and HEAD: lines end with CRLF, fields are not folded, a
 * request carries no body, and HTTP/1.1 names its host. */
#ifndef VRS_HTTP_PARSE_H
#define VRS_HTTP_PARSE_H

#include <stdbool.h>
#include <stddef.h>

enum { VRS_HTTP_MAX_HEAD = 4096, VRS_HTTP_MAX_PATH = 128 };

struct vrs_http_head {
	bool head_only;               /* HEAD: the answer has no body */
	char path[VRS_HTTP_MAX_PATH]; /* up to a '?' */
};

/* 0: the head is not complete yet. 1: ret is set. Otherwise the status that says what is
 * wrong: 400, 405 (another method), 414 (path), 431 (above VRS_HTTP_MAX_HEAD), 505. */
int vrs_http_head_read(const char *bytes, size_t n, struct vrs_http_head *ret);

/* "Not Found" of 404; "Error" of a code that we do not use. */
const char *vrs_http_reason(int code);

#endif
