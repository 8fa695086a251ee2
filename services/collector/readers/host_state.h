/* host_state.h - what is remembered of a host from one reading to the next.
 *
 * Pure. CPU is the change of cumulative counters; a change that spans a silence says
 * nothing of the interval it ends in, so the first reading after one has no CPU. */
#ifndef COLLECTOR_READERS_HOST_STATE_H
#define COLLECTOR_READERS_HOST_STATE_H

#include <stdbool.h>

#include "readers/reading.h"
#include "vrsas/v1/sample.pb-c.h"

struct host_state_vm {
	char id[40];
	double cpu_time_s;
	int64_t mono_ms;
	float cores; /* used of late; NAN: not known yet */
};

struct host_state {
	bool has_counters; /* host holds those of the reading before */
	struct vrs_hv_host host;
	struct host_state_vm *vm; /* CPU time of running VMs at the reading before */
	size_t n_vms;

	Vrsas__V1__HostState state;
	uint32_t silent_samples; /* readings in a row that failed */
	char detail[160];        /* why it is silent; "" otherwise */

	/* what batches name the host by; 0 and "" until it has answered once */
	uint32_t vcpus;
	uint64_t ram_bytes;
	char address[64];
};

struct gauge {
	Vrsas__V1__HostState state;
	float cpu_ratio, mem_ratio; /* NAN: not known */
	uint32_t vcpus_used;
};

/* The host answered. cpu_cores (one a VM of the reading) gets what each VM used since the
 * reading before, NAN where not known. */
void host_state_answered(struct host_state *t, const struct reading *r, int64_t mono_ms,
			 struct gauge *ret, float *cpu_cores);

/* It did not, and why. */
void host_state_silent(struct host_state *t, const char *why, struct gauge *ret);

void host_state_fini(struct host_state *t);

/* The start of the interval that ends at or before now. */
int64_t host_state_interval(int64_t now_ms, int64_t interval_ms);

#endif
