/* metrics.h - what the mover tells of itself to Prometheus (docs/METRICS.md). */
#ifndef MOVER_JOBS_METRICS_H
#define MOVER_JOBS_METRICS_H

#include "jobs/job.h"
#include "vrs/svc.h"

struct numbers {
	uint64_t ended[JOB_CANCELLED + 1]; /* by enum job_end */
	uint64_t refused;
	uint64_t sent_bytes, resent_bytes, compared_bytes; /* of jobs that are over */
	struct vrs_histogram seconds, eta_error_ratio;
};

void numbers_init(struct numbers *n);
/* A job is over; removals are no transfers. */
void numbers_end(struct numbers *n, const struct job *j);
/* jobs: those under way or waiting. */
void numbers_tell(const struct numbers *n, const struct job *jobs, struct vrs_page *page);

#endif
