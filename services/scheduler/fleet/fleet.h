/* fleet.h - everything that decisions rest on, as one plain picture taken at one moment.
 *
 * Loading it (load.c) is the only part that touches Redis; what is here are values
 * and pure helpers, so that tests/scenario/ can write a world by hand. Hosts of one
 * cluster lie side by side. Strings and messages belong to the world. */
#ifndef SCHEDULER_FLEET_FLEET_H
#define SCHEDULER_FLEET_FLEET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vrs/err.h"
#include "vrs/mem.h"
#include "vrs/site.h"
#include "vrsas/v1/control.pb-c.h"

/* What the collector, the probes and the records say of a host, in one word. The loader
 * knows up, silent, maintenance and unknown; back, suspect and down are the engine's to
 * set. */
enum fleet_life {
	FLEET_UNKNOWN, /* no word of it yet */
	FLEET_UP,
	FLEET_MAINTENANCE,
	FLEET_BACK,    /* was down, answers again, not yet for long */
	FLEET_SILENT,  /* a reading failed, or its collector is silent */
	FLEET_SUSPECT, /* two channels say dead */
	FLEET_DOWN,    /* probes agree, or fenced */
};
const char *fleet_life_name(enum fleet_life life);

enum { FLEET_HORIZONS = 2 };
extern const uint32_t fleet_horizon_min[FLEET_HORIZONS]; /* 120, 240 */

struct fleet_peak {
	double p50, p90, p99; /* ratio of the whole host or cluster; NAN: not known */
};

struct fleet_forecast {
	int64_t made_at_ms; /* 0: none */
	int64_t origin_ms;
	const char *method;
	Vrsas__V1__Confidence confidence;
	const char *reason; /* why the confidence is low */
	struct fleet_peak peak[FLEET_HORIZONS];
};

/* Given away and not yet to be seen in a host's own figures. */
struct fleet_promise {
	double cores;
	uint64_t ram_bytes;
	uint64_t disk_bytes;
	unsigned vms;
};

struct fleet_host {
	const char *name;
	size_t cluster;                   /* index */
	const struct vrs_site_host *site; /* NULL: not described by its owner */
	enum fleet_life life;
	const char *detail; /* what the collector says of it; "" */
	Vrsas__V1__HostState collector_state;
	uint32_t silent_samples; /* readings in a row that failed */
	const char *address;
	uint32_t vcpus_total, vcpus_used;
	uint64_t ram_total_bytes;
	double cpu_ratio, mem_ratio; /* newest; NAN: unknown */
	int64_t sample_at_ms;        /* of these; 0: none */
	int64_t inventory_at_ms;     /* 0: none */
	const char *boot_id;         /* "": not known */
	bool store_known;            /* file system of its images directory */
	uint64_t disk_free_bytes, disk_total_bytes;
	struct fleet_forecast forecast;
	struct fleet_promise promise;
	size_t first_vm, n_vms; /* its VMs in world.vm */
};

struct fleet_cluster {
	const char *name;
	const struct vrs_site_cluster *site; /* NULL: not described */
	const char *collector;
	int64_t beat_at_ms;      /* collector's newest heartbeat, by the store's clock */
	int64_t beat_sent_at_ms; /* the same, by the collector's own clock */
	bool collector_alive;
	int64_t sample_at_ms; /* newest of any host */
	struct fleet_forecast forecast;
	struct fleet_promise promise; /* sum of its hosts */
	size_t first_host, n_hosts;
};

struct fleet_vm {
	const Vrsas__V1__VmFacts *facts;
	size_t host; /* index */
};

/* Past transfers between two clusters. */
struct fleet_rate {
	const char *source, *target;
	double *bytes_per_s; /* newest first */
	size_t n;
};

/* Bytes still on their way between two clusters: who comes later queues behind them. */
struct fleet_queue {
	const char *source, *target;
	uint64_t bytes;
};

