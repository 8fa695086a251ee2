/* json_prom.h - parses the responses of Prometheus' HTTP API (/api/v1/query,
 * query_range). Pure. */
#ifndef VRS_JSON_PROM_H
#define VRS_JSON_PROM_H

#include <stddef.h>
#include <stdint.h>

#include "vrs/err.h"

enum { VRS_PROM_MAX_SERIES = 1000, VRS_PROM_MAX_POINTS = 12000 };

struct vrs_prom_point {
	int64_t at_ms;
	double value; /* finite */
};

struct vrs_prom_series {
	char what[32]; /* value of its label "what"; "": none */
	struct vrs_prom_point *point;
	size_t n; /* one for an instant query */
};

struct vrs_prom_answer {
	struct vrs_prom_series *series;
	size_t n;
};

/* Points that are not numbers are skipped. VRS_EIO: Prometheus reports an error;
 * VRS_EPARSE: not a valid response. Free with vrs_prom_fini. */
int vrs_prom_parse(struct vrs_prom_answer *ret, const char *text, size_t n,
		   struct vrs_err *err);
void vrs_prom_fini(struct vrs_prom_answer *answer);

#endif
