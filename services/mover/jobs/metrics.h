/* metrics.h - the metrics page of the mover (docs/METRICS.md). */
#ifndef MOVER_JOBS_METRICS_H
#define MOVER_JOBS_METRICS_H

#include "jobs/job.h"
#include "vrs/svc.h"

struct mover_metrics {
	uint64_t ended[JOB_CANCELLED + 1]; /* by enum job_end */
	uint64_t refused;
	uint64_t sent_bytes, resent_bytes, compared_bytes; /* of ended jobs */
	struct vrs_histogram seconds, eta_error_ratio;
};

void metrics_init(struct mover_metrics *n);
/* Counts a job that has ended, unless it is a removal. */
void metrics_job_ended(struct mover_metrics *n, const struct job *j);
/* jobs: those that run or wait. */
void metrics_publish(const struct mover_metrics *n, const struct job *jobs,
		     struct vrs_page *page);

#endif
