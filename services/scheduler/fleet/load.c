#include "fleet/load.h"

#include "fleet/build.h"
#include "vrs/bus.h"
#include "vrs/keys.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	SEAL_MAX_AGE_MS = 2 * 60 * 1000, /* made, to received by etl */
	SAMPLE_WINDOW = 10, /* minutes that are searched for the newest reading */
	MAX_RATES = 40,
	MAX_CLUSTERS = 256,
	MAX_HOSTS = 4096,
};

/* Unpacked messages; they stay as long as anything points into them. */
struct messages {
	struct vrs_msg **msg;
	size_t n, cap;
};

struct inventory {
	char *cluster, *host;
	const Vrsas__V1__HostInventory *inv;
};

struct transfer {
	const char *job; /* of its record */
	uint64_t done;
};

struct fleet_loader {
	struct vrs_store *store;
	const struct vrs_site *site;
	struct fleet_load_rules rules;
	struct fleet *fleet;
	struct messages messages; /* of the world */
	struct messages kept;     /* of the inventories */
	struct inventory *inventory;
	size_t n_inventories;
	int64_t inventories_at_ms;
	uint64_t refused;
	char refused_why[200];
};

/* --- messages --- */

static const void *unpack(struct messages *m, const ProtobufCMessageDescriptor *type,
			  const struct vrs_reply *r)
{
	struct vrs_msg *msg;

	/* an unreadable message counts as absent: a decision without it is better than
	 * none */
	if (r->type != VRS_REPLY_BYTES ||
	    vrs_msg_unpack(&msg, type, r->bytes, r->len, NULL) < 0)
		return NULL;
	m->msg = vrs_grow(m->msg, m->n, &m->cap, sizeof(*m->msg));
	m->msg[m->n++] = msg;
	return vrs_msg_get(msg);
}

static void drop(struct messages *m)
{
	for (size_t i = 0; i < m->n; i++)
		vrs_msg_free(m->msg[i]);
	free(m->msg);
	*m = (struct messages){0};
}

static void drop_inventories(struct fleet_loader *l)
{
	for (size_t i = 0; i < l->n_inventories; i++) {
		free(l->inventory[i].cluster);
		free(l->inventory[i].host);
	}
	free(l->inventory);
	l->inventory = NULL;
	l->n_inventories = 0;
	drop(&l->kept);
}

struct fleet_loader *fleet_loader_new(struct vrs_store *store,
				      const struct vrs_site *site,
				      const struct fleet_load_rules *rules)
{
	struct fleet_loader *l = vrs_calloc(1, sizeof(*l));

	l->store = store;
	l->site = site;
	l->rules = *rules;
	return l;
}

void fleet_loader_free(struct fleet_loader *l)
{
	if (!l)
		return;
	fleet_free(l->fleet);
	drop(&l->messages);
	drop_inventories(l);
	free(l);
}

struct fleet *fleet_loader_last(const struct fleet_loader *l)
{
	return l->fleet;
}

/* --- the fleet under construction --- */

struct making {
	struct fleet_loader *l;
	struct fleet *w;
	struct messages messages;
	const char **record; /* ids of VMs that have one */
	size_t n_records;
	struct transfer *transfer;
	size_t n_transfers;
};

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Members of a set, sorted, so that the fleet does not depend on Redis' order. */
static const char **sorted_members(struct making *m, const struct vrs_reply *set,
				   bool (*ok)(const char *), size_t *ret_n)
{
	const char **list = vrs_calloc(set->n_items, sizeof(*list));
	size_t n = 0;

	for (size_t i = 0; i < set->n_items; i++)
		if (set->item[i].bytes && ok(set->item[i].bytes))
			list[n++] = fleet_keep(m->w, set->item[i].bytes);
	if (n)
		qsort(list, n, sizeof(*list), by_name);
	*ret_n = n;
	return list;
}

