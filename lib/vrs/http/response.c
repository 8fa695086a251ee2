/* What is asked, and the answer. */
#include <stdlib.h>
#include <string.h>

#include "vrs/http/parts.h"

enum { STREAM_BLOCK = 16 << 10 };

/* --- answering --- */

static void header(struct MHD_Response *r, const char *name, const char *value)
{
	(void)MHD_add_response_header(r, name, value);
}

static void common_headers(const struct vrs_httpd *h, struct MHD_Response *r,
			   const char *type, const char *cache)
{
	header(r, "Content-Type", type);
	header(r, "Cache-Control", cache ? cache : "no-store");
	header(r, "Content-Security-Policy",
	       "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' "
	       "data:; font-src 'self'; connect-src 'self'; manifest-src 'self'; "
	       "base-uri 'none'; form-action 'self'; frame-ancestors 'none'");
	header(r, "X-Content-Type-Options", "nosniff");
	header(r, "X-Frame-Options", "DENY");
	header(r, "Referrer-Policy", "no-referrer");
	header(r, "Cross-Origin-Opener-Policy", "same-origin");
	header(r, "Cross-Origin-Resource-Policy", "same-origin");
	if (h->cert)
		header(r, "Strict-Transport-Security", "max-age=31536000");
}

static void extra_header(struct MHD_Response *r, const char *line)
{
	char name[64];
	const char *colon = line ? strchr(line, ':') : NULL;

	if (!colon || (size_t)(colon - line) >= sizeof(name))
		return;
	memcpy(name, line, (size_t)(colon - line));
	name[colon - line] = '\0';
	header(r, name, colon + 1 + strspn(colon + 1, " "));
}

static void go_on(struct vrs_httpd_request *q)
{
	if (!q->suspended)
		return;
	q->suspended = false;
	MHD_resume_connection(q->connection);
	vrs_httpd_turn_soon(q->http);
}

void vrs_httpd_reply(struct vrs_httpd_request *q, const struct vrs_httpd_reply *a)
{
	struct MHD_Response *r =
		a->fixed ? MHD_create_response_from_buffer(a->n_body,
							   (void *)(uintptr_t)a->fixed,
							   MHD_RESPMEM_PERSISTENT)
			 : MHD_create_response_from_buffer(a->n_body, a->body,
							   MHD_RESPMEM_MUST_FREE);

	if (!r)
		abort(); /* no memory */
	common_headers(q->http, r, a->type, a->cache);
	for (size_t i = 0; i < VRS_HTTPD_MAX_EXTRA; i++)
		extra_header(r, a->extra[i]);
	q->response = r;
	q->status = a->status;
	go_on(q);
}

static ssize_t on_stream_read(void *arg, uint64_t at, char *buf, size_t size)
{
	struct vrs_httpd_stream *s = arg;

	(void)at;
	if (s->http->closing)
		return MHD_CONTENT_READER_END_OF_STREAM;
	long n = s->stream.next(s->stream.arg, buf, size);
	if (n < 0)
		return MHD_CONTENT_READER_END_OF_STREAM;
	if (n == 0) {
		s->asleep = true;
		MHD_suspend_connection(s->connection);
	}
	return n;
}

static void on_stream_end(void *arg)
{
	struct vrs_httpd_stream *s = arg;

	if (s->prev)
		s->prev->next = s->next;
	else
		s->http->streams = s->next;
	if (s->next)
		s->next->prev = s->prev;
	s->stream.closed(s->stream.arg);
	free(s);
}

struct vrs_httpd_stream *vrs_httpd_reply_stream(struct vrs_httpd_request *q,
						const char *type,
						const struct vrs_httpd_source *stream)
{
	struct vrs_httpd_stream *s = vrs_calloc(1, sizeof(*s));
	struct vrs_httpd *h = q->http;

	*s = (struct vrs_httpd_stream){.http = h,
				       .next = h->streams,
				       .connection = q->connection,
				       .stream = *stream};
	if (h->streams)
		h->streams->prev = s;
	h->streams = s;
	q->response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK,
							on_stream_read, s, on_stream_end);
	if (!q->response)
		abort();
	common_headers(h, q->response, type, NULL);
	header(q->response, "X-Accel-Buffering", "no");
	q->status = -1;
	go_on(q);
	return s;
}

void vrs_httpd_stream_wake(struct vrs_httpd_stream *s)
{
	if (!s->asleep)
		return;
	s->asleep = false;
	MHD_resume_connection(s->connection);
	vrs_httpd_turn_soon(s->http);
}

/* --- of a request --- */

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
