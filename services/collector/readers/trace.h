/* trace.h - a recorded or generated history of hosts, from a CSV file.
 *
 * Reads both formats of vrs/sample_csv.h, plain or gzip. The rows of each entity are put
 * on a grid with a step of its own; a missing value is NAN. */
#ifndef COLLECTOR_READERS_TRACE_H
#define COLLECTOR_READERS_TRACE_H

#include <stddef.h>
#include <stdint.h>

#include "vrs/err.h"

struct trace_entity {
	char name[65], address[64];
	uint32_t vcpus;     /* 0: unknown */
	uint64_t ram_bytes; /* 0: unknown */
	int64_t from_ms, step_ms;
	size_t n; /* steps */
	struct trace_point {
		float cpu_ratio, mem_ratio; /* NAN: missing */
		uint32_t vcpus_used;
	} * point;
};

struct trace {
	struct trace_entity *entity; /* in the order of the file */
	size_t n_entities;
	int64_t from_ms, to_ms; /* to_ms: end of the last step of any entity */
};

int trace_load(struct trace **ret, const char *path, struct vrs_err *err);
void trace_free(struct trace *t);

/* NULL: no entity of that name. */
const struct trace_entity *trace_find(const struct trace *t, const char *name);

/* The point at that time; NULL: outside of the trace, or missing. */
const struct trace_point *trace_at(const struct trace_entity *e, int64_t at_ms);

#endif
