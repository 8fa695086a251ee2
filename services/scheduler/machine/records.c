#include "machine/records.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vrs/bus.h"
#include "vrs/clock.h"
#include "vrs/keys.h"
#include "vrs/mem.h"

extern const char lua_record_save[], lua_record_remove[], lua_lease_renew[],
	lua_lease_release[];

static const char lease_key[] = VRS_KEY_LEASE;
static const char lease_counter_key[] = VRS_KEY_LEASE_TOKEN;

static void lease_text(const struct record_lease *lease, char *buf, size_t size)
{
	(void)snprintf(buf, size, "%" PRIu64 ":%s", lease->token, lease->instance);
}

int record_lease_renew(struct vrs_store *s, struct record_lease *lease, bool takeover,
		       struct vrs_err *err)
{
	char ms[24], token[24];
	struct vrs_reply *r;

	(void)snprintf(ms, sizeof(ms), "%" PRId64, lease->lease_ms);
	(void)snprintf(token, sizeof(token), "%" PRIu64, lease->token);
	const struct vrs_arg keys[] = {VRS_ARG(lease_key), VRS_ARG(lease_counter_key)};
	const struct vrs_arg args[] = {VRS_ARG(lease->instance), VRS_ARG(ms),
				       VRS_ARG(token), VRS_ARG(takeover ? "1" : "0")};
	int status = vrs_store_eval(s, &r,
				    &(struct vrs_script){.text = lua_lease_renew,
							 .keys = keys,
							 .n_keys = 2,
							 .args = args,
							 .n_args = 4},
				    err);
	if (status < 0)
		return status;
	if (r->type == VRS_REPLY_INT) {
		lease->token = (uint64_t)r->integer;
	} else {
		lease->token = 0;
		status = vrs_fail(err, VRS_EDENIED, "scheduler %s is the active one",
				  r->bytes ? r->bytes : "?");
	}
	vrs_reply_free(r);
	return status;
}

void record_lease_release(struct vrs_store *s, struct record_lease *lease)
{
	char mine[160];

	if (lease->token == 0)
		return;
	lease_text(lease, mine, sizeof(mine));
	const struct vrs_arg keys[] = {VRS_ARG(lease_key)};
	const struct vrs_arg args[] = {VRS_ARG(mine)};
	(void)vrs_store_eval(s, NULL,
			     &(struct vrs_script){.text = lua_lease_release,
						  .keys = keys,
						  .n_keys = 1,
						  .args = args,
						  .n_args = 1},
			     NULL);
	lease->token = 0;
}

int record_lease_holder(struct vrs_store *s, char *buf, size_t size, struct vrs_err *err)
{
	struct vrs_reply *r;
	const struct vrs_arg argv[] = {VRS_ARG("GET"), VRS_ARG(lease_key)};
	int status = vrs_store_do(s, &r, argv, 2, err);

	if (status < 0)
		return status;
	const char *colon = r->bytes ? strchr(r->bytes, ':') : NULL;
	(void)vrs_strcpy(buf, size, colon ? colon + 1 : "");
	vrs_reply_free(r);
	return 0;
}

/* Answer of record_save.lua and record_remove.lua. */
static int change_answer(struct vrs_reply *r, const char *name, struct vrs_err *err)
{
	int64_t answer = r->type == VRS_REPLY_INT ? r->integer : 0;

	vrs_reply_free(r);
	switch (answer) {
	case 1:
		return 0;
	case -1:
		return vrs_fail(err, VRS_EDENIED,
				"record of %s: this scheduler does not hold the lease",
				name);
	default:
		return vrs_fail(err, VRS_ECONFLICT,
				"record of %s: changed by another scheduler", name);
	}
}

int record_save(struct vrs_store *s, const struct record_lease *lease,
		const struct reloc *from, const Vrsas__V1__Relocation *to, bool journal,
		struct vrs_err *err)
{
	struct vrs_key key = vrs_key_relocation(to->vm_id);
	struct vrs_key journal_key = vrs_key_journal(to->vm_id);
	char mine[160];
	char old_op[24] = "", state[16], from_state[16], epoch[24], op[24], at[24];
	struct vrs_reply *r;
	size_t n;

	lease_text(lease, mine, sizeof(mine));
	if (from)
		(void)snprintf(old_op, sizeof(old_op), "%" PRIu64, from->op);
	(void)snprintf(state, sizeof(state), "%d", (int)to->state);
	(void)snprintf(from_state, sizeof(from_state), "%d", from ? (int)from->state : 0);
	(void)snprintf(epoch, sizeof(epoch), "%" PRIu64, to->epoch);
	(void)snprintf(op, sizeof(op), "%" PRIu64, to->op);
	(void)snprintf(at, sizeof(at), "%" PRId64, vrs_now_wall_ms());
	void *bytes = vrs_msg_pack(&to->base, &n);

	const struct vrs_arg keys[] = {VRS_ARG(key.text), VRS_ARG(journal_key.text),
				       VRS_ARG(VRS_KEY_RELOCATIONS), VRS_ARG(lease_key)};
	const struct vrs_arg args[] = {VRS_ARG(mine),       VRS_ARG(old_op),
				       VRS_ARG(to->vm_id),  VRS_ARG(state),
				       VRS_ARG(epoch),      VRS_ARG(op),
				       {bytes, n},          VRS_ARG(journal ? "1" : "0"),
				       VRS_ARG(from_state), VRS_ARG(at),
				       VRS_ARG(to->op_id),  VRS_ARG(lease->instance),
				       VRS_ARG(to->why)};
	int status = vrs_store_eval(s, &r,
				    &(struct vrs_script){.text = lua_record_save,
							 .keys = keys,
							 .n_keys = 4,
							 .args = args,
							 .n_args = 13},
				    err);
	free(bytes);
	if (status < 0)
		return vrs_context(err, "record of %s", to->vm_name);
	return change_answer(r, to->vm_name, err);
}

