/* metrics.h - what etl tells of itself to Prometheus (docs/METRICS.md). */
#ifndef ETL_METRICS_H
#define ETL_METRICS_H

#include "auth.h"
#include "ingest.h"
#include "vrs/svc.h"

struct numbers_source {
	const struct ingest *ingest;
	const struct gate *gate;
	const struct vrs_sub *samples;
	const struct vrs_rep *fill;
};

void numbers_tell(const struct numbers_source *from, struct vrs_page *page);

#endif
