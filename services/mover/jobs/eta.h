/* eta.h - how long a copy takes: learnt from past ones of the same pair of clusters.
 *
 * Pure. seconds = start + bytes * pace, fitted by least squares of the relative error,
 * newer copies weighing more. The interval comes from how wrong the fit was for each past
 * copy when that one was left out (the jackknife: Barber et al., "Predictive inference
 * with the jackknife+", 2021), as a Student t interval of the logarithm, because what a
 * busy machine or link does to a copy multiplies its time. Copies of a similar size say
 * most about its width. Few or no past copies give a wide interval, not none. */
#ifndef MOVER_JOBS_ETA_H
#define MOVER_JOBS_ETA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vrs/err.h"

enum { ETA_PAST_MAX = 100, ETA_LINE_MAX = 400 };

/* What there is to do. */
struct eta_work {
	double data_bytes;
	bool changes_only;        /* against a base: most of it is only hashed */
	double limit_bytes_per_s; /* 0: none */
	uint32_t beside;          /* copies at work on the same ends or link */
};

struct eta {
	double seconds, low_s, high_s; /* 90 in 100 end between low and high */
};

/* One copy that ended: its work, how long it took, and what had been said before it. */
struct eta_past {
	int64_t at_ms; /* when it ended */
	struct eta_work work;
	double sent_bytes;
	double took_s;
	struct eta said; /* seconds 0: nothing was */
	char job[132];
};

/* Never fails: without a past it says what an ordinary disk and link do, widely. */
void eta_predict(const struct eta_past *past, size_t n_past, const struct eta_work *work,
		 struct eta *ret);

/* While it runs: what was said at its begin, seen with what elapsed_s brought. done_ratio
 * is 0..1. The result counts from the begin, like said. */
void eta_update(const struct eta *said, double elapsed_s, double done_ratio,
		struct eta *ret);

/* One line of vrsas:v1:eta:{src}:{dst}: "AT_MS full|changes DATA_BYTES SENT_BYTES TOOK_MS
 * SAID_MS LOW_MS HIGH_MS LIMIT BESIDE JOB". */
int eta_past_parse(struct eta_past *ret, const char *line, struct vrs_err *err);
void eta_past_print(char buf[ETA_LINE_MAX], const struct eta_past *p);

#endif
