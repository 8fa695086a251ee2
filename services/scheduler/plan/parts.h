/* parts.h - what the files of the plan share: plan.c orders VMs and chooses, candidate.c
 * measures one candidate, reject.c rejects it, explain.c writes the sentences. */
#ifndef SCHEDULER_PLAN_PARTS_H
#define SCHEDULER_PLAN_PARTS_H

#include "fleet/preflight.h"
#include "plan/plan.h"

enum { PLAN_TEXT_MAX = 320 };

/* CPU load that is expected on a host or a cluster, before anything is added. */
struct projected_load {
	enum { SEEN_NOT, SEEN_LAST, SEEN_FORECAST } seen;
	double p50[FLEET_HORIZONS], p90[FLEET_HORIZONS];
	double cores;
	const char *method;
	const char *doubt; /* why confidence is low; NULL: it is not */
	bool low;          /* confidence */
};

/* The tighter of a host and its cluster, with what is promised and the VM on it. */
struct fit {
	bool of_cluster;
	double base_p50, base_p90; /* ratio, before */
	double promised, demand;   /* ratio */
	double p50, p90;           /* sum of these */
};

struct candidate {
	struct fleet_host *host;
	const struct fleet_cluster *cluster;
	bool local;
	unsigned rejected; /* reasons, as bits; 0: can take the VM */
	bool admitted;     /* the P90 stays below max_cpu_ratio */
	bool cpu_known, ram_known;
	const char *network;            /* missing in its cluster; NULL: none */
	bool bad_format;                /* a disk cannot be converted */
	const struct vrs_finding *stop; /* what the move would run into; NULL: nothing */
	const char *taken; /* "name web1": another VM there has it; NULL: none */
	struct fit fit;
	double max_cpu_ratio, score, margin; /* margin: max_cpu_ratio minus P90 */
	long score_key, margin_key; /* in steps of 0.5 %: a smaller difference is a tie */
	uint64_t ram_need, ram_free, disk_need, disk_free;
	bool convert;
	struct cost_model_time transfer;
	uint64_t queued;
	int64_t outage_ms, stay_ms;
	unsigned horizon; /* index */
	unsigned rank;
};

/* What stays the same for all VMs of one plan. */
struct plan_context {
	struct fleet *w;
	const struct plan_rules *rules;
	const struct plan_ask *ask;
	const struct fleet_cluster *home;
	const struct fleet_host *source;
	bool reader_lives; /* a running host can read the home cluster's disks */
	int64_t repair_ms;
	struct projected_load *of_host, *of_cluster; /* by index */
	struct cost_model_rate *rate;                /* by cluster: from home to there */
	/* what the VM that is placed now would run into in each cluster */
	struct plan_preflight {
		bool done, mac_taken;
		struct vrs_findings found;
	} * preflight;
};

void candidate_project_loads(struct plan_context *f);

/* Fills l for a VM that needs cores on l->host. */
void candidate_measure(const struct plan_context *f, const Vrsas__V1__VmFacts *vm,
		       double cores, struct candidate *l);

bool candidate_in_site(const struct candidate *l);
/* In another cluster that site.conf describes: disks and networks matter. */
bool candidate_is_copied_to(const struct candidate *l);
/* "peak in the next 4 h 81 % at P90 + 3 % promised + 6 % of this VM = 90 %" */
void candidate_cpu_text(char *buf, size_t size, const struct plan_context *f,
			const struct candidate *l);
char *candidate_disk_text(char *buf, size_t size, const struct plan_context *f,
			  const struct candidate *l); /* buf is returned */

/* What was chosen for one VM. */
struct choice {
	Vrsas__V1__Verdict verdict;
	const struct candidate *chosen; /* NULL: wait or hold */
	const struct candidate *local;  /* best of its kind that admits; NULL: none */
	const struct candidate *relocate;
	bool overloads; /* chosen although no host admits it */
	int64_t wait_ms;
};

Vrsas__V1__Decision *plan_explain(const struct plan_context *f,
				  const Vrsas__V1__VmFacts *vm, double cores,
				  const struct candidate *candidate, size_t n,
				  const struct choice *choice);

#endif
