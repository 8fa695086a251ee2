/* metrics.h - the metrics page of the predictor (docs/METRICS.md). */
#ifndef PREDICTOR_SERVICE_METRICS_H
#define PREDICTOR_SERVICE_METRICS_H

#include <stdbool.h>

#include "net/model_file.h"
#include "vrs/svc.h"

struct metrics {
	uint64_t jobs_ok, jobs_failed, targets;
	uint64_t trainings_ok, trainings_failed;
	struct vrs_histogram job_seconds;
};

void metrics_init(struct metrics *n);

/* m: the model in use; NULL: none. own: trained on this installation, not shipped.
 * training_percent: -1 without a training on this replica. */
void metrics_collect(const struct metrics *n, const struct model *m, bool own,
		     int training_percent, struct vrs_page *page);

#endif
