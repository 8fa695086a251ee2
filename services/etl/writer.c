#include "writer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vrs/keys.h"
#include "vrs/mem.h"
#include "vrs/series.h"

static const int64_t day_ms = (int64_t)24 * 3600 * 1000;

static void add(struct writer *a, const struct vrs_arg *argv, size_t argc)
{
	vrs_store_add(a->store, argv, argc);
	a->n_commands++;
}

/* HSET of a packed message; only_new: does not overwrite a field. */
static void add_message(struct writer *a, struct vrs_key key, const char *field,
			const ProtobufCMessage *msg, bool only_new)
{
	size_t n;
	void *bytes = vrs_msg_pack(msg, &n);
	struct vrs_arg argv[] = {only_new ? VRS_ARG("HSETNX") : VRS_ARG("HSET"),
				 VRS_ARG(key.text),
				 VRS_ARG(field),
				 {bytes, n}};

	add(a, argv, 4);
	free(bytes);
}

/* --- samples --- */

/* The key of the host's day. When a day is written for the first time, its string gets
 * the full size (BITFIELD by 0 grows it without a change) and its expiry time. */
static struct vrs_arg day_key(struct writer *a, struct stream *s, size_t i, int64_t at_ms)
{
	struct stream_host *h = &s->host[i];
	int64_t day = at_ms / day_ms;

	if (!h->key || h->day != day) {
		char buf[VRS_KEY_MAX], last[24], expire[24];

		vrs_series_key(buf, sizeof(buf), s->cluster, s->table->host[i]->name,
			       at_ms);
		free(h->key);
		h->key = vrs_strdup(buf);
		h->key_len = strlen(buf);
		h->day = day;
		(void)snprintf(last, sizeof(last), "#%d", VRS_DAY_BYTES - 1);
		(void)snprintf(
			expire, sizeof(expire), "%lld",
			(long long)(((day + 1) * day_ms + a->retention_ms) / 1000));
		struct vrs_arg key = {h->key, h->key_len};
		struct vrs_arg grow[] = {VRS_ARG("BITFIELD"), key,
					 VRS_ARG("INCRBY"),   VRS_ARG("u8"),
					 VRS_ARG(last),       VRS_ARG("0")};
		struct vrs_arg expireat[] = {VRS_ARG("EXPIREAT"), key, VRS_ARG(expire)};

		add(a, grow, 6);
		add(a, expireat, 3);
	}
	return (struct vrs_arg){h->key, h->key_len};
}

static void add_samples(struct writer *a, struct stream *s,
			const Vrsas__V1__SampleBatch *b, uint8_t flag)
{
	/* An interval of several minutes sets each of them to the same value. */
	size_t minutes = b->interval_ms > 60000 ? b->interval_ms / 60000 : 1;
	uint8_t *slots = vrs_calloc(minutes, VRS_SLOT_BYTES);
	char offset[24];

	int offset_len =
		snprintf(offset, sizeof(offset), "%zu", vrs_series_offset(b->at_ms));
	for (size_t i = 0; i < b->n_host; i++) {
		struct vrs_slot slot = {
			.cpu_ratio = b->cpu_ratio[i],
			.mem_ratio = b->mem_ratio[i],
			.vcpus_used = (uint16_t)b->vcpus_used[i],
			.state = (uint8_t)b->state[i],
			.flags = flag,
		};

		for (size_t m = 0; m < minutes; m++)
			vrs_slot_encode(slots + m * VRS_SLOT_BYTES, &slot);
		struct vrs_arg argv[] = {{"SETRANGE", 8},
					 day_key(a, s, b->host[i], b->at_ms),
					 {offset, (size_t)offset_len},
					 {slots, minutes * VRS_SLOT_BYTES}};
		add(a, argv, 4);
	}
	a->n_samples += b->n_host;
	free(slots);
}

