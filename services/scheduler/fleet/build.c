#include "fleet/build.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "machine/states.h"

enum { FLEET_MEM = 64 << 20 };

struct fleet *fleet_new(const struct vrs_site *site, int64_t at_ms)
{
	struct fleet *w = vrs_calloc(1, sizeof(*w));

	w->site = site;
	w->at_ms = at_ms;
	w->mem = vrs_arena_new(FLEET_MEM);
	return w;
}

char *fleet_keep(struct fleet *w, const char *text)
{
	size_t n = strlen(text) + 1;
	char *copy = vrs_arena_alloc(w->mem, n);

	return copy ? memcpy(copy, text, n) : (char *)"";
}

size_t fleet_add_cluster(struct fleet *w, const char *name)
{
	for (size_t i = 0; i < w->n_clusters; i++)
		if (strcmp(w->cluster[i].name, name) == 0)
			return i;
	w->cluster = vrs_realloc(w->cluster, w->n_clusters + 1, sizeof(*w->cluster));
	w->cluster[w->n_clusters] = (struct fleet_cluster){
		.name = fleet_keep(w, name),
		.site = w->site ? vrs_site_cluster(w->site, name) : NULL,
		.collector = "",
	};
	fleet_set_forecast(&w->cluster[w->n_clusters].forecast, NULL);
	return w->n_clusters++;
}

size_t fleet_add_host(struct fleet *w, size_t cluster, const char *name)
{
	struct fleet_cluster *c = &w->cluster[cluster];

	for (size_t i = 0; i < c->n_hosts; i++)
		if (strcmp(w->host[c->first_host + i].name, name) == 0)
			return c->first_host + i;
	if (!c->n_hosts)
		c->first_host = w->n_hosts;
	w->host = vrs_realloc(w->host, w->n_hosts + 1, sizeof(*w->host));
	struct fleet_host *h = &w->host[w->n_hosts];
	*h = (struct fleet_host){
		.name = fleet_keep(w, name),
		.cluster = cluster,
		.site = w->site ? vrs_site_host(w->site, c->name, name) : NULL,
		.detail = "",
		.boot_id = "",
		.address = "",
		.cpu_ratio = NAN,
		.mem_ratio = NAN,
	};
	if (h->site && h->site->address)
		h->address = h->site->address;
	fleet_set_forecast(&h->forecast, NULL);
	c->n_hosts++;
	return w->n_hosts++;
}

void fleet_set_facts(struct fleet *w, size_t host, const Vrsas__V1__HostFacts *f)
{
	struct fleet_host *h = &w->host[host];

	if (!f)
		return;
	h->vcpus_total = f->vcpus_total;
	h->ram_total_bytes = f->ram_total_bytes;
	if (!h->address[0])
		h->address = f->address;
}

void fleet_set_health(struct fleet *w, size_t host, const Vrsas__V1__HostHealth *health)
{
	struct fleet_host *h = &w->host[host];

	if (!health)
		return;
	h->collector_state = health->state;
	h->silent_samples = health->silent_samples;
	h->detail = health->detail;
}

void fleet_set_sample(struct fleet *w, size_t host, const struct vrs_slot *slot,
		      int64_t at_ms)
{
	struct fleet_host *h = &w->host[host];

	h->cpu_ratio = slot->cpu_ratio;
	h->mem_ratio = slot->mem_ratio;
	h->vcpus_used = slot->vcpus_used;
	h->sample_at_ms = at_ms;
}

/* Length of path if dir is below it or the same, else 0. */
static size_t covers(const char *path, const char *dir)
{
	size_t n = strlen(path);

	while (n > 1 && path[n - 1] == '/')
		n--;
	if (n == 0 || strncmp(path, dir, n) != 0)
		return 0;
	return path[n - 1] == '/' || dir[n] == '/' || dir[n] == '\0' ? n : 0;
}

static void set_store(struct fleet *w, struct fleet_host *h,
		      const Vrsas__V1__HostInventory *inv)
{
	const struct vrs_site_cluster *c = w->cluster[h->cluster].site;
	const char *images = h->site && h->site->images && h->site->images[0]
				     ? h->site->images
			     : c && c->images ? c->images
					      : NULL;
	size_t best = 0;

	for (size_t i = 0; images && i < inv->n_store; i++) {
		size_t n = covers(inv->store[i]->path, images);

		if (n <= best)
			continue;
		best = n;
		h->store_known = true;
		h->disk_free_bytes = inv->store[i]->free_bytes;
		h->disk_total_bytes = inv->store[i]->total_bytes;
	}
}

void fleet_set_inventory(struct fleet *w, size_t host,
			 const Vrsas__V1__HostInventory *inv)
{
	struct fleet_host *h = &w->host[host];

	if (!inv)
		return;
	h->inventory_at_ms = inv->at_ms;
	h->boot_id = inv->boot_id;
	set_store(w, h, inv);
	h->first_vm = w->n_vms;
	w->vm = vrs_realloc(w->vm, w->n_vms + inv->n_vm, sizeof(*w->vm));
	for (size_t i = 0; i < inv->n_vm; i++) {
		const Vrsas__V1__VmFacts *vm = inv->vm[i];

		if (!vrs_id_ok(vm->id))
			continue;
		w->vm[w->n_vms++] = (struct fleet_vm){vm, host};
		h->n_vms++;
	}
}