int record_remove(struct vrs_store *s, const struct record_lease *lease,
		  const struct reloc *r, const char *why, struct vrs_err *err)
{
	char mine[160], op[24], state[16], epoch[24], at[24];
	struct vrs_key key = vrs_key_relocation(r->vm_id);
	struct vrs_key journal_key = vrs_key_journal(r->vm_id);
	struct vrs_reply *reply;

	lease_text(lease, mine, sizeof(mine));
	(void)snprintf(op, sizeof(op), "%" PRIu64, r->op);
	(void)snprintf(state, sizeof(state), "%d", (int)r->state);
	(void)snprintf(epoch, sizeof(epoch), "%" PRIu64, r->epoch);
	(void)snprintf(at, sizeof(at), "%" PRId64, vrs_now_wall_ms());
	const struct vrs_arg keys[] = {VRS_ARG(key.text), VRS_ARG(journal_key.text),
				       VRS_ARG(VRS_KEY_RELOCATIONS), VRS_ARG(lease_key)};
	const struct vrs_arg args[] = {
		VRS_ARG(mine),  VRS_ARG(op), VRS_ARG(r->vm_id),        VRS_ARG(state),
		VRS_ARG(epoch), VRS_ARG(at), VRS_ARG(lease->instance), VRS_ARG(why)};
	int status = vrs_store_eval(s, &reply,
				    &(struct vrs_script){.text = lua_record_remove,
							 .keys = keys,
							 .n_keys = 4,
							 .args = args,
							 .n_args = 8},
				    err);
	if (status < 0)
		return vrs_context(err, "record of %s", r->vm_name);
	return change_answer(reply, r->vm_name, err);
}

int record_read(struct vrs_store *s, const char *vm_id, Vrsas__V1__Relocation **ret,
		struct vrs_err *err)
{
	struct vrs_reply *r;
	int status =
		vrs_store_cmd(s, &r, err, "HGET %s rec", vrs_key_relocation(vm_id).text);

	if (status < 0)
		return status;
	if (r->type != VRS_REPLY_BYTES) {
		status = vrs_fail(err, VRS_ENOENT, "no record of %s", vm_id);
	} else {
		Vrsas__V1__Relocation *msg = vrsas__v1__relocation__unpack(
			NULL, r->len, (const uint8_t *)r->bytes);
		if (msg)
			*ret = msg;
		else
			status = vrs_fail(err, VRS_EPARSE, "record of %s: not readable",
					  vm_id);
	}
	vrs_reply_free(r);
	return status;
}

int record_list(struct vrs_store *s, char ***ret, size_t *ret_n, struct vrs_err *err)
{
	struct vrs_reply *r;
	int status = vrs_store_cmd(s, &r, err, "SMEMBERS " VRS_KEY_RELOCATIONS);

	if (status < 0)
		return status;
	char **ids = vrs_calloc(r->n_items + 1, sizeof(*ids));
	size_t n = 0;
	for (size_t i = 0; i < r->n_items; i++)
		if (r->item[i].bytes)
			ids[n++] = vrs_strdup(r->item[i].bytes);
	vrs_reply_free(r);
	*ret = ids;
	*ret_n = n;
	return 0;
}

/* --- journal --- */

static Vrsas__V1__JournalEntry *entry_of(const struct vrs_reply *item)
{
	if (item->n_items != 2 || !item->item[0].bytes)
		return NULL;
	Vrsas__V1__JournalEntry *e = vrs_calloc(1, sizeof(*e));
	const struct vrs_reply *fields = &item->item[1];

	vrsas__v1__journal_entry__init(e);
	e->id = vrs_strdup(item->item[0].bytes);
	for (size_t i = 0; i + 1 < fields->n_items; i += 2) {
		const char *k = fields->item[i].bytes, *v = fields->item[i + 1].bytes;

		if (!k || !v)
			continue;
		if (strcmp(k, "from") == 0)
			e->from = (Vrsas__V1__RelocationState)atoi(v);
		else if (strcmp(k, "to") == 0)
			e->to = (Vrsas__V1__RelocationState)atoi(v);
		else if (strcmp(k, "epoch") == 0)
			e->epoch = strtoull(v, NULL, 10);
		else if (strcmp(k, "at") == 0)
			e->at_ms = strtoll(v, NULL, 10);
		else if (strcmp(k, "op") == 0 && !e->op_id[0])
			e->op_id = vrs_strdup(v);
		else if (strcmp(k, "by") == 0 && !e->by[0])
			e->by = vrs_strdup(v);
		else if (strcmp(k, "why") == 0 && !e->why[0])
			e->why = vrs_strdup(v);
	}
	return e;
}

int record_journal(struct vrs_store *s, const char *vm_id, size_t limit,
		   struct record_journal *ret, struct vrs_err *err)
{
	struct vrs_reply *r;
	int status = vrs_store_cmd(s, &r, err, "XREVRANGE %s + - COUNT %d",
				   vrs_key_journal(vm_id).text, (int)limit);

	if (status < 0)
		return status;
	*ret = (struct record_journal){
		.entry = vrs_calloc(r->n_items + 1, sizeof(*ret->entry))};
	for (size_t i = r->n_items; i > 0; i--) {
		Vrsas__V1__JournalEntry *e = entry_of(&r->item[i - 1]);

		if (e)
			ret->entry[ret->n++] = e;
	}
	vrs_reply_free(r);
	return 0;
}

void record_journal_free(struct record_journal *j)
{
	for (size_t i = 0; i < j->n; i++)
		vrsas__v1__journal_entry__free_unpacked(j->entry[i], NULL);
	free(j->entry);
}
