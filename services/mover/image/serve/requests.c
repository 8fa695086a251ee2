#include "image/serve/requests.h"

#include <stdlib.h>
#include <string.h>

#include "image/serve/request_parts.h"
#include "vrs/mem.h"

struct answerer *answer_open(const struct beneath *b)
{
	struct answerer *a = vrs_calloc(1, sizeof(*a));

	a->beneath = b;
	a->join = "";
	(void)pthread_rwlock_init(&a->lock, NULL);
	return a;
}

void answer_set_join(struct answerer *a, const char *name)
{
	a->join = name;
}

void answer_close(struct answerer *a)
{
	for (size_t i = 0; i < WIRE_MAX_SLOTS; i++)
		answer_slot_clear(&a->slot[i]);
	(void)pthread_rwlock_destroy(&a->lock);
	free(a);
}

static int do_hello(struct call *c, struct vrs_err *err)
{
	struct wire_texts t = {.len = 0};

	if (c->head->a != WIRE_VERSION)
		return vrs_fail(err, VRS_EUNSUPPORTED,
				"the mover speaks version %llu, this vrs-image %d",
				(unsigned long long)c->head->a, WIRE_VERSION);
	c->a->greeted = true;
	c->reply->a = WIRE_VERSION;
	c->reply->b = WIRE_MAX_PAYLOAD;
	(void)wire_put_text(&t, c->a->join, NULL);
	memcpy(c->out, t.bytes, t.len);
	c->reply->len = (uint32_t)t.len;
	return 0;
}

static int do_ping(struct call *c, struct vrs_err *err)
{
	(void)c;
	(void)err;
	return 0;
}

static int do_close(struct call *c, struct vrs_err *err)
{
	(void)err;
	answer_slot_clear(c->slot);
	return 0;
}

int answer(struct answerer *a, const struct wire_head *head, const uint8_t *payload,
	   struct wire_head *reply, uint8_t out[ANSWER_BYTES], struct vrs_err *err)
{
	static const struct {
		int (*fn)(struct call *c, struct vrs_err *err);
		bool about_image; /* its failures are put after the path of the slot */
		bool changes_slots;
	} table[] = {
		[WIRE_HELLO] = {do_hello, false, true},
		[WIRE_PING] = {do_ping, false, false},
		[WIRE_STAT] = {answer_stat, false, false},
		[WIRE_SOURCE] = {answer_source, false, true},
		[WIRE_EXTENTS] = {answer_extents, true, false},
		[WIRE_READ] = {answer_read, true, false},
		[WIRE_HASHES] = {answer_hashes, true, false},
		[WIRE_TARGET] = {answer_target, false, true},
		[WIRE_STATES] = {answer_states, true, false},
		[WIRE_WRITE] = {answer_write, true, false},
		[WIRE_MARK] = {answer_mark, true, false},
		[WIRE_SYNC] = {answer_sync, true, false},
		[WIRE_REOPEN] = {answer_reopen, true, true},
		[WIRE_SEAL] = {answer_seal, true, true},
		[WIRE_DISCARD] = {answer_discard, false, true},
		[WIRE_CLOSE] = {do_close, false, true},
		[WIRE_REMOVE] = {answer_remove, false, true},
		[WIRE_GROUP] = {answer_group, false, true},
		[WIRE_ALLOCATE] = {answer_allocate, true, false},
	};
	struct call c = {a, head, payload, reply, out, NULL};

	if (head->slot >= WIRE_MAX_SLOTS)
		return vrs_fail(err, VRS_EPARSE, "no such slot");
	if (head->type >= sizeof(table) / sizeof(table[0]) || !table[head->type].fn)
		return vrs_fail(err, VRS_EPARSE, "no such request");
	c.slot = &a->slot[head->slot];
	if (table[head->type].changes_slots)
		(void)pthread_rwlock_wrlock(&a->lock);
	else
		(void)pthread_rwlock_rdlock(&a->lock);
	int status = a->greeted || head->type == WIRE_HELLO
			     ? table[head->type].fn(&c, err)
			     : vrs_fail(err, VRS_EPARSE, "no greeting");
	if (status < 0 && table[head->type].about_image && *c.slot->path)
		(void)vrs_context(err, "%s", c.slot->path);
	(void)pthread_rwlock_unlock(&a->lock);
	return status;
}
