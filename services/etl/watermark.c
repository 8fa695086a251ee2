#include "watermark.h"

#include <stdlib.h>
#include <string.h>

#include "vrs/event.h"
#include "vrs/keys.h"
#include "vrs/mem.h"

static void tell(struct vrs_store *store, const struct stream *s, const char *text)
{
	Vrsas__V1__Event ev = VRSAS__V1__EVENT__INIT;

	ev.service = "etl";
	ev.severity = VRSAS__V1__SEVERITY__SEVERITY_WARNING;
	ev.kind = "ingest.lost";
	ev.cluster = s->cluster;
	ev.text = text;
	(void)vrs_event_put(store, &ev, NULL);
}

static uint64_t number(const struct vrs_reply *r)
{
	return r->bytes ? strtoull(r->bytes, NULL, 10) : 0;
}

/* "collector/epoch/head" of another epoch of this collector: the length of
 * "collector/epoch", else 0. */
static size_t other_head(const struct stream *s, const char *field)
{
	size_t name = strlen(s->collector);
	size_t len = strlen(field);
	size_t epoch_end = name + 1 + 16;

	if (strncmp(field, s->collector, name) != 0 || field[name] != '/' ||
	    len != epoch_end + 5 || strcmp(field + epoch_end, "/head") != 0 ||
	    strncmp(field, s->field, epoch_end) == 0)
		return 0;
	return epoch_end;
}

/* Counts the outstanding records of earlier epochs of this collector. Removing its head
 * closes an epoch, so it is counted once. */
static int close_epochs(struct vrs_store *store, const struct stream *s, uint64_t *lost,
			struct vrs_err *err)
{
	struct vrs_reply *all;
	uint64_t owed = 0;
	int status = vrs_store_cmd(store, &all, err, "HGETALL %s",
				   vrs_key_watermark(s->cluster).text);

	if (status < 0)
		return status;
	for (size_t i = 0; i + 1 < all->n_items; i += 2) {
		const char *field = all->item[i].bytes;
		size_t len = other_head(s, field);
		uint64_t head = number(&all->item[i + 1]), watermark = 0;

		if (len == 0)
			continue;
		for (size_t k = 0; k + 1 < all->n_items; k += 2)
			if (all->item[k].len == len &&
			    strncmp(all->item[k].bytes, field, len) == 0)
				watermark = number(&all->item[k + 1]);
		if (head > watermark)
			owed += head - watermark;
		vrs_store_addf(store, "HDEL %s %s", vrs_key_watermark(s->cluster).text,
			       field);
	}
	status = vrs_store_run(store, NULL, err);
	vrs_reply_free(all);
	if (status == 0 && owed > 0) {
		char *text = vrs_asprintf("collector %s began a new spool: %llu records "
					  "of the old one are lost",
					  s->collector, (unsigned long long)owed);

		*lost += owed;
		tell(store, s, text);
		free(text);
	}
	return status;
}

static int load_table(struct stream *s, const struct vrs_reply *r, struct vrs_err *err)
{
	struct vrs_msg *msg;

	if (!r->bytes) {
		stream_set_table_take(s, NULL);
		return 0;
	}
	int status = vrs_msg_unpack(&msg, &vrsas__v1__host_table__descriptor, r->bytes,
				    r->len, err);
	if (status < 0)
		return status;
	stream_set_table_take(s, vrs_msg_dup(vrs_msg_get(msg)));
	vrs_msg_free(msg);
	return 0;
}

int watermark_load(struct vrs_store *store, struct stream *s, uint64_t *lost,
		   struct vrs_err *err)
{
	struct vrs_reply *r;
	int status = vrs_store_connect(store, err);

	if (status < 0 || s->generation == vrs_store_generation(store))
		return status;
	vrs_store_addf(store, "HGET %s %s", vrs_key_watermark(s->cluster).text, s->field);
	vrs_store_addf(store, "HGET %s %s/head", vrs_key_watermark(s->cluster).text,
		       s->field);
	vrs_store_addf(store, "HGET %s %s", vrs_key_host_table(s->cluster).text,
		       s->field);
	status = vrs_store_run(store, &r, err);
	if (status < 0)
		return status;
	s->known = r->item[0].type != VRS_REPLY_NIL;
	s->watermark = number(&r->item[0]);
	s->head_noted = number(&r->item[1]);
	status = load_table(s, &r->item[2], err);
	vrs_reply_free(r);
	if (status == 0 && !s->known && !stream_is_import(s))
		status = close_epochs(store, s, lost, err);
	if (status == 0)
		s->generation = vrs_store_generation(store);
	return status;
}

int watermark_raise(struct vrs_store *store, struct stream *s, uint64_t watermark,
		    struct vrs_err *err)
{
	int status = vrs_store_cmd(store, NULL, err, "HSET %s %s %llu",
				   vrs_key_watermark(s->cluster).text, s->field,
				   (unsigned long long)watermark);

	if (status < 0)
		return status;
	s->watermark = watermark;
	s->known = true;
	return 0;
}

int watermark_begin_at(struct vrs_store *store, struct stream *s, uint64_t first_seq,
		       uint64_t *lost, struct vrs_err *err)
{
	uint64_t was = s->watermark;
	bool known = s->known;

	if (first_seq <= was + 1)
		return 0;
	int status = watermark_raise(store, s, first_seq - 1, err);
	if (status < 0 || !known)
		return status;

	char *text = vrs_asprintf(
		"collector %s no longer has records %llu to %llu: they are lost",
		s->collector, (unsigned long long)was + 1,
		(unsigned long long)first_seq - 1);
	*lost += first_seq - 1 - was;
	tell(store, s, text);
	free(text);
	return 0;
}

int watermark_note_head(struct vrs_store *store, struct stream *s, struct vrs_err *err)
{
	if (s->head <= s->head_noted || stream_is_import(s))
		return 0;
	int status = vrs_store_cmd(store, NULL, err, "HSET %s %s/head %llu",
				   vrs_key_watermark(s->cluster).text, s->field,
				   (unsigned long long)s->head);
	if (status == 0)
		s->head_noted = s->head;
	return status;
}
