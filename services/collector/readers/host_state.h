/* host_state.h - the state of a host that is kept between readings.
 *
 * Pure. CPU is computed from the change of cumulative counters. A change over several
 * intervals is not valid for the last of them, so the first reading after a silence has
 * no CPU. */
#ifndef COLLECTOR_READERS_HOST_STATE_H
#define COLLECTOR_READERS_HOST_STATE_H

#include <stdbool.h>

#include "readers/reading.h"
#include "vrsas/v1/sample.pb-c.h"

struct host_state_vm {
	char id[40];
	double cpu_time_s;
	int64_t mono_ms;
	float cores; /* recent use; NAN: not known yet */
};

struct host_state {
	bool has_counters; /* host has those of the previous reading */
	struct vrs_hv_host host;
	struct host_state_vm *vm; /* CPU time of running VMs at the previous reading */
	size_t n_vms;

	Vrsas__V1__HostState state;
	uint32_t silent_samples; /* consecutive failed readings */
	char detail[160];        /* why it is silent; "" otherwise */

	/* for the host table; 0 and "" until the host has answered once */
	uint32_t vcpus;
	uint64_t ram_bytes;
	char address[64];
};

struct gauge {
	Vrsas__V1__HostState state;
	float cpu_ratio, mem_ratio; /* NAN: not known */
	uint32_t vcpus_used;
};

/* Updates the state from a reading. cpu_cores[i] becomes the recent use of VM i; NAN:
 * unknown. */
void host_state_answered(struct host_state *t, const struct reading *r, int64_t mono_ms,
			 struct gauge *ret, float *cpu_cores);

/* Updates the state for a failed reading. */
void host_state_silent(struct host_state *t, const char *why, struct gauge *ret);

void host_state_fini(struct host_state *t);

/* Start of the interval that ends at or before now. */
int64_t host_state_interval(int64_t now_ms, int64_t interval_ms);

#endif
