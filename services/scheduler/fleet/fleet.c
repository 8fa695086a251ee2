#include "fleet/fleet.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const uint32_t fleet_horizon_min[FLEET_HORIZONS] = {120, 240};

const char *fleet_life_name(enum fleet_life life)
{
	static const char *const names[] = {
		[FLEET_UNKNOWN] = "unknown",
		[FLEET_UP] = "up",
		[FLEET_MAINTENANCE] = "maintenance",
		[FLEET_SILENT] = "silent",
		[FLEET_BACK] = "back",
		[FLEET_SUSPECT] = "suspect",
		[FLEET_DOWN] = "down",
	};

	return names[life];
}

void fleet_free(struct fleet *w)
{
	if (!w)
		return;
	for (size_t i = 0; i < w->n_rates; i++)
		free(w->rate[i].bytes_per_s);
	free(w->cluster);
	free(w->host);
	free(w->vm);
	free(w->rate);
	free(w->queue);
	free(w->relocation);
	vrs_arena_free(w->mem);
	free(w);
}

const struct fleet_cluster *fleet_cluster(const struct fleet *w, const char *name)
{
	for (size_t i = 0; i < w->n_clusters; i++)
		if (strcmp(w->cluster[i].name, name) == 0)
			return &w->cluster[i];
	return NULL;
}

const Vrsas__V1__VmFacts *fleet_vm_at(const struct fleet *w, const struct fleet_host *h,
				      const char *vm_id)
{
	for (size_t i = 0; i < h->n_vms; i++)
		if (strcmp(w->vm[h->first_vm + i].facts->id, vm_id) == 0)
			return w->vm[h->first_vm + i].facts;
	return NULL;
}

const char *fleet_cluster_name(const struct fleet *w, const struct fleet_host *h)
{
	return w->cluster[h->cluster].name;
}

struct fleet_host *fleet_host(const struct fleet *w, const char *cluster,
			      const char *host)
{
	const struct fleet_cluster *c = fleet_cluster(w, cluster);

	for (size_t i = 0; c && i < c->n_hosts; i++)
		if (strcmp(w->host[c->first_host + i].name, host) == 0)
			return &w->host[c->first_host + i];
	return NULL;
}

int fleet_find_host(const struct fleet *w, const char *text, struct fleet_host **ret,
		    struct vrs_err *err)
{
	const char *slash = strchr(text, '/');
	struct fleet_host *found = NULL;

	for (size_t i = 0; i < w->n_hosts; i++) {
		struct fleet_host *h = &w->host[i];
		const char *cluster = fleet_cluster_name(w, h);

		if (slash ? strncmp(cluster, text, (size_t)(slash - text)) != 0 ||
				    cluster[slash - text] != '\0' ||
				    strcmp(h->name, slash + 1) != 0
			  : strcmp(h->name, text) != 0)
			continue;
		if (found)
			return vrs_fail(err, VRS_ECONFLICT,
					"host %s: in %s and in %s; use cluster/host",
					text, fleet_cluster_name(w, found), cluster);
		found = h;
	}
	if (!found)
		return vrs_fail(err, VRS_ENOENT, "host %s: not found", text);
	*ret = found;
	return 0;
}

/* Of two hosts that list a VM: the one of its newest grant, then the one that reports it
 * running, then the one with the newer inventory. */
static unsigned standing(const struct fleet *w, const struct fleet_vm *vm)
{
	const Vrsas__V1__Relocation *r = fleet_relocation(w, vm->facts->id);
	const struct fleet_host *h = &w->host[vm->host];
	unsigned n = vm->facts->state == VRSAS__V1__VM_STATE__VM_STATE_RUNNING;

	if (r && strcmp(r->active_host, h->name) == 0 &&
	    strcmp(r->active_cluster, fleet_cluster_name(w, h)) == 0)
		n += 2;
	return n;
}

static bool is_better(const struct fleet *w, const struct fleet_vm *a,
		      const struct fleet_vm *b)
{
	unsigned x = standing(w, a), y = standing(w, b);

	return x != y ? x > y
		      : w->host[a->host].inventory_at_ms >
				w->host[b->host].inventory_at_ms;
}

int fleet_find_vm(const struct fleet *w, const char *text, const struct fleet_vm **ret,
		  struct vrs_err *err)
{
	const struct fleet_vm *by_id = NULL, *by_name = NULL;

