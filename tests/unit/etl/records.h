/* records.h - records as a collector makes them, for tests. Hosts are h0, h1, ...; the
 * reading of a host at a minute follows from both, so that anybody can check it. */
#ifndef TESTS_RECORDS_H
#define TESTS_RECORDS_H

#include <stdio.h>
#include <string.h>

#include "check.h"
#include "vrsas/v1/sample.pb-c.h"

enum { RECORD_HOSTS = 8, MINUTE_MS = 60000 };

struct record {
	Vrsas__V1__Record r;
	Vrsas__V1__HostTable hosts;
	Vrsas__V1__HostFacts facts[RECORD_HOSTS], *facts_list[RECORD_HOSTS];
	char name[RECORD_HOSTS][16];
	Vrsas__V1__SampleBatch samples;
	uint32_t host[RECORD_HOSTS], vcpus_used[RECORD_HOSTS];
	float cpu[RECORD_HOSTS], mem[RECORD_HOSTS];
	Vrsas__V1__HostState state[RECORD_HOSTS];
};

static inline float record_cpu(int host, int64_t at_ms)
{
	return (float)((at_ms / MINUTE_MS * 37 + host * 101) % 10001) / 10000;
}

static inline void record_begin(struct record *x, uint64_t epoch, uint64_t seq)
{
	memset(x, 0, sizeof(*x));
	vrsas__v1__record__init(&x->r);
	x->r.cluster = "c1";
	x->r.collector = "main";
	x->r.epoch = epoch;
	x->r.seq = seq;
}

static inline void record_table(struct record *x, uint64_t epoch, uint64_t seq)
{
	record_begin(x, epoch, seq);
	vrsas__v1__host_table__init(&x->hosts);
	for (int i = 0; i < RECORD_HOSTS; i++) {
		vrsas__v1__host_facts__init(&x->facts[i]);
		(void)snprintf(x->name[i], sizeof(x->name[i]), "h%d", i);
		x->facts[i].name = x->name[i];
		x->facts[i].address = "10.0.0.1";
		x->facts[i].vcpus_total = 64;
		x->facts[i].ram_total_bytes = 1ull << 38;
		x->facts_list[i] = &x->facts[i];
	}
	x->hosts.version = 1;
	x->hosts.host = x->facts_list;
	x->hosts.n_host = RECORD_HOSTS;
	x->r.body_case = VRSAS__V1__RECORD__BODY_HOSTS;
	x->r.hosts = &x->hosts;
}

static inline void record_samples(struct record *x, uint64_t epoch, uint64_t seq,
				  int64_t at_ms)
{
	record_begin(x, epoch, seq);
	vrsas__v1__sample_batch__init(&x->samples);
	for (int i = 0; i < RECORD_HOSTS; i++) {
		x->host[i] = (uint32_t)i;
		x->cpu[i] = record_cpu(i, at_ms);
		x->mem[i] = 0.5f;
		x->vcpus_used[i] = 10;
		x->state[i] = VRSAS__V1__HOST_STATE__HOST_STATE_UP;
	}
	x->samples.at_ms = at_ms;
	x->samples.interval_ms = MINUTE_MS;
	x->samples.table_version = 1;
	x->samples.host = x->host;
	x->samples.cpu_ratio = x->cpu;
	x->samples.mem_ratio = x->mem;
	x->samples.vcpus_used = x->vcpus_used;
	x->samples.state = x->state;
	x->samples.n_host = x->samples.n_cpu_ratio = x->samples.n_mem_ratio =
		x->samples.n_vcpus_used = x->samples.n_state = RECORD_HOSTS;
	x->r.body_case = VRSAS__V1__RECORD__BODY_SAMPLES;
	x->r.samples = &x->samples;
}

#endif