void fleet_set_forecast(struct fleet_forecast *fc, const Vrsas__V1__Forecast *f)
{
	*fc = (struct fleet_forecast){
		.method = "",
		.reason = "",
		.peak = {{NAN, NAN, NAN}, {NAN, NAN, NAN}},
	};
	if (!f)
		return;
	fc->made_at_ms = f->made_at_ms;
	fc->origin_ms = f->origin_ms;
	fc->method = f->method;
	fc->confidence = f->confidence;
	fc->reason = f->reason;
	for (size_t i = 0; i < f->n_peak; i++)
		for (size_t k = 0; k < FLEET_HORIZONS; k++)
			if (f->peak[i]->horizon_min == fleet_horizon_min[k])
				fc->peak[k] = (struct fleet_peak){f->peak[i]->p50,
								  f->peak[i]->p90,
								  f->peak[i]->p99};
}

void fleet_set_beat(struct fleet *w, size_t cluster, const Vrsas__V1__Heartbeat *beat,
		    int64_t received_at_ms, int64_t late_ms)
{
	struct fleet_cluster *c = &w->cluster[cluster];

	if (beat) {
		c->collector = beat->collector;
		c->beat_sent_at_ms = beat->at_ms;
	}
	c->beat_at_ms = received_at_ms;
	c->collector_alive = received_at_ms > 0 && w->at_ms - received_at_ms <= late_ms;
}

void fleet_add_relocation(struct fleet *w, Vrsas__V1__Relocation *r)
{
	w->relocation =
		vrs_realloc(w->relocation, w->n_relocations + 1, sizeof(*w->relocation));
	w->relocation[w->n_relocations++] = r;
}

void fleet_add_rate(struct fleet *w, size_t source, size_t target, double *bytes_per_s,
		    size_t n)
{
	w->rate = vrs_realloc(w->rate, w->n_rates + 1, sizeof(*w->rate));
	w->rate[w->n_rates++] = (struct fleet_rate){.source = w->cluster[source].name,
						    .target = w->cluster[target].name,
						    .bytes_per_s = bytes_per_s,
						    .n = n};
}

/* --- claims of open relocations --- */

static bool runs_there(const struct fleet *w, const struct fleet_host *h, const char *id)
{
	for (size_t i = 0; i < h->n_vms; i++) {
		const Vrsas__V1__VmFacts *vm = w->vm[h->first_vm + i].facts;

		if (vm->state == VRSAS__V1__VM_STATE__VM_STATE_RUNNING &&
		    strcmp(vm->id, id) == 0)
			return true;
	}
	return false;
}

static void claim_place(struct fleet *w, const Vrsas__V1__Relocation *r,
			const char *cluster, const char *host, uint64_t disk)
{
	struct fleet_host *h =
		cluster[0] && host[0] ? fleet_host(w, cluster, host) : NULL;

	if (!h || !r->vm)
		return;
	bool visible = runs_there(w, h, r->vm_id);
	/* RAM shows in the next reading, CPU only in a forecast made with it */
	bool in_reading = visible && r->alive_at_ms && h->sample_at_ms > r->alive_at_ms;
	bool in_forecast = in_reading && h->forecast.origin_ms > r->alive_at_ms;

	fleet_promise(w, h, in_forecast ? 0 : fleet_vm_cores(r->vm),
		      in_reading ? 0 : r->vm->ram_bytes, disk);
}

static void claim_all(struct fleet *w, const Vrsas__V1__Relocation *r, uint64_t done)
{
	unsigned claims = (unsigned)r->state < RELOC_N_STATES
				  ? reloc_state((enum reloc_state)r->state)->claims
				  : 0;
	bool target_disk = claims & RELOC_CLAIMS_TARGET_DISK;
	uint64_t bytes = r->vm ? fleet_vm_disk_bytes(r->vm) : 0;
	uint64_t left = bytes > done ? bytes - done : 0;
	bool local = strcmp(r->target_cluster, r->home_cluster) == 0;

	if (claims & RELOC_CLAIMS_TARGET)
		claim_place(w, r, r->target_cluster, r->target_host,
			    target_disk && !local ? left : 0);
	if (target_disk && !local && r->target_cluster[0])
		fleet_enqueue(w, r->home_cluster, r->target_cluster, left);
	if (claims & RELOC_CLAIMS_ACTIVE)
		claim_place(w, r, r->active_cluster, r->active_host, 0);
	if (claims & RELOC_CLAIMS_HOME)
		claim_place(w, r, r->home_cluster, r->home_host, 0);
}

/* --- the end --- */

static enum fleet_life life_of(const struct fleet_host *h, const struct fleet_cluster *c)
{
	switch (h->collector_state) {
	case VRSAS__V1__HOST_STATE__HOST_STATE_UP:
		return c->collector_alive ? FLEET_UP : FLEET_SILENT;
	case VRSAS__V1__HOST_STATE__HOST_STATE_UNREACHABLE:
		return FLEET_SILENT;
	case VRSAS__V1__HOST_STATE__HOST_STATE_MAINTENANCE:
		return FLEET_MAINTENANCE;
	default:
		return FLEET_UNKNOWN;
	}
}

void fleet_finish(struct fleet *w,
		  uint64_t (*done)(void *arg, const Vrsas__V1__Relocation *r), void *arg)
{
	for (size_t i = 0; i < w->n_hosts; i++) {
		struct fleet_host *h = &w->host[i];
		struct fleet_cluster *c = &w->cluster[h->cluster];

		h->life = life_of(h, c);
		if (h->sample_at_ms > c->sample_at_ms)
			c->sample_at_ms = h->sample_at_ms;
	}
	for (size_t i = 0; i < w->n_relocations; i++)
		claim_all(w, w->relocation[i], done ? done(arg, w->relocation[i]) : 0);
}
