#include "poll/hosts.h"

#include <stdlib.h>
#include <string.h>

#include "readers/replay.h"
#include "vrs/mem.h"

static void add(struct hosts *h, const struct vrs_site_host *host)
{
	h->host = vrs_realloc(h->host, h->n + 1, sizeof(*h->host));
	h->host[h->n++] = host;
}

/* replay:FILE?a=b and NAME give replay:FILE?a=b#NAME. */
static int hosts_of_trace(struct hosts *h, const char *cluster, const char *uri,
			  struct vrs_err *err)
{
	struct replay *r = NULL;

	if (!replay_is_uri(uri))
		return vrs_fail(err, VRS_EINVAL,
				"invalid replay = %s: expected replay:FILE", uri);
	int status = replay_open(&r, uri, err);
	if (status < 0)
		return status;

	const struct trace *t = replay_trace(r);
	h->made_host = vrs_calloc(t->n_entities, sizeof(*h->made_host));
	for (size_t i = 0; i < t->n_entities; i++) {
		struct vrs_site_host *host = &h->made_host[i];

		host->cluster = vrs_strdup(cluster);
		host->name = vrs_strdup(t->entity[i].name);
		host->uri = vrs_asprintf("%s#%s", uri, t->entity[i].name);
		host->address = vrs_strdup("");
		add(h, host);
	}
	replay_close(r);
	if (!h->cluster) {
		h->made_cluster.name = vrs_strdup(cluster);
		h->made_cluster.images = vrs_strdup("/");
		h->cluster = &h->made_cluster;
	}
	return 0;
}

static int hosts_of_site(struct hosts *h, const char *site_path, const char *cluster,
			 struct vrs_err *err)
{
	if (!h->cluster)
		return vrs_fail(err, VRS_ENOENT, "%s: section [cluster %s] is missing",
				site_path, cluster);
	for (size_t i = 0; i < h->site->n_hosts; i++)
		if (strcmp(h->site->host[i].cluster, cluster) == 0)
			add(h, &h->site->host[i]);
	if (h->n == 0)
		return vrs_fail(err, VRS_ENOENT, "%s: cluster %s has no hosts", site_path,
				cluster);
	return 0;
}

int hosts_load(struct hosts *ret, const char *site_path, const char *cluster,
	       const char *replay, struct vrs_err *err)
{
	struct hosts h = {0};
	int status = 0;

	if (!vrs_name_ok(cluster))
		return vrs_fail(err, VRS_EINVAL, "invalid cluster = %s: not a valid name",
				cluster);
	if (*site_path)
		status = vrs_site_load(&h.site, site_path, err);
	else if (*replay)
		h.site = vrs_calloc(1, sizeof(*h.site));
	else
		status = vrs_fail(err, VRS_EINVAL, "site is not set");
	if (status == 0)
		h.cluster = vrs_site_cluster(h.site, cluster);
	if (status == 0)
		status = *replay ? hosts_of_trace(&h, cluster, replay, err)
				 : hosts_of_site(&h, site_path, cluster, err);
	if (status < 0) {
		hosts_fini(&h);
		return status;
	}
	h.all_replay = true;
	for (size_t i = 0; i < h.n; i++)
		h.all_replay &= replay_is_uri(h.host[i]->uri);
	bool made = h.cluster == &h.made_cluster;
	*ret = h;
	if (made)
		ret->cluster = &ret->made_cluster;
	return 0;
}

void hosts_fini(struct hosts *h)
{
	for (size_t i = 0; h->made_host && i < h->n; i++) {
		free(h->made_host[i].cluster);
		free(h->made_host[i].name);
		free(h->made_host[i].uri);
		free(h->made_host[i].address);
	}
	free(h->made_host);
	free(h->made_cluster.name);
	free(h->made_cluster.images);
	free(h->host);
	vrs_site_free(h->site);
	*h = (struct hosts){0};
}
