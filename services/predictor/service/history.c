/* history.c - see history.h. */
#include "service/history.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "vrs/clock.h"
#include "vrs/keys.h"
#include "vrs/mem.h"
#include "vrs/series.h"
#include "vrsas/v1/sample.pb-c.h"

enum { DAYS = BINS_HISTORY / BINS_DAY + 1, MAX_HOSTS = 20000 };

static const int64_t day_ms = (int64_t)BINS_DAY * BIN_MS;
static const int64_t minute_ms = 60000;

void history_add_day(struct history_host *host, const uint8_t *slots, size_t n_bytes,
		     int64_t day, int64_t origin_ms)
{
	for (size_t i = 0; i < VRS_SLOTS_PER_DAY && (i + 1) * VRS_SLOT_BYTES <= n_bytes;
	     i++) {
		int64_t at_ms = day + (int64_t)i * minute_ms;
		struct vrs_slot slot;

		if (at_ms >= origin_ms)
			return;
		vrs_slot_decode(slots + i * VRS_SLOT_BYTES, &slot);
		if (isnan(slot.cpu_ratio))
			continue;
		bins_add(&host->bins, at_ms, 100 * (double)slot.cpu_ratio);
		host->last = 100 * slot.cpu_ratio;
	}
}

/* The value of a bin, or of the last one at most BINS_FILL before it. */
static float held(const struct bins *b, size_t i)
{
	for (size_t back = 0; back <= BINS_FILL && back <= i; back++)
		if (i - back < b->n && !isnan(b->u[i - back]))
			return b->u[i - back];
	return NAN;
}

void history_weigh(const struct history_host *host, size_t n, int64_t first,
		   size_t n_bins, struct bins *ret)
{
	bins_init(ret, first, n_bins);
	bins_mean(ret); /* all gaps */
	for (size_t i = 0; i < n_bins; i++) {
		double sum = 0, weight = 0;
		bool any = false;

		for (size_t k = 0; k < n; k++) {
			float x = held(&host[k].bins, i);

			if (isnan(x))
				continue;
			any = any || (i < host[k].bins.n && !isnan(host[k].bins.u[i]));
			sum += (double)x * host[k].vcpus;
			weight += host[k].vcpus;
		}
		if (any)
			ret->u[i] = (float)(sum / weight);
	}
	bins_truth(ret);
}

int history_open(struct history *h, struct vrs_store *s, const char *cluster,
		 int64_t origin_ms, struct vrs_err *err)
{
	struct vrs_reply *r = NULL;

	if (!vrs_name_ok(cluster))
		return vrs_fail(err, VRS_EINVAL,
				"history: '%.64s' is not a valid cluster name", cluster);
	int status =
		vrs_store_cmd(s, &r, err, "HGETALL %s", vrs_key_host_facts(cluster).text);
	if (status < 0)
		return status;
	if (r->n_items == 0 || r->n_items / 2 > MAX_HOSTS) {
		status = vrs_fail(err, VRS_ENOENT, "history: cluster %s has %zu hosts",
				  cluster, r->n_items / 2);
		vrs_reply_free(r);
		return status;
	}
	*h = (struct history){.cluster = vrs_strdup(cluster),
			      .origin = bin_of(origin_ms)};
	h->last = NAN;
	h->host = vrs_calloc(r->n_items / 2, sizeof(*h->host));
	for (size_t i = 0; i + 1 < r->n_items; i += 2) {
		const struct vrs_reply *name = &r->item[i], *value = &r->item[i + 1];
		Vrsas__V1__HostFacts *facts = NULL;

		if (name->bytes && value->bytes && vrs_name_ok(name->bytes))
			facts = vrsas__v1__host_facts__unpack(
				NULL, value->len, (const uint8_t *)value->bytes);
		if (!facts)
			continue;
		h->host[h->n++] = (struct history_host){
			.name = vrs_strdup(name->bytes),
			.vcpus = facts->vcpus_total ? facts->vcpus_total : 1,
			.last = NAN,
		};
		vrsas__v1__host_facts__free_unpacked(facts, NULL);
	}
	vrs_reply_free(r);
	return 0;
}

static int read_host(struct history *h, struct vrs_store *s, struct history_host *host,
		     struct vrs_err *err)
{
	char key[DAYS + 1][VRS_KEY_MAX];
	struct vrs_arg argv[DAYS + 2] = {VRS_ARG("MGET")};
	int64_t first = h->origin - BINS_HISTORY, end_ms = h->origin * BIN_MS;
	int64_t day = first * BIN_MS / day_ms * day_ms;
	struct vrs_reply *r = NULL;
	size_t n = 0;