struct fleet {
	int64_t at_ms; /* Unix time of the picture, by the store's clock */
	struct fleet_cluster *cluster;
	size_t n_clusters;
	struct fleet_host *host;
	size_t n_hosts;
	struct fleet_vm *vm;
	size_t n_vms;
	struct fleet_rate *rate;
	size_t n_rates;
	struct fleet_queue *queue;
	size_t n_queues;
	Vrsas__V1__Relocation **relocation; /* every record */
	size_t n_relocations;
	const struct vrs_site *site;
	struct vrs_arena *mem; /* holds the strings and messages that loading made */
};

void fleet_free(struct fleet *w); /* NULL is fine; does not free the site */

const struct fleet_cluster *fleet_cluster(const struct fleet *w, const char *name);
/* host "h1" of cluster "c1"; NULL: not known. */
struct fleet_host *fleet_host(const struct fleet *w, const char *cluster,
			      const char *host);
/* By "c1/h1", or "h1" when only one cluster has such a host.
 * VRS_ENOENT, VRS_ECONFLICT. */
int fleet_find_host(const struct fleet *w, const char *text, struct fleet_host **ret,
		    struct vrs_err *err);
/* By id, or by name when only one VM has it. VRS_ENOENT, VRS_ECONFLICT. A VM that several
 * hosts list is found where it runs. */
int fleet_find_vm(const struct fleet *w, const char *text, const struct fleet_vm **ret,
		  struct vrs_err *err);
/* What the newest inventory of this host says of a VM; NULL: nothing. */
const Vrsas__V1__VmFacts *fleet_vm_at(const struct fleet *w, const struct fleet_host *h,
				      const char *vm_id);
const char *fleet_cluster_name(const struct fleet *w, const struct fleet_host *h);
const struct fleet_rate *fleet_rate(const struct fleet *w, const char *source,
				    const char *target); /* NULL: never measured */
const Vrsas__V1__Relocation *fleet_relocation(const struct fleet *w, const char *vm_id);

/* Promises room on a host to a VM, in the host's and the cluster's account (and disk to
 * every host that shares the store). */
void fleet_promise(struct fleet *w, struct fleet_host *h, double cores,
		   uint64_t ram_bytes, uint64_t disk_bytes);
/* What is promised and queued now, to be put back after a plan that
 * was only asked for. */
struct fleet_mark;
struct fleet_mark *fleet_mark(const struct fleet *w);
void fleet_restore(struct fleet *w, struct fleet_mark *mark); /* frees the mark */
/* Puts bytes into the queue between two clusters. */
void fleet_enqueue(struct fleet *w, const char *source, const char *target,
		   uint64_t bytes);
uint64_t fleet_queued(const struct fleet *w, const char *source, const char *target);

/* Cores that a VM may come to need: its recent use with a margin of a half, at least a
 * tenth of its vCPUs, never more than them; all of them when its use is not known. */
double fleet_vm_cores(const Vrsas__V1__VmFacts *vm);
/* Bytes that its disks hold (their size where that is not known). */
uint64_t fleet_vm_disk_bytes(const Vrsas__V1__VmFacts *vm);
/* Can its disks be read when its host is dead? By the VM's own facts, then by its disks,
 * then by the cluster's settings. */
Vrsas__V1__Answer fleet_vm_readable(const Vrsas__V1__VmFacts *vm,
				    const struct vrs_site_cluster *site);

/* What a network of the source cluster is called in the target cluster, by the company's
 * name for it; NULL: the target has none. "" (no network) stays "". */
const char *fleet_network(const struct vrs_site_cluster *source,
			  const struct vrs_site_cluster *target, const char *name);

/* "1 073 741 824" as people say it: "1.0 GiB"; buf is returned. */
char *fleet_bytes_text(char *buf, size_t size, uint64_t bytes);
/* "45 s", "12 min", "3 h 20 min". */
char *fleet_time_text(char *buf, size_t size, int64_t ms);

#endif
