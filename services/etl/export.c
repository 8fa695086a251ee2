#include "export.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "validate.h"
#include "vrs/bus.h"
#include "vrs/keys.h"
#include "vrs/mem.h"
#include "vrs/series.h"

enum {
	PAGE_ROWS = 6000, /* about 80 bytes each */
	PAGE_BYTES = VRS_BUS_MAX_BYTES - 65536,
	EMPTY_WINDOWS = 64, /* searched before an empty page is returned */
};

static const int64_t minute_ms = 60000, day_ms = (int64_t)24 * 3600 * 1000;

struct host {
	Vrsas__V1__HostFacts *facts;
};

struct page {
	struct vrs_store *store;
	const Vrsas__V1__ExportPage *ask;
	struct host *host;
	size_t n_hosts;
	Vrsas__V1__ExportRow **row;
	size_t n_rows, cap_rows;
	size_t bytes;
};

static int by_name(const void *a, const void *b)
{
	const struct host *x = a, *y = b;

	return strcmp(x->facts->name, y->facts->name);
}

static int load_hosts(struct page *p, struct vrs_err *err)
{
	struct vrs_reply *all;
	int status = vrs_store_cmd(p->store, &all, err, "HGETALL %s",
				   vrs_key_host_facts(p->ask->cluster).text);

	if (status < 0)
		return status;
	p->host = vrs_calloc(all->n_items / 2, sizeof(*p->host));
	for (size_t i = 0; i + 1 < all->n_items; i += 2) {
		const struct vrs_reply *value = &all->item[i + 1];

		if (p->ask->host[0] && strcmp(p->ask->host, all->item[i].bytes) != 0)
			continue;
		Vrsas__V1__HostFacts *f = vrsas__v1__host_facts__unpack(
			NULL, value->len, (const uint8_t *)value->bytes);
		if (f)
			p->host[p->n_hosts++].facts = f;
	}
	vrs_reply_free(all);
	if (p->n_hosts == 0)
		return vrs_fail(err, VRS_ENOENT, "export: cluster %s has no host%s%s",
				p->ask->cluster, p->ask->host[0] ? " " : "s",
				p->ask->host);
	qsort(p->host, p->n_hosts, sizeof(*p->host), by_name);
	return 0;
}

static void add_row(struct page *p, const Vrsas__V1__HostFacts *f, int64_t at_ms,
		    const struct vrs_slot *slot)
{
	Vrsas__V1__ExportRow *r = vrs_calloc(1, sizeof(*r));

	vrsas__v1__export_row__init(r);
	r->at_ms = at_ms;
	r->host = f->name;
	r->address = f->address;
	r->vcpus_total = f->vcpus_total;
	r->vcpus_left =
		f->vcpus_total > slot->vcpus_used ? f->vcpus_total - slot->vcpus_used : 0;
	if (!isnan(slot->mem_ratio)) {
		r->ram_total_bytes = f->ram_total_bytes;
		r->ram_left_bytes = (uint64_t)llround((double)f->ram_total_bytes *
						      (1 - (double)slot->mem_ratio));
	}
	r->cpu_ratio = slot->cpu_ratio;
	p->row = vrs_grow(p->row, p->n_rows, &p->cap_rows, sizeof(*p->row));
	p->row[p->n_rows++] = r;
	p->bytes += vrsas__v1__export_row__get_packed_size(r) + 4;
}

/* Adds the rows of from..to, which is within one day. */
static int load_window(struct page *p, int64_t from_ms, int64_t to_ms,
		       struct vrs_err *err)
{
	size_t first = vrs_series_offset(from_ms);
	size_t n = (size_t)((to_ms - from_ms) / minute_ms);
	struct vrs_reply *got;

	for (size_t i = 0; i < p->n_hosts; i++) {
		char key[VRS_KEY_MAX];

		vrs_series_key(key, sizeof(key), p->ask->cluster, p->host[i].facts->name,
			       from_ms);
		vrs_store_addf(p->store, "GETRANGE %s %d %d", key, (int)first,
			       (int)(first + n * VRS_SLOT_BYTES - 1));
	}
	int status = vrs_store_run(p->store, &got, err);
	if (status < 0)
		return status;
	for (size_t m = 0; m < n; m++) {
		for (size_t i = 0; i < p->n_hosts; i++) {
			const struct vrs_reply *r = &got->item[i];
			struct vrs_slot slot;

			if (!r->bytes || r->len < (m + 1) * VRS_SLOT_BYTES)
				continue;
			vrs_slot_decode((const uint8_t *)r->bytes + m * VRS_SLOT_BYTES,
					&slot);
			if (slot.state != 0 || slot.flags != 0)
				add_row(p, p->host[i].facts,
					from_ms + (int64_t)m * minute_ms, &slot);
		}
	}
	vrs_reply_free(got);
	return 0;
}

/* Reads windows until there are rows; *ret_next is the begin of the next page, 0: none.
 */
static int load_page(struct page *p, int64_t *ret_next, struct vrs_err *err)
{
	int64_t from = p->ask->from_ms / minute_ms * minute_ms;
	int64_t minutes = PAGE_ROWS / (int64_t)p->n_hosts;

	if (from < p->ask->from_ms)
		from += minute_ms;
	if (minutes < 1)
		minutes = 1;
	for (int i = 0; i < EMPTY_WINDOWS && from < p->ask->to_ms && p->n_rows == 0;
	     i++) {
		int64_t to = from + minutes * minute_ms;
		int64_t day_end = (from / day_ms + 1) * day_ms;

		if (to > day_end)
			to = day_end;
		while (to - minute_ms >= p->ask->to_ms)
			to -= minute_ms;
		int status = load_window(p, from, to, err);
		if (status < 0)
			return status;
		from = to;
	}
	if (p->bytes > PAGE_BYTES)
		return vrs_fail(err, VRS_ENOSPC,
				"export: one minute of %zu hosts exceeds a page; export "
				"one host at a time",
				p->n_hosts);
	*ret_next = from < p->ask->to_ms ? from : 0;
	return 0;
}

Vrsas__V1__FillReply *export_page(struct vrs_store *store,
				  const Vrsas__V1__FillRequest *request)
{
	Vrsas__V1__FillReply reply = VRSAS__V1__FILL_REPLY__INIT;
	struct page p = {.store = store, .ask = request->export_page};
	struct vrs_err err = {0};
	int64_t next = 0;

	int status = validate_export(p.ask, &err);
	if (status == 0)
		status = load_hosts(&p, &err);
	if (status == 0)
		status = load_page(&p, &next, &err);
	reply.request_id = request->request_id;
	if (status < 0) {
		reply.error = err.text;
	} else {
		reply.row = p.row;
		reply.n_row = p.n_rows;
		reply.next_at_ms = next;
	}

	/* A copy that does not refer to the hosts. */
	Vrsas__V1__FillReply *copy = vrs_msg_dup(&reply.base);
	for (size_t i = 0; i < p.n_rows; i++)
		free(p.row[i]);
	free(p.row);
	for (size_t i = 0; i < p.n_hosts; i++)
		vrsas__v1__host_facts__free_unpacked(p.host[i].facts, NULL);
	free(p.host);
	return copy;
}

void export_free(Vrsas__V1__FillReply *reply)
{
	vrsas__v1__fill_reply__free_unpacked(reply, NULL);
}