static int who_is_there(struct making *m, struct vrs_err *err)
{
	struct vrs_store *s = m->l->store;
	const struct vrs_site *site = m->l->site;
	struct vrs_reply *r;
	size_t n;
	int64_t now;
	int status = vrs_store_time_ms(s, &now, err);

	if (status < 0)
		return status;
	m->w = fleet_new(site, now);
	vrs_store_addf(s, "SMEMBERS " VRS_KEY_CLUSTERS);
	vrs_store_addf(s, "SMEMBERS " VRS_KEY_RELOCATIONS);
	status = vrs_store_run(s, &r, err);
	if (status < 0)
		return status;
	for (size_t i = 0; site && i < site->n_clusters; i++)
		(void)fleet_add_cluster(m->w, site->cluster[i].name);
	const char **names = sorted_members(m, &r->item[0], vrs_name_ok, &n);
	for (size_t i = 0; i < n && m->w->n_clusters < MAX_CLUSTERS; i++)
		(void)fleet_add_cluster(m->w, names[i]);
	free(names);
	m->record = sorted_members(m, &r->item[1], vrs_id_ok, &m->n_records);
	vrs_reply_free(r);
	return 0;
}

/* --- second round: heartbeats and hosts of each cluster --- */

static const struct vrs_reply *field(const struct vrs_reply *hash, const char *name)
{
	for (size_t i = 0; i + 1 < hash->n_items; i += 2)
		if (hash->item[i].bytes && strcmp(hash->item[i].bytes, name) == 0)
			return &hash->item[i + 1];
	return NULL;
}

static void hosts_of_cluster(struct making *m, size_t c, const struct vrs_reply *facts)
{
	const struct vrs_site *site = m->l->site;
	struct fleet *w = m->w;
	size_t n = 0;

	for (size_t i = 0; site && i < site->n_hosts; i++)
		if (strcmp(site->host[i].cluster, w->cluster[c].name) == 0)
			(void)fleet_add_host(w, c, site->host[i].name);
	const char **names = vrs_calloc(facts->n_items, sizeof(*names));
	for (size_t i = 0; i + 1 < facts->n_items; i += 2)
		if (facts->item[i].bytes && vrs_name_ok(facts->item[i].bytes))
			names[n++] = facts->item[i].bytes;
	if (n)
		qsort(names, n, sizeof(*names), by_name);
	for (size_t i = 0; i < n && w->n_hosts < MAX_HOSTS; i++)
		(void)fleet_add_host(w, c, names[i]);
	free(names);
}

/* The heartbeat as its collector sealed it, received at at_ms; NULL: absent or invalid.
 */
static const Vrsas__V1__Heartbeat *open_seal(struct making *m, const char *cluster,
					     const struct vrs_reply *r, int64_t at_ms,
					     struct vrs_err *err)
{
	const Vrsas__V1__Sealed *s =
		r ? unpack(&m->messages, &vrsas__v1__sealed__descriptor, r) : NULL;

	if (!s) {
		vrs_fail(err, VRS_EDENIED, "heartbeat of cluster %s: it has no seal",
			 cluster);
		return NULL;
	}
	if (vrs_seal_check(m->l->rules.keys, VRS_SEAL_LIVE, s, err) < 0)
		return NULL;
	const struct vrs_reply bytes = {.type = VRS_REPLY_BYTES,
					.bytes = (const char *)s->payload.data,
					.len = s->payload.len};
	const Vrsas__V1__Live *live =
		unpack(&m->messages, &vrsas__v1__live__descriptor, &bytes);
	if (!live || live->body_case != VRSAS__V1__LIVE__BODY_HEARTBEAT ||
	    strcmp(s->cluster, cluster) != 0 ||
	    strcmp(live->heartbeat->cluster, cluster) != 0) {
		vrs_fail(err, VRS_EDENIED,
			 "heartbeat of cluster %s: it has the seal of another cluster",
			 cluster);
		return NULL;
	}
	if (s->at_ms < at_ms - SEAL_MAX_AGE_MS || s->at_ms > at_ms + SEAL_MAX_AGE_MS) {
		vrs_fail(err, VRS_EDENIED,
			 "heartbeat of cluster %s: the time in its seal differs by more "
			 "than 2 min",
			 cluster);
		return NULL;
	}
	return live->heartbeat;
}

