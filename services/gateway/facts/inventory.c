#include "facts/inventory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway.h"
#include "vrs/keys.h"
#include "vrs/mem.h"
#include "vrsas/v1/sample.pb-c.h"

enum { MAX_CLUSTERS = 256, MAX_HOSTS = 20000 };

static void add_cluster(struct inventory *inv, const char *name)
{
	if (!vrs_name_ok(name) || inv->n_clusters == MAX_CLUSTERS)
		return;
	for (size_t i = 0; i < inv->n_clusters; i++)
		if (strcmp(inv->cluster[i].name, name) == 0)
			return;
	inv->cluster =
		vrs_realloc(inv->cluster, inv->n_clusters + 1, sizeof(*inv->cluster));
	struct inventory_cluster *c = &inv->cluster[inv->n_clusters++];
	*c = (struct inventory_cluster){0};
	(void)vrs_strcpy(c->name, sizeof(c->name), name);
	(void)vrs_strcpy(c->forecast_key, sizeof(c->forecast_key),
			 vrs_key_forecast(name).text);
}

static struct inventory_host *add_host(struct inventory *inv, const char *cluster,
				       const char *name, size_t *cap)
{
	if (!vrs_name_ok(name) || inv->n_hosts == MAX_HOSTS)
		return NULL;
	inv->host = vrs_grow(inv->host, inv->n_hosts, cap, sizeof(*inv->host));
	struct inventory_host *h = &inv->host[inv->n_hosts++];
	*h = (struct inventory_host){.vcpus = 1};
	(void)vrs_strcpy(h->cluster, sizeof(h->cluster), cluster);
	(void)vrs_strcpy(h->name, sizeof(h->name), name);
	return h;
}

int inventory_clusters(struct inventory *ret, struct gateway *g, struct vrs_err *err)
{
	struct vrs_reply *r;
	int status = vrs_store_cmd(g->svc->store, &r, err, "SMEMBERS " VRS_KEY_CLUSTERS);

	if (status < 0)
		return status;
	for (size_t i = 0; g->site && i < g->site->n_clusters; i++)
		add_cluster(ret, g->site->cluster[i].name);
	for (size_t i = 0; i < r->n_items; i++)
		if (r->item[i].bytes)
			add_cluster(ret, r->item[i].bytes);
	vrs_reply_free(r);
	return 0;
}

/* Redis has the capacities; the site file has addresses, and hosts not reported yet. */
static void merge_site(struct inventory *inv, const struct vrs_site *site, size_t *cap)
{
	for (size_t i = 0; i < site->n_hosts; i++) {
		const struct vrs_site_host *s = &site->host[i];
		struct inventory_host *h =
			(struct inventory_host *)inventory_host(inv, s->cluster, s->name);

		if (!h)
			h = add_host(inv, s->cluster, s->name, cap);
		if (h && s->address && s->address[0])
			(void)vrs_strcpy(h->address, sizeof(h->address), s->address);
	}
}

int inventory_read(struct inventory *ret, struct gateway *g, struct vrs_err *err)
{
	struct vrs_reply *r;
	size_t cap = 0;
	int status = inventory_clusters(ret, g, err);

	if (status < 0)
		return status;
	for (size_t i = 0; i < ret->n_clusters; i++)
		vrs_store_addf(g->svc->store, "HGETALL %s",
			       vrs_key_host_facts(ret->cluster[i].name).text);
	status = vrs_store_run(g->svc->store, &r, err);
	if (status < 0)
		return status;
	for (size_t c = 0; c < ret->n_clusters; c++)
		for (size_t i = 0; i + 1 < r->item[c].n_items; i += 2) {
			const struct vrs_reply *facts = &r->item[c].item[i + 1];
			struct inventory_host *h =
				add_host(ret, ret->cluster[c].name,
					 r->item[c].item[i].bytes, &cap);
			struct vrs_msg *msg;

			if (!h || vrs_msg_unpack(&msg, &vrsas__v1__host_facts__descriptor,
						 facts->bytes, facts->len, NULL) < 0)
				continue;
			const Vrsas__V1__HostFacts *f = (const void *)vrs_msg_get(msg);
			h->vcpus = f->vcpus_total ? f->vcpus_total : 1;
			(void)vrs_strcpy(h->address, sizeof(h->address), f->address);
			vrs_msg_free(msg);
		}
	vrs_reply_free(r);
	if (g->site)
		merge_site(ret, g->site, &cap);
	return 0;
}

void inventory_fini(struct inventory *inv)
{
	free(inv->cluster);
	free(inv->host);
	*inv = (struct inventory){0};
}

const struct inventory_host *inventory_host(const struct inventory *inv,
					    const char *cluster, const char *host)
{
	for (size_t i = 0; i < inv->n_hosts; i++)
		if (strcmp(inv->host[i].name, host) == 0 &&
		    strcmp(inv->host[i].cluster, cluster) == 0)
			return &inv->host[i];
	return NULL;
}
