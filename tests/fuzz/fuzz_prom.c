/* Answers of Prometheus' API: whatever comes, only finite numbers are believed. */
#include <math.h>
#include <stdlib.h>

#include "vrs/json_prom.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct vrs_prom_answer a = {0};
	struct vrs_err err;

	if (vrs_prom_parse(&a, (const char *)bytes, n, &err) < 0)
		return 0;
	for (size_t i = 0; i < a.n; i++)
		for (size_t k = 0; k < a.series[i].n; k++)
			if (!isfinite(a.series[i].point[k].value) ||
			    a.series[i].point[k].at_ms <= 0)
				abort();
	vrs_prom_fini(&a);
	return 0;
}
