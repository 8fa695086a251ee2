/* eta.h - how long a copy takes: learnt from past copies of the same pair of clusters.
 *
 * Pure. seconds = start + bytes * pace, fitted by least squares of the relative error,
 * newer copies weighing more. The interval comes from the error of the fit on each past
 * copy when that one was left out (the jackknife: Barber et al., "Predictive inference
 * with the jackknife+", 2021), as a Student t interval of the logarithm, because a busy
 * host or link multiplies the time of a copy. Copies of a similar size count most for its
 * width. With few or no past copies the interval is wide. */
#ifndef MOVER_JOBS_ETA_H
#define MOVER_JOBS_ETA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vrs/err.h"

enum { ETA_PAST_MAX = 100, ETA_LINE_MAX = 400 };

/* The work of a copy. */
struct eta_work {
	double data_bytes;
	bool changes_only;        /* with a base: most of it is only hashed */
	double limit_bytes_per_s; /* 0: none */
	uint32_t beside;          /* other copies running on the same hosts or link */
};

struct eta {
	double seconds, low_s, high_s; /* 90 in 100 end between low and high */
};

/* A copy that has ended: its work, its duration, and the prediction. */
struct eta_past {
	int64_t at_ms; /* when it ended */
	struct eta_work work;
	double sent_bytes;
	double took_s;
	struct eta predicted; /* seconds 0: none */
	char job[132];
};

/* Never fails: without past copies it assumes a common disk and link, with a wide
 * interval. */
void eta_predict(const struct eta_past *past, size_t n_past, const struct eta_work *work,
		 struct eta *ret);

/* While a copy runs: combines the prediction with the progress so far. done_ratio is
 * 0..1. The result counts from the start, like the prediction. */
void eta_update(const struct eta *predicted, double elapsed_s, double done_ratio,
		struct eta *ret);

/* One line of vrsas:v1:eta:{src}:{dst}: "AT_MS full|changes DATA_BYTES SENT_BYTES TOOK_MS
 * SAID_MS LOW_MS HIGH_MS LIMIT BESIDE JOB". */
int eta_past_parse(struct eta_past *ret, const char *line, struct vrs_err *err);
void eta_past_print(char buf[ETA_LINE_MAX], const struct eta_past *p);

#endif
