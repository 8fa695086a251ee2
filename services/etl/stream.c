#include "stream.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vrs/mem.h"

bool stream_is_import(const struct stream *s)
{
	return strcmp(s->collector, "import") == 0;
}

static void table_free(struct stream *s)
{
	for (size_t i = 0; s->table && i < s->table->n_host; i++)
		free(s->host[i].key);
	free(s->host);
	vrs_msg_free(s->table_msg);
	s->host = NULL;
	s->table = NULL;
	s->table_msg = NULL;
}

static void stream_free(struct streams *all, struct stream *s)
{
	stream_drop_held(all, s, UINT64_MAX);
	free(s->held);
	table_free(s);
	free(s);
}

static void forget_oldest(struct streams *all)
{
	struct stream **oldest = &all->first;

	for (struct stream **p = &all->first; *p; p = &(*p)->next)
		if ((*p)->used < (*oldest)->used)
			oldest = p;
	struct stream *s = *oldest;
	if (!s)
		return;
	*oldest = s->next;
	all->n--;
	stream_free(all, s);
}

struct stream *stream_get(struct streams *all, const char *cluster, const char *collector,
			  uint64_t epoch)
{
	struct stream *s = all->first;

	while (s && (s->epoch != epoch || strcmp(s->cluster, cluster) != 0 ||
		     strcmp(s->collector, collector) != 0))
		s = s->next;
	if (!s) {
		if (all->n == STREAM_MAX)
			forget_oldest(all);
		s = vrs_calloc(1, sizeof(*s));
		(void)vrs_strcpy(s->cluster, sizeof(s->cluster), cluster);
		(void)vrs_strcpy(s->collector, sizeof(s->collector), collector);
		s->epoch = epoch;
		(void)snprintf(s->field, sizeof(s->field), "%s/%016llx", collector,
			       (unsigned long long)epoch);
		s->next = all->first;
		all->first = s;
		all->n++;
	}
	s->used = ++all->clock;
	return s;
}

/* Where seq stands in the list, or would. */
static size_t position(const struct stream *s, uint64_t seq)
{
	size_t lo = 0, hi = s->n_held;

	if (hi > 0 && s->held[hi - 1].seq < seq)
		return hi; /* the usual case */
	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (s->held[mid].seq < seq)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static void drop_last(struct streams *all, struct stream *s)
{
	struct held *h = &s->held[--s->n_held];

	s->held_bytes -= h->n_bytes;
	all->held_bytes -= h->n_bytes;
	free(h->bytes);
}

bool stream_hold(struct streams *all, struct stream *s, uint64_t seq, const void *bytes,
		 size_t n_bytes)
{
	size_t at = position(s, seq);

	if (at < s->n_held && s->held[at].seq == seq)
		return false;
	while (s->n_held == STREAM_MAX_HELD ||
	       s->held_bytes + n_bytes > STREAM_MAX_HELD_BYTES ||
	       all->held_bytes + n_bytes > STREAMS_MAX_HELD_BYTES) {
		if (at == s->n_held)
			return false; /* it would be the highest itself */
		drop_last(all, s);
	}
	s->held = vrs_grow(s->held, s->n_held, &s->cap_held, sizeof(*s->held));
	memmove(s->held + at + 1, s->held + at, (s->n_held - at) * sizeof(*s->held));
	struct held *h = &s->held[at];
	h->seq = seq;
	h->n_bytes = n_bytes;
	h->bytes = vrs_calloc(1, n_bytes);
	memcpy(h->bytes, bytes, n_bytes);
	s->n_held++;
	s->held_bytes += n_bytes;
	all->held_bytes += n_bytes;
	return true;
}

void stream_drop_held(struct streams *all, struct stream *s, uint64_t seq)
{
	size_t n = 0;

	while (n < s->n_held && s->held[n].seq <= seq) {
		s->held_bytes -= s->held[n].n_bytes;
		all->held_bytes -= s->held[n].n_bytes;
		free(s->held[n].bytes);
		n++;
	}
	if (n > 0)
		memmove(s->held, s->held + n, (s->n_held - n) * sizeof(*s->held));
	s->n_held -= n;
}

int stream_set_table(struct stream *s, const void *bytes, size_t n_bytes,
		     struct vrs_err *err)
{
	struct vrs_msg *msg = NULL;

	if (bytes) {
		int status = vrs_msg_unpack(&msg, &vrsas__v1__host_table__descriptor,
					    bytes, n_bytes, err);

		if (status < 0)
			return status;
	}
	table_free(s);
	if (msg) {
		s->table_msg = msg;
		s->table = (const Vrsas__V1__HostTable *)vrs_msg_get(msg);
		s->host = vrs_calloc(s->table->n_host, sizeof(*s->host));
	}
	return 0;
}

void streams_fini(struct streams *all)
{
	while (all->first) {
		struct stream *next = all->first->next;

		stream_free(all, all->first);
		all->first = next;
	}
	all->n = 0;
}