	for (size_t i = 0; i < w->n_vms; i++) {
		const struct fleet_vm *vm = &w->vm[i];

		if (strcmp(vm->facts->id, text) == 0) {
			if (!by_id || is_better(w, vm, by_id))
				by_id = vm;
		} else if (strcmp(vm->facts->name, text) == 0) {
			if (by_name && strcmp(by_name->facts->id, vm->facts->id) != 0)
				return vrs_fail(
					err, VRS_ECONFLICT,
					"vm %s: %s and %s have that name; use the id",
					text, by_name->facts->id, vm->facts->id);
			if (!by_name || is_better(w, vm, by_name))
				by_name = vm;
		}
	}
	if (!by_id && !by_name)
		return vrs_fail(err, VRS_ENOENT, "vm %s: not found", text);
	*ret = by_id ? by_id : by_name;
	return 0;
}

const struct fleet_rate *fleet_rate(const struct fleet *w, const char *source,
				    const char *target)
{
	for (size_t i = 0; i < w->n_rates; i++)
		if (strcmp(w->rate[i].source, source) == 0 &&
		    strcmp(w->rate[i].target, target) == 0)
			return &w->rate[i];
	return NULL;
}

const Vrsas__V1__Relocation *fleet_relocation(const struct fleet *w, const char *vm_id)
{
	for (size_t i = 0; i < w->n_relocations; i++)
		if (strcmp(w->relocation[i]->vm_id, vm_id) == 0)
			return w->relocation[i];
	return NULL;
}

void fleet_promise(struct fleet *w, struct fleet_host *h, double cores,
		   uint64_t ram_bytes, uint64_t disk_bytes)
{
	struct fleet_cluster *c = &w->cluster[h->cluster];
	bool shared = c->site && c->site->shared_storage;

	h->promise.cores += cores;
	h->promise.ram_bytes += ram_bytes;
	h->promise.vms++;
	c->promise.cores += cores;
	c->promise.ram_bytes += ram_bytes;
	c->promise.disk_bytes += disk_bytes;
	c->promise.vms++;
	if (!shared)
		h->promise.disk_bytes += disk_bytes;
	for (size_t i = 0; shared && i < c->n_hosts; i++)
		w->host[c->first_host + i].promise.disk_bytes += disk_bytes;
}

struct fleet_mark {
	struct fleet_promise *promise; /* hosts, then clusters */
	struct fleet_queue *queue;
	size_t n_queues;
};

struct fleet_mark *fleet_mark(const struct fleet *w)
{
	struct fleet_mark *m = vrs_calloc(1, sizeof(*m));

	m->promise = vrs_calloc(w->n_hosts + w->n_clusters, sizeof(*m->promise));
	for (size_t i = 0; i < w->n_hosts; i++)
		m->promise[i] = w->host[i].promise;
	for (size_t i = 0; i < w->n_clusters; i++)
		m->promise[w->n_hosts + i] = w->cluster[i].promise;
	m->n_queues = w->n_queues;
	m->queue = vrs_calloc(w->n_queues, sizeof(*m->queue));
	if (w->n_queues)
		memcpy(m->queue, w->queue, w->n_queues * sizeof(*m->queue));
	return m;
}

void fleet_restore(struct fleet *w, struct fleet_mark *m)
{
	for (size_t i = 0; i < w->n_hosts; i++)
		w->host[i].promise = m->promise[i];
	for (size_t i = 0; i < w->n_clusters; i++)
		w->cluster[i].promise = m->promise[w->n_hosts + i];
	free(w->queue);
	w->queue = m->queue;
	w->n_queues = m->n_queues;
	free(m->promise);
	free(m);
}

void fleet_enqueue(struct fleet *w, const char *source, const char *target,
		   uint64_t bytes)
{
	for (size_t i = 0; i < w->n_queues; i++) {
		struct fleet_queue *q = &w->queue[i];

		if (strcmp(q->source, source) == 0 && strcmp(q->target, target) == 0) {
			q->bytes += bytes;
			return;
		}
	}
	w->queue = vrs_realloc(w->queue, w->n_queues + 1, sizeof(*w->queue));
	w->queue[w->n_queues++] = (struct fleet_queue){source, target, bytes};
}

