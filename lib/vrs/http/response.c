/* Requests as the handler sees them, replies, streams. */
#include <stdlib.h>
#include <string.h>

#include "vrs/http/parts.h"

enum { STREAM_BLOCK = 16 << 10 };

/* --- replies --- */

static void add_header(struct MHD_Response *r, const char *line)
{
	char name[64];
	const char *colon = line ? strchr(line, ':') : NULL;

	if (!colon || (size_t)(colon - line) >= sizeof(name))
		return;
	memcpy(name, line, (size_t)(colon - line));
	name[colon - line] = '\0';
	(void)MHD_add_response_header(r, name, colon + 1 + strspn(colon + 1, " "));
}

/* Hands the response over, to be sent when libmicrohttpd calls on_request again. */
static void respond(struct vrs_httpd_request *q, struct MHD_Response *r, const char *type,
		    const char *cache)
{
	const struct vrs_httpd *h = q->http;

	if (!r)
		abort(); /* no memory */
	(void)MHD_add_response_header(r, "Content-Type", type);
	(void)MHD_add_response_header(r, "Cache-Control", cache ? cache : "no-store");
	for (size_t i = 0; h->conf.headers && h->conf.headers[i]; i++)
		add_header(r, h->conf.headers[i]);
	if (q->refused || h->conf.close_after_reply)
		add_header(r, "Connection: close");
	q->response = r;
	vrs_httpd_resume(q->conn);
}

void vrs_httpd_reply(struct vrs_httpd_request *q, const struct vrs_httpd_reply *a)
{
	void *body = a->fixed ? (void *)(uintptr_t)a->fixed : a->body;
	struct MHD_Response *r = MHD_create_response_from_buffer(
		a->n_body, body,
		a->fixed ? MHD_RESPMEM_PERSISTENT : MHD_RESPMEM_MUST_FREE);

	for (size_t i = 0; r && i < VRS_HTTPD_MAX_EXTRA; i++)
		add_header(r, a->extra[i]);
	q->status = a->status;
	respond(q, r, a->type, a->cache);
}

static ssize_t on_stream_read(void *arg, uint64_t at, char *buf, size_t size)
{
	const struct vrs_httpd_stream *s = arg;

	(void)at;
	if (s->conn->http->closing)
		return MHD_CONTENT_READER_END_OF_STREAM;
	long n = s->source.next(s->source.arg, buf, size);
	if (n < 0)
		return MHD_CONTENT_READER_END_OF_STREAM;
	if (n == 0)
		vrs_httpd_suspend(s->conn);
	return n;
}

static void on_stream_end(void *arg)
{
	struct vrs_httpd_stream *s = arg;

	s->source.closed(s->source.arg);
	free(s);
}

struct vrs_httpd_stream *vrs_httpd_reply_stream(struct vrs_httpd_request *q,
						const char *type,
						const struct vrs_httpd_source *source)
{
	struct vrs_httpd_stream *s = vrs_calloc(1, sizeof(*s));

	*s = (struct vrs_httpd_stream){.conn = q->conn, .source = *source};
	struct MHD_Response *r = MHD_create_response_from_callback(
		MHD_SIZE_UNKNOWN, STREAM_BLOCK, on_stream_read, s, on_stream_end);
	if (r)
		add_header(r, "X-Accel-Buffering: no");
	q->status = 200;
	q->endless = true;
	respond(q, r, type, NULL);
	return s;
}

void vrs_httpd_stream_wake(struct vrs_httpd_stream *s)
{
	vrs_httpd_resume(s->conn);
}

/* --- requests --- */

const char *vrs_httpd_method(const struct vrs_httpd_request *q)
{
	return q->method;
}

const char *vrs_httpd_path(const struct vrs_httpd_request *q)
{
	return q->path;
}

const char *vrs_httpd_query(struct vrs_httpd_request *q, const char *key)
{
	const char *raw =
		MHD_lookup_connection_value(q->connection, MHD_GET_ARGUMENT_KIND, key);

	if (!raw)
		return NULL;
	if (q->n_decoded == sizeof(q->decoded) / sizeof(*q->decoded))
		return "";
	char *s = vrs_strdup(raw);
	if (!vrs_httpd_decode(s))
		s[0] = '\0';
	q->decoded[q->n_decoded++] = s;
	return s;
}

struct unknown {
	const char *const *known;
	const char *found;
};

static enum MHD_Result on_key(void *arg, enum MHD_ValueKind kind, const char *key,
			      const char *value)
{
	struct unknown *u = arg;

	(void)kind;
	(void)value;
	for (size_t i = 0; u->known[i]; i++)
		if (strcmp(u->known[i], key) == 0)
			return MHD_YES;
	u->found = key;
	return MHD_NO;
}

const char *vrs_httpd_query_unknown(struct vrs_httpd_request *q, const char *const *known)
{
	struct unknown u = {known, NULL};

	(void)MHD_get_connection_values(q->connection, MHD_GET_ARGUMENT_KIND, on_key, &u);
	return u.found;
}

const char *vrs_httpd_header(const struct vrs_httpd_request *q, const char *name)
{
	return MHD_lookup_connection_value(q->connection, MHD_HEADER_KIND, name);
}

const char *vrs_httpd_cookie(const struct vrs_httpd_request *q, const char *name)
{
	return MHD_lookup_connection_value(q->connection, MHD_COOKIE_KIND, name);
}

const void *vrs_httpd_body(const struct vrs_httpd_request *q, size_t *ret_n)
{
	*ret_n = q->n_body;
	return q->body ? q->body : "";
}

bool vrs_httpd_is_tls(const struct vrs_httpd_request *q)
{
	return q->http->cert != NULL;
}

void *vrs_httpd_note(struct vrs_httpd_request *q)
{
	return q->note;
}
