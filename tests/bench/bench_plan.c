/* bench_plan [VMS [HOSTS]] - decision time, ours and a plain planner's, in one run. */
#include "scheduler_rules.h"

#include "vrs/clock.h"
#include "vrs/stats.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { CLUSTERS = 5, ROUNDS = 9 };

static double now_s(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static char *name(struct vrs_arena *mem, const char *prefix, size_t i)
{
	char *s = vrs_arena_alloc(mem, 24);

	(void)snprintf(s, 24, "%s%03zu", prefix, i);
	return s;
}

/* --- a company --- */

static struct vrs_site_cluster site_cluster[CLUSTERS];
static struct vrs_site_pair network;
static struct vrs_site_host site_host;

static struct fleet_forecast forecast(int64_t at_ms, size_t i)
{
	double p50 = 0.15 + (double)(i * 37 % 40) / 100;

	return (struct fleet_forecast){
		.made_at_ms = at_ms - 60000,
		.method = "lstm",
		.reason = "",
		.confidence = VRSAS__V1__CONFIDENCE__CONFIDENCE_OK,
		.peak = {{p50, p50 + 0.1, p50 + 0.2}, {p50, p50 + 0.12, p50 + 0.2}},
	};
}

static Vrsas__V1__VmFacts *a_vm(struct vrs_arena *mem, size_t i)
{
	Vrsas__V1__VmFacts *vm = vrs_arena_alloc(mem, sizeof(*vm));
	Vrsas__V1__Disk *disk = vrs_arena_alloc(mem, sizeof(*disk));
	Vrsas__V1__Nic *nic = vrs_arena_alloc(mem, sizeof(*nic));

	vrsas__v1__vm_facts__init(vm);
	vrsas__v1__disk__init(disk);
	vrsas__v1__nic__init(nic);
	vm->id = vm->name = name(mem, "vm", i);
	vm->state = VRSAS__V1__VM_STATE__VM_STATE_RUNNING;
	vm->vm_class = 1 + (uint32_t)(i % 4);
	vm->vcpus = 1 + (uint32_t)(i % 4);
	vm->ram_bytes = (uint64_t)(1 + i % 8) << 30;
	vm->cpu_cores = 0.2f + (float)(i % 5) / 10;
	vm->protect = true;
	vm->readable_without_host = VRSAS__V1__ANSWER__ANSWER_YES;
	disk->format = "qcow2";
	disk->allocated_bytes = (uint64_t)(1 + i % 10) << 30;
	vm->disk = vrs_arena_alloc(mem, sizeof(*vm->disk));
	vm->disk[0] = disk;
	vm->n_disk = 1;
	nic->network = "br0";
	vm->nic = vrs_arena_alloc(mem, sizeof(*vm->nic));
	vm->nic[0] = nic;
	vm->n_nic = 1;
	return vm;
}

static struct fleet *company(size_t n_hosts, size_t n_vms)
{
	struct fleet *w = vrs_calloc(1, sizeof(*w));

	w->at_ms = 1800000000000;
	w->mem = vrs_arena_new((size_t)256 << 20);
	w->n_clusters = CLUSTERS;
	w->cluster = vrs_calloc(CLUSTERS, sizeof(*w->cluster));
	w->n_hosts = n_hosts;
	w->host = vrs_calloc(n_hosts, sizeof(*w->host));
	network = (struct vrs_site_pair){name(w->mem, "prod", 0), name(w->mem, "x", 0)};
	network.value[0] = 'b';
	(void)strcpy(network.value, "br0");
	site_host.ssh = name(w->mem, "ssh", 0);
	for (size_t c = 0; c < CLUSTERS; c++) {
		site_cluster[c] = (struct vrs_site_cluster){
			.name = name(w->mem, "c", c),
			.images = name(w->mem, "/ds", c),
			.format = name(w->mem, "qcow2", c),
			.accept = true,
			.shared_storage = true,
			.max_cpu_ratio = 0.8,
			.repair_ms = 4 * 3600000,
			.network = &network,
			.n_networks = 1,
		};
		site_cluster[c].format[5] = '\0';
		w->cluster[c] = (struct fleet_cluster){
			.name = site_cluster[c].name,
			.site = &site_cluster[c],
			.collector = "",
			.collector_alive = true,
			.beat_at_ms = w->at_ms,
			.forecast = forecast(w->at_ms, c * 7),
			.first_host = c * n_hosts / CLUSTERS,
			.n_hosts = (c + 1) * n_hosts / CLUSTERS - c * n_hosts / CLUSTERS,
		};
	}
	for (size_t i = 0; i < n_hosts; i++)
		w->host[i] = (struct fleet_host){
			.name = name(w->mem, "h", i),
			.cluster = i * CLUSTERS / n_hosts,
			.site = &site_host,
			.life = i ? FLEET_UP : FLEET_DOWN,
			.detail = "",
			.address = "",
			.vcpus_total = 128,
			.ram_total_bytes = (uint64_t)1024 << 30,
			.cpu_ratio = 0.2 + (double)(i % 30) / 100,
			.mem_ratio = 0.4,
			.sample_at_ms = w->at_ms - 30000,
			.inventory_at_ms = w->at_ms,
			.store_known = true,
			.disk_free_bytes = (uint64_t)60 << 40,
			.disk_total_bytes = (uint64_t)90 << 40,
			.forecast = forecast(w->at_ms, i),
		};
	for (size_t i = 0; i < n_hosts; i++) /* first_host is rounded down, so is this */
		for (size_t c = 0; c < CLUSTERS; c++)
			if (i >= w->cluster[c].first_host &&
			    i < w->cluster[c].first_host + w->cluster[c].n_hosts)
				w->host[i].cluster = c;
	w->n_vms = n_vms;
	w->vm = vrs_calloc(n_vms, sizeof(*w->vm));
	for (size_t i = 0; i < n_vms; i++)
		w->vm[i] = (struct fleet_vm){a_vm(w->mem, i), 0};
	w->host[0].n_vms = n_vms;
	return w;
}

/* --- the plain planner: most free CPU, no accounts, no reasons --- */

static size_t plain_plan(const struct fleet *w, size_t *where)
{
	size_t placed = 0;

	for (size_t v = 0; v < w->n_vms; v++) {
		double best = INFINITY;

		where[v] = SIZE_MAX;
		for (size_t h = 1; h < w->n_hosts; h++) {
			const struct fleet_host *host = &w->host[h];
			double cores = host->cpu_ratio * host->vcpus_total;
			double ram = host->mem_ratio * (double)host->ram_total_bytes;

			for (size_t u = 0; u <= v; u++)
				if (u == v || where[u] == h) {
					cores += fleet_vm_cores(w->vm[u].facts);
					ram += (double)w->vm[u].facts->ram_bytes;
				}
			if (ram > (double)host->ram_total_bytes ||
			    cores / host->vcpus_total >= best)
				continue;
			best = cores / host->vcpus_total;
			where[v] = h;
		}
		placed += where[v] != SIZE_MAX;
	}
	return placed;
}

/* --- ours --- */

static size_t our_plan(struct fleet *w, size_t *ret_reasons)
{
	struct fleet_mark *mark = fleet_mark(w);
	struct plan_ask ask = {.cluster = w->cluster[0].name, .host = w->host[0].name};
	struct plan p = {0};
	struct vrs_err err = {0};
	size_t placed = 0;

	const Vrsas__V1__VmFacts **vms = plan_vms_of(w, &w->host[0], &ask.n_vms);
	ask.vm = vms;
	if (plan_make(w, &plan_defaults, &ask, 1, &p, &err) < 0) {
		(void)fprintf(stderr, "bench_plan: %s\n", err.text);
		exit(1);
	}
	*ret_reasons = 0;
	for (size_t i = 0; i < p.n; i++) {
		placed += p.decision[i]->host[0] != '\0';
		for (size_t k = 0; k < p.decision[i]->n_candidate; k++)
			*ret_reasons += p.decision[i]->candidate[k]->n_reason;
	}
	plan_free(&p);
	free(vms);
	fleet_restore(w, mark);
	return placed;
}

int main(int argc, char **argv)
{
	size_t n_vms = argc > 1 ? (size_t)atoi(argv[1]) : 500;
	size_t n_hosts = argc > 2 ? (size_t)atoi(argv[2]) : 40;
	double ours[ROUNDS], plain[ROUNDS];
	size_t placed = 0, plain_placed = 0, reasons = 0;

	if (n_vms < 1 || n_hosts < 2 * CLUSTERS) {
		(void)fprintf(stderr, "usage: bench_plan [VMS [HOSTS >= %d]]\n",
			      2 * CLUSTERS);
		return 2;
	}
	struct fleet *w = company(n_hosts, n_vms);
	size_t *where = vrs_calloc(n_vms, sizeof(*where));
	for (int i = 0; i < ROUNDS; i++) {
		double t = now_s();

		placed = our_plan(w, &reasons);
		ours[i] = now_s() - t;
		t = now_s();
		plain_placed = plain_plan(w, where);
		plain[i] = now_s() - t;
	}
	vrs_sort_doubles(ours, ROUNDS);
	vrs_sort_doubles(plain, ROUNDS);
	double a = ours[ROUNDS / 2] * 1000, b = plain[ROUNDS / 2] * 1000;
	printf("%zu VMs of one dead host, %zu hosts in %d clusters; medians of %d "
	       "rounds\n",
	       n_vms, n_hosts, CLUSTERS, ROUNDS);
	printf("%-34s %10s %8s %10s\n", "planner", "ms", "placed", "reasons");
	printf("%-34s %10.2f %8zu %10zu\n", "VR-SAS, every candidate explained", a,
	       placed, reasons);
	printf("%-34s %10.2f %8zu %10s\n", "plain, most free CPU, no reasons", b,
	       plain_placed, "-");
	printf("ratio VR-SAS / plain: %.2f; a decision for one VM takes %.0f us\n", a / b,
	       a * 1000 / (double)n_vms);
	free(where);
	fleet_free(w);
	return 0;
}