	for (int64_t d = day; d < end_ms && n <= DAYS; d += day_ms, n++) {
		vrs_series_key(key[n], sizeof(key[n]), h->cluster, host->name, d);
		argv[n + 1] = VRS_ARG(key[n]);
	}
	int status = vrs_store_do(s, &r, argv, n + 1, err);
	if (status < 0)
		return status;
	bins_init(&host->bins, first, BINS_HISTORY);
	for (size_t i = 0; i < n && i < r->n_items; i++)
		if (r->item[i].type == VRS_REPLY_BYTES)
			history_add_day(host, (const uint8_t *)r->item[i].bytes,
					r->item[i].len, day + (int64_t)i * day_ms,
					end_ms);
	bins_mean(&host->bins);
	bins_truth(&host->bins);
	host->read = true;
	vrs_reply_free(r);
	return 0;
}

int history_read_host(struct history *h, struct vrs_store *s, const char *host,
		      const struct history_host **ret, struct vrs_err *err)
{
	for (size_t i = 0; i < h->n; i++) {
		if (strcmp(h->host[i].name, host) != 0)
			continue;
		int status = h->host[i].read ? 0 : read_host(h, s, &h->host[i], err);
		if (status == 0)
			*ret = &h->host[i];
		return status;
	}
	return vrs_fail(err, VRS_ENOENT, "history: cluster %s has no host %.64s",
			h->cluster, host);
}

/* A host without recent samples does not count for the current load of its cluster. */
static bool is_fresh(const struct history_host *host)
{
	for (size_t i = host->bins.n; i > 0 && i + BINS_FILL > host->bins.n; i--)
		if (!isnan(host->bins.u[i - 1]))
			return true;
	return false;
}

int history_read_cluster(struct history *h, struct vrs_store *s, struct vrs_err *err)
{
	double sum = 0, weight = 0;

	if (h->cluster_read)
		return 0;
	for (size_t i = 0; i < h->n; i++) {
		struct history_host *host = &h->host[i];
		int status = host->read ? 0 : read_host(h, s, host, err);

		if (status < 0)
			return status;
		if (is_fresh(host)) {
			sum += (double)host->last * host->vcpus;
			weight += host->vcpus;
		}
	}
	h->last = weight > 0 ? (float)(sum / weight) : NAN;
	history_weigh(h->host, h->n, h->origin - BINS_HISTORY, BINS_HISTORY, &h->bins);
	h->cluster_read = true;
	return 0;
}

void history_close(struct history *h)
{
	for (size_t i = 0; i < h->n; i++) {
		free(h->host[i].name);
		bins_fini(&h->host[i].bins);
	}
	free(h->host);
	free(h->cluster);
	bins_fini(&h->bins);
	*h = (struct history){0};
}

/* Nonzero: stopped by `each`, or an error. */
static int walk_cluster(struct history *h, const struct history_walk *w, size_t *n)
{
	int stop = w->each(w->arg, h->cluster, &h->bins, h->origin);

	(*n)++;
	for (size_t i = 0; i < h->n && *n < w->max_series && !stop; i++, (*n)++) {
		char *name = vrs_asprintf("%s/%s", h->cluster, h->host[i].name);

		stop = w->each(w->arg, name, &h->host[i].bins, h->origin);
		free(name);
	}
	return stop;
}

int history_walk(struct vrs_store *s, const struct history_walk *w, struct vrs_err *err)
{
	struct vrs_reply *r = NULL;
	int64_t now_ms = vrs_now_wall_ms();
	size_t n = 0;
	bool stop = false;
	int status = vrs_store_cmd(s, &r, err, "SMEMBERS " VRS_KEY_CLUSTERS);

	for (size_t i = 0; status == 0 && i < r->n_items && n < w->max_series && !stop;
	     i++) {
		struct history h;

		if (!r->item[i].bytes || !vrs_name_ok(r->item[i].bytes))
			continue;
		status = history_open(&h, s, r->item[i].bytes, now_ms, err);
		if (status < 0) {
			status = status == VRS_ENOENT ? 0 : status;
			continue;
		}
		status = history_read_cluster(&h, s, err);
		stop = status == 0 && walk_cluster(&h, w, &n) != 0;
		history_close(&h);
	}
	vrs_reply_free(r);
	return status;
}