/* The collector's heartbeat, its seal checked. */
static void read_sealed(struct making *m, size_t c, const struct vrs_reply *hb)
{
	struct fleet_cluster *cluster = &m->w->cluster[c];
	const struct vrs_reply *at = field(hb, "@at");
	int64_t at_ms = at && at->bytes ? strtoll(at->bytes, NULL, 10) : 0;
	struct vrs_err err = {0};
	const Vrsas__V1__Heartbeat *beat =
		open_seal(m, cluster->name, field(hb, "@seal"), at_ms, &err);

	fleet_set_beat(m->w, c, beat, beat ? at_ms : 0, m->l->rules.collector_late_ms);
	if (!beat && hb->n_items > 0) {
		m->l->refused++;
		(void)vrs_strcpy(m->l->refused_why, sizeof(m->l->refused_why), err.text);
	}
	for (size_t i = 0; beat && i < cluster->n_hosts; i++)
		for (size_t k = 0; k < beat->n_host; k++)
			if (strcmp(beat->host[k]->name,
				   m->w->host[cluster->first_host + i].name) == 0)
				fleet_set_health(m->w, cluster->first_host + i,
						 beat->host[k]);
}

static void read_beat(struct making *m, size_t c, const struct vrs_reply *hb)
{
	const struct vrs_reply *at = field(hb, "@at"), *beat = field(hb, "@");

	fleet_set_beat(
		m->w, c,
		beat ? unpack(&m->messages, &vrsas__v1__heartbeat__descriptor, beat)
		     : NULL,
		at && at->bytes ? strtoll(at->bytes, NULL, 10) : 0,
		m->l->rules.collector_late_ms);
}

static void read_hosts(struct making *m, size_t c, const struct vrs_reply *hb,
		       const struct vrs_reply *facts, const struct vrs_reply *fc)
{
	struct fleet_cluster *cluster = &m->w->cluster[c];
	const struct vrs_reply *r = field(fc, "");

	if (r)
		fleet_set_forecast(
			&cluster->forecast,
			unpack(&m->messages, &vrsas__v1__forecast__descriptor, r));
	for (size_t i = 0; i < cluster->n_hosts; i++) {
		size_t k = cluster->first_host + i;
		struct fleet_host *h = &m->w->host[k];

		r = field(facts, h->name);
		if (r)
			fleet_set_facts(m->w, k,
					unpack(&m->messages,
					       &vrsas__v1__host_facts__descriptor, r));
		r = m->l->rules.keys ? NULL : field(hb, h->name);
		if (r)
			fleet_set_health(m->w, k,
					 unpack(&m->messages,
						&vrsas__v1__host_health__descriptor, r));
		r = field(fc, h->name);
		if (r)
			fleet_set_forecast(&h->forecast,
					   unpack(&m->messages,
						  &vrsas__v1__forecast__descriptor, r));
	}
}

static int what_clusters_say(struct making *m, struct vrs_err *err)
{
	struct vrs_store *s = m->l->store;
	struct vrs_reply *r;

	for (size_t i = 0; i < m->w->n_clusters; i++) {
		const char *name = m->w->cluster[i].name;

		vrs_store_addf(s, "HGETALL %s", vrs_key_heartbeat(name).text);
		vrs_store_addf(s, "HGETALL %s", vrs_key_host_facts(name).text);
		vrs_store_addf(s, "HGETALL %s", vrs_key_forecast(name).text);
	}
	for (size_t i = 0; i < m->n_records; i++)
		vrs_store_addf(s, "HGET %s rec", vrs_key_relocation(m->record[i]).text);
	int status = vrs_store_run(s, &r, err);
	if (status < 0)
		return status;
	for (size_t i = 0; i < m->w->n_clusters; i++) {
		const struct vrs_reply *three = &r->item[3 * i];

		hosts_of_cluster(m, i, &three[1]);
		read_hosts(m, i, &three[0], &three[1], &three[2]);
		if (m->l->rules.keys)
			read_sealed(m, i, &three[0]);
		else
			read_beat(m, i, &three[0]);
	}
	for (size_t i = 0; i < m->n_records; i++) {
		const void *rec = unpack(&m->messages, &vrsas__v1__relocation__descriptor,
					 &r->item[3 * m->w->n_clusters + i]);

		if (rec)
			fleet_add_relocation(m->w, (Vrsas__V1__Relocation *)rec);
	}
	vrs_reply_free(r);
	return 0;
}

/* --- third round: newest readings, transfers, rates, inventories --- */

/* The newest minutes; across midnight they lie in two days, oldest first. */
struct part {
	int64_t from_ms;
	size_t first, last; /* bytes, inclusive */
};

