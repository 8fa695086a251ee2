/* fleet.h - all data that decisions use, as one snapshot.
 *
 * Only load.c reads Redis; here are values and pure helpers, so that tests/scenario/ can
 * write a fleet by hand. Hosts of one cluster are adjacent. Strings and messages belong
 * to the fleet. */
#ifndef SCHEDULER_FLEET_FLEET_H
#define SCHEDULER_FLEET_FLEET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vrs/err.h"
#include "vrs/mem.h"
#include "vrs/site.h"
#include "vrsas/v1/control.pb-c.h"

/* State of a host according to collector, probes and records. The loader sets up, silent,
 * maintenance and unknown; the engine sets back, suspect and down. */
enum fleet_life {
	FLEET_UNKNOWN, /* not reported yet */
	FLEET_UP,
	FLEET_MAINTENANCE,
	FLEET_BACK,    /* was down, answers again, not yet stable */
	FLEET_SILENT,  /* a reading failed, or its collector is silent */
	FLEET_SUSPECT, /* two channels report it dead */
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

/* Promised to VMs and not yet visible in a host's own readings. */
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
	const char *detail; /* the collector's text about it; "" */
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
	size_t first_vm, n_vms; /* its VMs in fleet.vm */
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

/* Bytes still to be copied between two clusters: later copies queue behind them. */
struct fleet_queue {
	const char *source, *target;
	uint64_t bytes;
};

struct fleet {
	int64_t at_ms; /* Unix time of the snapshot, by the store's clock */
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
/* A VM in the newest inventory of this host; NULL: it is not there. */
const Vrsas__V1__VmFacts *fleet_vm_at(const struct fleet *w, const struct fleet_host *h,
				      const char *vm_id);
const char *fleet_cluster_name(const struct fleet *w, const struct fleet_host *h);
const struct fleet_rate *fleet_rate(const struct fleet *w, const char *source,
				    const char *target); /* NULL: never measured */
const Vrsas__V1__Relocation *fleet_relocation(const struct fleet *w, const char *vm_id);

/* Promises a host's capacity to a VM; counts for the host and its cluster (disk space for
 * every host that shares the storage). */
void fleet_promise(struct fleet *w, struct fleet_host *h, double cores,
		   uint64_t ram_bytes, uint64_t disk_bytes);
/* The promises and queues of now, restored after a trial plan. */
struct fleet_mark;
struct fleet_mark *fleet_mark(const struct fleet *w);
void fleet_restore(struct fleet *w, struct fleet_mark *mark); /* frees the mark */
/* Puts bytes into the queue between two clusters. */
void fleet_enqueue(struct fleet *w, const char *source, const char *target,
		   uint64_t bytes);
uint64_t fleet_queued(const struct fleet *w, const char *source, const char *target);

/* Cores that a VM may need: its recent use plus half, at least a tenth of its vCPUs, at
 * most all of them; all of them when its use is not known. */
double fleet_vm_cores(const Vrsas__V1__VmFacts *vm);
/* Bytes that its disks occupy (their size where that is not known). */
uint64_t fleet_vm_disk_bytes(const Vrsas__V1__VmFacts *vm);
/* Why this VM cannot be shut down for a planned move; NULL: it runs. A move would start
 * what is off, and destroy the memory of what is paused. */
const char *fleet_vm_not_running(const Vrsas__V1__VmFacts *vm);
/* Can its disks be read when its host is dead? By the VM's own facts, then by its disks,
 * then by the cluster's settings. */
Vrsas__V1__Answer fleet_vm_readable(const Vrsas__V1__VmFacts *vm,
				    const struct vrs_site_cluster *site);

/* What a network of the source cluster is called in the target cluster, by the company's
 * name for it; NULL: the target has none. "" (no network) stays "". */
const char *fleet_network(const struct vrs_site_cluster *source,
			  const struct vrs_site_cluster *target, const char *name);

/* "1.0 GiB"; buf is returned. */
char *fleet_bytes_text(char *buf, size_t size, uint64_t bytes);
/* "45 s", "12 min", "3 h 20 min". */
char *fleet_time_text(char *buf, size_t size, int64_t ms);

#endif
