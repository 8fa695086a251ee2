/* reply.h - replies of the API: JSON, messages, errors with a hint; and the identity of
 * the client. */
#ifndef GATEWAY_API_REPLY_H
#define GATEWAY_API_REPLY_H

#include <jansson.h>

#include "gateway.h"

struct api_route;

/* What the API keeps of a request in vrs_httpd_note(). */
struct api_note {
	const struct api_route *route;
	enum role role;
	char name[65];
};

const struct api_route *api_route(struct vrs_httpd_request *q);
/* Name and role of the token; "" and ROLE_NONE without one. */
const char *api_actor(struct vrs_httpd_request *q);
enum role api_role(struct vrs_httpd_request *q);
/* The token of the header or the cookie; NULL: none. size of buf: TOKEN_MAX + 1. */
const char *api_secret(const struct vrs_httpd_request *q, char *buf, size_t size);

/* The code that goes with it (docs/API.md) follows from the status. */
void api_error(struct vrs_httpd_request *q, int status, const char *hint, const char *fmt,
	       ...) __attribute__((format(printf, 4, 5)));
void api_failure(struct vrs_httpd_request *q, const struct scheduler_failure *f);
void api_store_failure(struct vrs_httpd_request *q, const struct vrs_err *err);
void api_json_take(struct vrs_httpd_request *q, int status, json_t *json);
void api_message(struct vrs_httpd_request *q, const ProtobufCMessage *msg);
void api_text(struct vrs_httpd_request *q, int status, const char *type,
	      const char *text);
/* As api_error, with one more header line; extra NULL: none. */
void api_error_with(struct vrs_httpd_request *q, int status, const char *hint,
		    const char *extra, const char *line);

#endif
