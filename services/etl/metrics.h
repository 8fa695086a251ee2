/* metrics.h - etl's metrics for Prometheus (docs/METRICS.md). */
#ifndef ETL_METRICS_H
#define ETL_METRICS_H

#include "auth.h"
#include "ingest.h"
#include "vrs/svc.h"

struct metrics_source {
	const struct ingest *ingest;
	const struct auth *auth;
	const struct vrs_sub *samples;
	const struct vrs_rep *fill;
};

void metrics_collect(const struct metrics_source *from, struct vrs_page *page);

#endif