uint64_t fleet_queued(const struct fleet *w, const char *source, const char *target)
{
	for (size_t i = 0; i < w->n_queues; i++)
		if (strcmp(w->queue[i].source, source) == 0 &&
		    strcmp(w->queue[i].target, target) == 0)
			return w->queue[i].bytes;
	return 0;
}

double fleet_vm_cores(const Vrsas__V1__VmFacts *vm)
{
	double most = vm->vcpus ? vm->vcpus : 1;
	double used = vm->cpu_cores;

	/* proto3 has no "not set": a running VM never uses exactly nothing */
	if (!isfinite(used) || used <= 0)
		return most;
	return fmin(most, fmax(0.1 * most, 1.5 * used));
}

uint64_t fleet_vm_disk_bytes(const Vrsas__V1__VmFacts *vm)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < vm->n_disk; i++)
		sum += vm->disk[i]->allocated_bytes ? vm->disk[i]->allocated_bytes
						    : vm->disk[i]->virtual_bytes;
	return sum;
}

const char *fleet_vm_not_running(const Vrsas__V1__VmFacts *vm)
{
	switch (vm->state) {
	case VRSAS__V1__VM_STATE__VM_STATE_OFF:
		return "it is off, and a move would start it";
	case VRSAS__V1__VM_STATE__VM_STATE_PAUSED:
		return "it is paused or suspended, and a move would lose its memory: "
		       "resume it first";
	case VRSAS__V1__VM_STATE__VM_STATE_IO_ERROR:
		return "it is paused because of an I/O error: resolve the error and "
		       "resume it first";
	case VRSAS__V1__VM_STATE__VM_STATE_CRASHED:
		return "it has crashed: start it first";
	default:
		return NULL;
	}
}

Vrsas__V1__Answer fleet_vm_readable(const Vrsas__V1__VmFacts *vm,
				    const struct vrs_site_cluster *site)
{
	bool all_yes = true;

	if (vm->readable_without_host != VRSAS__V1__ANSWER__ANSWER_UNSPECIFIED)
		return vm->readable_without_host;
	for (size_t i = 0; i < vm->n_disk; i++) {
		if (vm->disk[i]->shared == VRSAS__V1__ANSWER__ANSWER_NO)
			return VRSAS__V1__ANSWER__ANSWER_NO;
		if (vm->disk[i]->shared != VRSAS__V1__ANSWER__ANSWER_YES)
			all_yes = false;
	}
	if (all_yes && vm->n_disk)
		return VRSAS__V1__ANSWER__ANSWER_YES;
	if (!site)
		return VRSAS__V1__ANSWER__ANSWER_UNSPECIFIED;
	return site->shared_storage ? VRSAS__V1__ANSWER__ANSWER_YES
				    : VRSAS__V1__ANSWER__ANSWER_NO;
}

const char *fleet_network(const struct vrs_site_cluster *source,
			  const struct vrs_site_cluster *target, const char *name)
{
	const char *company = name;

	if (!name[0])
		return name;
	for (size_t i = 0; i < source->n_networks; i++)
		if (strcmp(source->network[i].value, name) == 0)
			company = source->network[i].key;
	for (size_t i = 0; i < target->n_networks; i++)
		if (strcmp(target->network[i].key, company) == 0)
			return target->network[i].value;
	return NULL;
}

char *fleet_bytes_text(char *buf, size_t size, uint64_t bytes)
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
	double value = (double)bytes;
	size_t u = 0;

	while (value >= 1000 && u + 1 < sizeof(units) / sizeof(*units)) {
		value /= 1024;
		u++;
	}
	(void)snprintf(buf, size, "%.*f %s", u == 0 || value >= 100 ? 0 : 1, value,
		       units[u]);
	return buf;
}

char *fleet_time_text(char *buf, size_t size, int64_t ms)
{
	int64_t s = (ms + 500) / 1000;

	if (s < 120)
		(void)snprintf(buf, size, "%lld s", (long long)s);
	else if (s < 2 * 3600)
		(void)snprintf(buf, size, "%lld min", (long long)((s + 30) / 60));
	else if ((s % 3600) / 60 == 0)
		(void)snprintf(buf, size, "%lld h", (long long)(s / 3600));
	else
		(void)snprintf(buf, size, "%lld h %lld min", (long long)(s / 3600),
			       (long long)(s % 3600 / 60));
	return buf;
}
