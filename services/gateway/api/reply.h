/* reply.h - replies of the API: JSON, messages, errors with a hint; and who the client
 * is. */
#ifndef GATEWAY_API_REPLY_H
#define GATEWAY_API_REPLY_H

#include <jansson.h>

#include "gateway.h"

struct route;

/* What the API keeps of a request in vrs_httpd_note(). */
struct api_note {
	const struct route *route;
	enum role role;
	char name[65];
};

/* Name and role of who asks; "" and ROLE_NONE on what is open. */
const char *api_who(struct vrs_httpd_request *q);
enum role api_role(struct vrs_httpd_request *q);
/* The token a request carries, wherever; NULL: none. size of buf: TOKEN_MAX + 1. */
const char *api_secret(const struct vrs_httpd_request *q, char *buf, size_t size);

void api_error(struct vrs_httpd_request *q, int status, const char *code,
	       const char *hint, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));
void api_failure(struct vrs_httpd_request *q, const struct ask_failure *f);
void api_store_failure(struct vrs_httpd_request *q, const struct vrs_err *err);
void api_json_take(struct vrs_httpd_request *q, int status, json_t *json);
void api_message(struct vrs_httpd_request *q, const ProtobufCMessage *msg);
void api_text(struct vrs_httpd_request *q, int status, const char *type,
	      const char *text);
/* As api_error, with one more header line; extra NULL: none. */
void api_error_with(struct vrs_httpd_request *q, int status, const char *code,
		    const char *hint, const char *extra, const char *line);

#endif
