#include "vrs/event.h"

#include <stdlib.h>

#include "vrs/bus.h"
#include "vrs/clock.h"
#include "vrs/keys.h"
#include "vrs/mem.h"

enum { KEEP_EVENTS = 100000, READ_LIMIT = 10000 };

int vrs_event_put(struct vrs_store *s, const Vrsas__V1__Event *ev, struct vrs_err *err)
{
	Vrsas__V1__Event stamped = *ev;
	size_t n;

	stamped.id = "";
	if (stamped.at_ms == 0)
		stamped.at_ms = vrs_now_wall_ms();
	void *bytes = vrs_msg_pack(&stamped.base, &n);
	int status =
		vrs_store_cmd(s, NULL, err, "XADD " VRS_KEY_EVENTS " MAXLEN ~ %d * e %b",
			      KEEP_EVENTS, bytes, n);
	free(bytes);
	return status;
}

/* An entry is [id, [name, value]]; NULL: malformed. */
static Vrsas__V1__Event *entry_unpack(const struct vrs_reply *entry)
{
	if (entry->n_items != 2 || !entry->item[0].bytes || entry->item[1].n_items != 2)
		return NULL;
	const struct vrs_reply *value = &entry->item[1].item[1];
	if (!value->bytes)
		return NULL;
	Vrsas__V1__Event *ev =
		vrsas__v1__event__unpack(NULL, value->len, (const uint8_t *)value->bytes);
	if (!ev)
		return NULL;
	if (ev->id && ev->id[0] != '\0')
		free((char *)ev->id);
	ev->id = vrs_strdup(entry->item[0].bytes);
	return ev;
}

int vrs_event_read(struct vrs_store *s, const char *after_id, uint32_t limit,
		   Vrsas__V1__Event ***ret, size_t *ret_n, struct vrs_err *err)
{
	bool newest = !after_id || !after_id[0];
	struct vrs_reply *r;
	int status;

	if (limit > READ_LIMIT)
		limit = READ_LIMIT;
	if (newest)
		status = vrs_store_cmd(
			s, &r, err, "XREVRANGE " VRS_KEY_EVENTS " + - COUNT %u", limit);
	else
		status = vrs_store_cmd(s, &r, err,
				       "XRANGE " VRS_KEY_EVENTS " (%s + COUNT %u",
				       after_id, limit);
	if (status < 0)
		return status;

	Vrsas__V1__Event **events = vrs_calloc(r->n_items, sizeof(*events));
	size_t n = 0;
	for (size_t i = 0; i < r->n_items; i++) {
		const struct vrs_reply *entry = &r->item[newest ? r->n_items - 1 - i : i];
		Vrsas__V1__Event *ev = entry_unpack(entry);

		if (ev)
			events[n++] = ev;
	}
	vrs_reply_free(r);
	*ret = events;
	*ret_n = n;
	return 0;
}

void vrs_events_free(Vrsas__V1__Event **events, size_t n)
{
	for (size_t i = 0; i < n; i++)
		vrsas__v1__event__free_unpacked(events[i], NULL);
	free(events);
}