/* --- hosts and inventories --- */

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Removes hosts that are not in the new table. */
static void drop_hosts(struct writer *a, const struct stream *s,
		       const Vrsas__V1__HostTable *t)
{
	const struct vrs_key of_hosts[] = {vrs_key_host_facts(s->cluster),
					   vrs_key_inventory(s->cluster),
					   vrs_key_heartbeat(s->cluster)};
	const char **names = vrs_calloc(t->n_host, sizeof(*names));

	for (size_t i = 0; i < t->n_host; i++)
		names[i] = t->host[i]->name;
	qsort(names, t->n_host, sizeof(*names), by_name);
	for (size_t i = 0; s->table && i < s->table->n_host; i++) {
		const char *name = s->table->host[i]->name;

		if (bsearch(&name, names, t->n_host, sizeof(*names), by_name))
			continue;
		for (size_t k = 0; k < 3; k++) {
			struct vrs_arg argv[] = {VRS_ARG("HDEL"),
						 VRS_ARG(of_hosts[k].text),
						 VRS_ARG(name)};
			add(a, argv, 3);
		}
	}
	free(names);
}

static void add_table(struct writer *a, struct stream *s, const Vrsas__V1__HostTable *t)
{
	bool import = stream_is_import(s);

	struct vrs_arg cluster[] = {VRS_ARG("SADD"), VRS_ARG(VRS_KEY_CLUSTERS),
				    VRS_ARG(s->cluster)};
	add(a, cluster, 3);
	if (!import)
		drop_hosts(a, s, t);
	for (size_t i = 0; i < t->n_host; i++)
		add_message(a, vrs_key_host_facts(s->cluster), t->host[i]->name,
			    &t->host[i]->base, import);
	add_message(a, vrs_key_host_table(s->cluster), s->field, &t->base, false);
	stream_set_table_take(s, vrs_msg_dup(&t->base));
}

int writer_record(struct writer *a, struct stream *s, const Vrsas__V1__Record *r,
		  uint8_t flag, struct vrs_err *err)
{
	switch (r->body_case) {
	case VRSAS__V1__RECORD__BODY_HOSTS:
		add_table(a, s, r->hosts);
		return 0;
	case VRSAS__V1__RECORD__BODY_SAMPLES:
		add_samples(a, s, r->samples,
			    stream_is_import(s) ? VRS_SLOT_IMPORTED : flag);
		return 0;
	case VRSAS__V1__RECORD__BODY_INVENTORY:
		add_message(a, vrs_key_inventory(s->cluster), r->inventory->host,
			    &r->inventory->base, false);
		return 0;
	default:
		return vrs_fail(err, VRS_EINTERNAL, "etl: a record has no body");
	}
}

int writer_heartbeat(struct writer *a, const Vrsas__V1__Heartbeat *hb,
		     const Vrsas__V1__Sealed *seal, struct vrs_err *err)
{
	Vrsas__V1__Heartbeat alone = *hb;
	struct vrs_key key = vrs_key_heartbeat(hb->cluster);
	char at_text[24];
	int64_t at_ms;
	int status = vrs_store_time_ms(a->store, &at_ms, err);

	if (status < 0)
		return status;
	for (size_t i = 0; i < hb->n_host; i++)
		add_message(a, key, hb->host[i]->name, &hb->host[i]->base, false);
	alone.n_host = 0;
	alone.host = NULL;
	alone.metrics = "";
	add_message(a, key, "@", &alone.base, false);
	if (seal)
		add_message(a, key, "@seal", &seal->base, false);
	(void)snprintf(at_text, sizeof(at_text), "%lld", (long long)at_ms);
	struct vrs_arg at[] = {VRS_ARG("HSET"), VRS_ARG(key.text), VRS_ARG("@at"),
			       VRS_ARG(at_text)};
	add(a, at, 4);
	struct vrs_arg cluster[] = {VRS_ARG("SADD"), VRS_ARG(VRS_KEY_CLUSTERS),
				    VRS_ARG(hb->cluster)};
	add(a, cluster, 3);
	a->n_commands = 0;
	return vrs_store_run(a->store, NULL, err);
}
