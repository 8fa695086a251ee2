/* parts.h - what the files of the plan share: plan.c decides the order and the
 * choice, candidate.c looks at one candidate, explain.c puts it into words. */
#ifndef SCHEDULER_PLAN_PARTS_H
#define SCHEDULER_PLAN_PARTS_H

#include "plan/plan.h"

enum { PLAN_MAX_OUT = 20 };

/* Why a candidate is ruled out. */
enum {
	OUT_LIFE = 1 << 0,      /* not up */
	OUT_COLLECTOR = 1 << 1, /* nothing fresh is known of its cluster */
	OUT_SITE = 1 << 2,      /* its owner has not described it */
	OUT_ACCEPT = 1 << 3,    /* its cluster takes no VMs of others */
	OUT_PIN = 1 << 4,       /* the operator chose another cluster */
	OUT_TRIED = 1 << 5,     /* failed already */
	OUT_CPU = 1 << 6,       /* neither forecast nor reading */
	OUT_VCPUS = 1 << 7,     /* fewer than the VM has */
	OUT_RAM = 1 << 8,
	OUT_RAM_UNKNOWN = 1 << 9,
	OUT_DISK = 1 << 10,
	OUT_DISK_UNKNOWN = 1 << 11,
	OUT_NETWORK = 1 << 12,
	OUT_FORMAT = 1 << 13,
	OUT_READ = 1 << 14, /* the disks cannot be read */
	OUT_OWN = 1 << 15,  /* own cluster, not asked for */
	OUT_SSH = 1 << 16,  /* no address to copy to */
};

/* How the CPU of a host or of a cluster will run, before anything is added. */
struct outlook {
	enum { SEEN_NOT, SEEN_LAST, SEEN_FORECAST } seen;
	double p50[FLEET_HORIZONS], p90[FLEET_HORIZONS];
	double cores;
	const char *method;
	const char *doubt; /* why little is behind it; NULL: nothing wrong */
	bool low;          /* confidence */
};

/* The tighter of a host and its cluster, with what is promised and the VM on it. */
struct fit {
	bool of_cluster;
	double base_p50, base_p90; /* ratio, before */
	double promised, demand;   /* ratio */
	double p50, p90;           /* sum of these */
};

struct look {
	struct fleet_host *host;
	const struct fleet_cluster *cluster;
	bool local;
	unsigned out;
	const char *network; /* the one that is missing */
	struct fit fit;
	bool admitted;
	double limit, score, margin;
	long score_key, margin_key; /* in half points: less is a tie to a forecast */
	uint64_t ram_need, ram_free, disk_need, disk_free;
	bool convert;
	struct worth_time transfer;
	uint64_t queued;
	int64_t outage_ms, stay_ms;
	unsigned horizon; /* index */
	unsigned rank;
};

/* What stays the same for all VMs of one plan. */
struct plan_frame {
	struct fleet *w;
	const struct plan_rules *rules;
	const struct plan_ask *ask;
	const struct fleet_cluster *home;
	const struct fleet_host *source;
	bool reader_lives; /* some host can read the home cluster's disks */
	int64_t repair_ms;
	struct outlook *of_host, *of_cluster; /* by index */
	struct worth_rate *rate;              /* by cluster: from home to there */
};

void plan_outlooks(struct plan_frame *f);

/* Fills l for a VM that needs cores on l->host. */
void plan_look(const struct plan_frame *f, const Vrsas__V1__VmFacts *vm, double cores,
	       struct look *l);

/* The best way that was found for one VM. */
struct choice {
	Vrsas__V1__Verdict verdict;
	const struct look *chosen; /* NULL: wait or hold */
	const struct look *local;  /* best of its kind that admits; NULL: none */
	const struct look *relocate;
	bool overloads; /* chosen although nothing admits it */
	int64_t wait_ms;
};

Vrsas__V1__Decision *plan_say(const struct plan_frame *f, const Vrsas__V1__VmFacts *vm,
			      double cores, const struct look *look, size_t n,
			      const struct choice *choice);

#endif