static size_t parts_of(int64_t now_ms, struct part *ret)
{
	const int64_t minute = 60000;
	int64_t from = now_ms - SAMPLE_WINDOW * minute;
	size_t first = vrs_series_offset(from), last = vrs_series_offset(now_ms);

	if (first <= last) {
		ret[0] = (struct part){from, first, last + VRS_SLOT_BYTES - 1};
		return 1;
	}
	ret[0] = (struct part){from, first, VRS_DAY_BYTES - 1};
	ret[1] = (struct part){now_ms - (int64_t)(last / VRS_SLOT_BYTES) * minute, 0,
			       last + VRS_SLOT_BYTES - 1};
	return 2;
}

static void ask_samples(struct making *m, const struct part *part)
{
	char key[VRS_KEY_MAX];

	for (size_t i = 0; i < m->w->n_hosts; i++) {
		const struct fleet_host *h = &m->w->host[i];

		vrs_series_key(key, sizeof(key), fleet_cluster_name(m->w, h), h->name,
			       part->from_ms);
		vrs_store_addf(m->l->store, "GETRANGE %s %lld %lld", key,
			       (long long)part->first, (long long)part->last);
	}
}

static void read_sample(struct making *m, size_t host, const struct part *part,
			const struct vrs_reply *r)
{
	int64_t start = part->from_ms - part->from_ms % 60000;

	for (size_t k = r->len / VRS_SLOT_BYTES; r->bytes && k-- > 0;) {
		struct vrs_slot slot;

		vrs_slot_decode((const uint8_t *)r->bytes + k * VRS_SLOT_BYTES, &slot);
		if (isnan(slot.cpu_ratio))
			continue;
		fleet_set_sample(m->w, host, &slot, start + (int64_t)k * 60000);
		return;
	}
}

static void ask_transfers(struct making *m)
{
	m->transfer = vrs_calloc(m->w->n_relocations, sizeof(*m->transfer));
	for (size_t i = 0; i < m->w->n_relocations; i++) {
		const Vrsas__V1__Relocation *r = m->w->relocation[i];

		if (!vrs_id_ok(r->transfer_job) ||
		    r->state != VRSAS__V1__RELOCATION_STATE__TRANSFERRING)
			continue;
		m->transfer[m->n_transfers++].job = r->transfer_job;
		vrs_store_addf(m->l->store, "HGET %s rec",
			       vrs_key_transfer(r->transfer_job).text);
	}
}

static void read_transfers(struct making *m, const struct vrs_reply *r)
{
	for (size_t i = 0; i < m->n_transfers; i++) {
		const Vrsas__V1__TransferStatus *t = unpack(
			&m->messages, &vrsas__v1__transfer_status__descriptor, &r[i]);

		m->transfer[i].done = t ? t->bytes_done : 0;
	}
}

static uint64_t done_of(void *arg, const Vrsas__V1__Relocation *r)
{
	const struct making *m = arg;

	for (size_t i = 0; i < m->n_transfers; i++)
		if (strcmp(m->transfer[i].job, r->transfer_job) == 0)
			return m->transfer[i].done;
	return 0;
}

int fleet_rate_parse(const char *text, double *ret_bytes_per_s)
{
	char *end = NULL;
	double bytes = strtod(text, &end);

	if (end == text || *end != ' ')
		return VRS_EPARSE;
	const char *second = end;
	double ms = strtod(second, &end);
	if (end == second || (*end && *end != ' ') || !(bytes > 0) || !(ms > 0))
		return VRS_EPARSE;
	*ret_bytes_per_s = bytes / ms * 1000;
	return 0;
}

static void ask_rates(struct making *m)
{
	const struct fleet *w = m->w;

	for (size_t i = 0; i < w->n_clusters; i++)
		for (size_t k = 0; k < w->n_clusters; k++)
			vrs_store_addf(
				m->l->store, "LRANGE %s 0 %d",
				vrs_key_rate(w->cluster[i].name, w->cluster[k].name).text,
				MAX_RATES - 1);
}

