#include "live/sse.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway.h"
#include "vrs/event.h"
#include "vrs/json.h"
#include "vrs/mem.h"

enum { RING_BYTES = 4 << 20, RESUME_LIMIT = 2000, ALIVE_EVERY_MS = 15000 };

struct listener {
	struct listener *prev, *next;
	struct sse *sse;
	struct vrs_httpd_stream *streaming;
	struct vrs_text first; /* before the ring */
	size_t first_sent;
	uint64_t at; /* in the ring, counted from its first byte ever */
	bool lost;   /* ends after `first`, to resume with its Last-Event-ID */
};

struct sse {
	struct gateway *g;
	char *ring;
	uint64_t end; /* bytes ever sent */
	char *state[SSE_STATES];
	char last_id[48]; /* of the journal, last sent */
	struct listener *listeners;
	size_t n;
	struct vrs_timer *alive;
};

static const char *const state_names[SSE_STATES] = {"status", "relocations", "incidents"};

static void add_event(struct vrs_text *t, const char *event, const char *id,
		      const char *data)
{
	if (id)
		vrs_text_add(t, "id: %s\n", id);
	vrs_text_add(t, "event: %s\ndata: ", event);
	vrs_text_add_bytes(t, data, strcspn(data, "\n"));
	vrs_text_add(t, "\n\n");
}

static void put(struct sse *h, const char *bytes, size_t n)
{
	if (h->n == 0 || n > RING_BYTES / 2)
		return;
	while (n) {
		size_t at = (size_t)(h->end % RING_BYTES);
		size_t part = n < RING_BYTES - at ? n : RING_BYTES - at;

		memcpy(h->ring + at, bytes, part);
		h->end += part;
		bytes += part;
		n -= part;
	}
	for (struct listener *l = h->listeners; l; l = l->next) {
		if (h->end - l->at > RING_BYTES)
			l->lost = true;
		vrs_httpd_stream_wake(l->streaming);
	}
}

void sse_send(struct sse *h, const char *event, const char *id, const char *data)
{
	struct vrs_text t = {0};

	if (id)
		(void)vrs_strcpy(h->last_id, sizeof(h->last_id), id);
	if (h->n == 0)
		return;
	add_event(&t, event, id, data);
	put(h, t.text, t.len);
	vrs_text_fini(&t);
}

void sse_state(struct sse *h, enum sse_state which, const char *data)
{
	free(h->state[which]);
	h->state[which] = vrs_strdup(data);
	sse_send(h, state_names[which], NULL, data);
}

static void on_alive(void *arg)
{
	put(arg, ":\n\n", 3);
}

/* --- one listener --- */

static long next_bytes(void *arg, char *buf, size_t size)
{
	struct listener *l = arg;
	const struct sse *h = l->sse;

	if (l->first.len > l->first_sent) {
		size_t n = l->first.len - l->first_sent;

		n = n < size ? n : size;
		memcpy(buf, l->first.text + l->first_sent, n);
		l->first_sent += n;
		if (l->first_sent == l->first.len) {
			vrs_text_fini(&l->first);
			l->first = (struct vrs_text){0};
			l->first_sent = 0;
		}
		return (long)n;
	}
	if (l->lost)
		return -1;
	if (l->at == h->end)
		return 0;
	size_t at = (size_t)(l->at % RING_BYTES);
	size_t n = (size_t)(h->end - l->at);
	n = n < RING_BYTES - at ? n : RING_BYTES - at;
	n = n < size ? n : size;
	memcpy(buf, h->ring + at, n);
	l->at += n;
	return (long)n;
}

static void on_closed(void *arg)
{
	struct listener *l = arg;

	if (l->prev)
		l->prev->next = l->next;
	else
		l->sse->listeners = l->next;
	if (l->next)
		l->next->prev = l->prev;
	l->sse->n--;
	vrs_text_fini(&l->first);
	free(l);
}

/* "123-4" is later than "123-3". */
static bool later(const char *a, const char *b)
{
	char *rest_a, *rest_b;
	unsigned long long x = strtoull(a, &rest_a, 10), y = strtoull(b, &rest_b, 10);

	if (x != y)
		return x > y;
	return strtoull(rest_a + (*rest_a == '-'), NULL, 10) >
	       strtoull(rest_b + (*rest_b == '-'), NULL, 10);
}

/* Events sent since that id; those not sent yet will come through the ring. */
static int add_journal(struct sse *h, const char *after, struct vrs_text *t,
		       bool *ret_more, struct vrs_err *err)
{
	Vrsas__V1__Event **events;
	size_t n;
	int status =
		vrs_event_read(h->g->svc->store, after, RESUME_LIMIT, &events, &n, err);

	if (status < 0)
		return status;
	*ret_more = n == RESUME_LIMIT;
	for (size_t i = 0; i < n; i++) {
		if (h->last_id[0] && later(events[i]->id, h->last_id)) {
			*ret_more = false;
			break;
		}
		json_t *json = vrs_json_of_message(&events[i]->base);
		char *text = vrs_json_text(json, true);

		add_event(t, "journal", events[i]->id, text);
		free(text);
		json_decref(json);
	}
	vrs_events_free(events, n);
	return 0;
}

int sse_stream(struct sse *h, struct vrs_httpd_request *q, const char *after,
	       struct vrs_err *err)
{
	int status = 0;

	if (h->n >= (size_t)h->g->conf.max_streams)
		return vrs_fail(err, VRS_ENOSPC, "%zu streams are already open", h->n);
	struct listener *l = vrs_calloc(1, sizeof(*l));
	l->sse = h;
	vrs_text_add(&l->first, "retry: 2000\n\n");
	if (after[0])
		status = add_journal(h, after, &l->first, &l->lost, err);
	if (status < 0) {
		vrs_text_fini(&l->first);
		free(l);
		return status;
	}
	for (int i = 0; i < SSE_STATES; i++)
		if (h->state[i])
			add_event(&l->first, state_names[i], NULL, h->state[i]);
	l->at = h->end;
	l->next = h->listeners;
	if (l->next)
		l->next->prev = l;
	h->listeners = l;
	h->n++;
	const struct vrs_httpd_source stream = {l, next_bytes, on_closed};
	l->streaming = vrs_httpd_reply_stream(q, "text/event-stream", &stream);
	return 0;
}

size_t sse_listeners(const struct sse *h)
{
	return h->n;
}

struct sse *sse_new(struct gateway *g)
{
	struct sse *h = vrs_calloc(1, sizeof(*h));

	h->g = g;
	h->ring = vrs_calloc(1, RING_BYTES);
	h->alive = vrs_loop_every(g->svc->loop, ALIVE_EVERY_MS, on_alive, h);
	return h;
}

void sse_free(struct sse *h)
{
	if (!h)
		return;
	vrs_timer_cancel(h->alive);
	for (int i = 0; i < SSE_STATES; i++)
		free(h->state[i]);
	free(h->ring);
	free(h);
}
