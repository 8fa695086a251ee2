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
	vrsas__v1__host_table__free_unpacked(s->table, NULL);
	s->host = NULL;
	s->table = NULL;
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

/* Position of seq in the list, or where to insert it. */
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

static void held_free(struct streams *all, struct stream *s, struct held *h)
{
	s->held_bytes -= h->n_bytes;
	all->held_bytes -= h->n_bytes;
	vrs_msg_free(h->msg);
	free(h->bytes);
}

static bool is_next(const struct stream *s, uint64_t seq)
{
	const struct held *last = s->n_held ? &s->held[s->n_held - 1] : NULL;

	if (s->generation == 0) /* how far it is stored is not known */
		return false;
	return last ? last->msg && last->seq + 1 == seq : s->watermark + 1 == seq;
}

void stream_hold(struct streams *all, struct stream *s, const Vrsas__V1__Record *record,
		 struct vrs_msg *msg)
{
	struct held h = {.seq = record->seq,
			 .n_bytes = vrsas__v1__record__get_packed_size(record)};
	size_t at = position(s, h.seq);

	if (at < s->n_held && s->held[at].seq == h.seq)
		return;
	while (s->n_held == STREAM_MAX_HELD ||
	       s->held_bytes + h.n_bytes > STREAM_MAX_HELD_BYTES ||
	       all->held_bytes + h.n_bytes > STREAMS_MAX_HELD_BYTES) {
		if (at == s->n_held)
			return; /* it would itself be the highest number */
		held_free(all, s, &s->held[--s->n_held]);
	}
	if (is_next(s, h.seq)) {
		h.msg = vrs_msg_ref(msg);
		h.record = record;
	} else {
		h.bytes = vrs_msg_pack(&record->base, &h.n_bytes);
	}
	s->held = vrs_grow(s->held, s->n_held, &s->cap_held, sizeof(*s->held));
	memmove(s->held + at + 1, s->held + at, (s->n_held - at) * sizeof(*s->held));
	s->held[at] = h;
	s->n_held++;
	s->held_bytes += h.n_bytes;
	all->held_bytes += h.n_bytes;
}

void stream_pack_held(struct stream *s)
{
	for (size_t i = 0; i < s->n_held; i++) {
		struct held *h = &s->held[i];

		if (!h->msg)
			continue;
		h->bytes = vrs_msg_pack(&h->record->base, &h->n_bytes);
		vrs_msg_free(h->msg);
		h->msg = NULL;
	}
}

void stream_drop_held(struct streams *all, struct stream *s, uint64_t seq)
{
	size_t n = 0;

	while (n < s->n_held && s->held[n].seq <= seq)
		held_free(all, s, &s->held[n++]);
	if (n > 0)
		memmove(s->held, s->held + n, (s->n_held - n) * sizeof(*s->held));
	s->n_held -= n;
}

void stream_set_table_take(struct stream *s, Vrsas__V1__HostTable *table)
{
	table_free(s);
	s->table = table;
	if (table)
		s->host = vrs_calloc(table->n_host, sizeof(*s->host));
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