static void read_rates(struct making *m, const struct vrs_reply *r)
{
	for (size_t i = 0; i < m->w->n_clusters * m->w->n_clusters; i++) {
		double *rates = vrs_calloc(r[i].n_items, sizeof(*rates));
		size_t n = 0;

		for (size_t k = 0; k < r[i].n_items; k++)
			if (r[i].item[k].bytes &&
			    fleet_rate_parse(r[i].item[k].bytes, &rates[n]) == 0)
				n++;
		if (n)
			fleet_add_rate(m->w, i / m->w->n_clusters, i % m->w->n_clusters,
				       rates, n);
		else
			free(rates);
	}
}

static void read_inventories(struct fleet_loader *l, const struct fleet *w,
			     const struct vrs_reply *r)
{
	drop_inventories(l);
	for (size_t c = 0; c < w->n_clusters; c++)
		for (size_t i = 0; i + 1 < r[c].n_items; i += 2) {
			const char *host = r[c].item[i].bytes;
			const void *inv =
				unpack(&l->kept, &vrsas__v1__host_inventory__descriptor,
				       &r[c].item[i + 1]);

			if (!inv || !vrs_name_ok(host))
				continue;
			l->inventory = vrs_realloc(l->inventory, l->n_inventories + 1,
						   sizeof(*l->inventory));
			l->inventory[l->n_inventories++] = (struct inventory){
				vrs_strdup(w->cluster[c].name), vrs_strdup(host), inv};
		}
	l->inventories_at_ms = w->at_ms;
}

static void set_inventories(struct making *m)
{
	struct fleet *w = m->w;

	for (size_t i = 0; i < w->n_hosts; i++)
		for (size_t k = 0; k < m->l->n_inventories; k++) {
			const struct inventory *inv = &m->l->inventory[k];

			if (strcmp(inv->host, w->host[i].name) != 0 ||
			    strcmp(inv->cluster, fleet_cluster_name(w, &w->host[i])) != 0)
				continue;
			fleet_set_inventory(w, i, inv->inv);
			break;
		}
}

static int newest_figures(struct making *m, bool inventories, struct vrs_err *err)
{
	struct vrs_store *s = m->l->store;
	struct fleet *w = m->w;
	struct part part[2];
	size_t n_parts = parts_of(w->at_ms, part);
	struct vrs_reply *r;

	for (size_t i = 0; i < n_parts; i++)
		ask_samples(m, &part[i]);
	ask_rates(m);
	ask_transfers(m);
	for (size_t i = 0; inventories && i < w->n_clusters; i++)
		vrs_store_addf(s, "HGETALL %s",
			       vrs_key_inventory(w->cluster[i].name).text);
	int status = vrs_store_run(s, &r, err);
	if (status < 0)
		return status;
	const struct vrs_reply *next = r->item;
	for (size_t p = 0; p < n_parts; p++)
		for (size_t i = 0; i < w->n_hosts; i++)
			read_sample(m, i, &part[p], next++);
	read_rates(m, next);
	next += w->n_clusters * w->n_clusters;
	read_transfers(m, next);
	next += m->n_transfers;
	if (inventories) {
		/* the older fleet points into what is dropped here: free it first */
		fleet_free(m->l->fleet);
		m->l->fleet = NULL;
		read_inventories(m->l, w, next);
	}
	vrs_reply_free(r);
	return 0;
}

int fleet_load(struct fleet_loader *l, bool fresh, struct fleet **ret,
	       struct vrs_err *err)
{
	struct making m = {.l = l};
	int status = who_is_there(&m, err);

	if (status == 0)
		status = what_clusters_say(&m, err);
	if (status == 0) {
		bool due = fresh || !l->inventories_at_ms ||
			   m.w->at_ms - l->inventories_at_ms >=
				   l->rules.inventory_max_age_ms ||
			   m.w->at_ms < l->inventories_at_ms;

		status = newest_figures(&m, due, err);
	}
	if (status == 0) {
		set_inventories(&m);
		fleet_finish(m.w, done_of, &m);
		fleet_free(l->fleet);
		drop(&l->messages);
		l->fleet = m.w;
		l->messages = m.messages;
		*ret = m.w;
	} else {
		fleet_free(m.w);
		drop(&m.messages);
		(void)vrs_context(err, "fleet");
	}
	free(m.record);
	free(m.transfer);
	return status;
}

uint64_t fleet_loader_refused(const struct fleet_loader *l, const char **ret_why)
{
	*ret_why = l->refused_why;
	return l->refused;
}
