/* cost_model.h - outage of a VM when it waits, restarts or moves, and which of these is
 * the shortest. Pure. */
#ifndef SCHEDULER_PLAN_COST_MODEL_H
#define SCHEDULER_PLAN_COST_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cost_model_rate {
	double low, mid, high; /* bytes/s: p10, median, p90 of what was measured */
	size_t n;              /* transfers behind it; 0: assumed */
	char source[96];       /* "measured on 12 transfers", "assumed 50 MiB/s: ..." */
};

struct cost_model_time {
	int64_t low_ms, mid_ms, high_ms;
};

struct cost_model_rules {
	double assumed_bytes_per_s; /* until one is measured; 50 MiB/s */
	int64_t setup_ms;           /* each transfer: connect, map, verify, define; 3 s */
	int64_t boot_ms;            /* from start to first answer; 60 s */
	double gain_ratio; /* a move's outage must be below this share of waiting's; 0.8
			    */
};

/* Up to n measured rates in any order. */
void cost_model_rate_of(const struct cost_model_rules *rules, const double *bytes_per_s,
			size_t n, struct cost_model_rate *ret);

/* Time until bytes have arrived, queued_bytes before them included. */
void cost_model_transfer(const struct cost_model_rules *rules,
			 const struct cost_model_rate *rate, uint64_t bytes,
			 uint64_t queued_bytes, struct cost_model_time *ret);

enum cost_model_choice { COST_MODEL_WAIT, COST_MODEL_LOCAL, COST_MODEL_RELOCATE };

/* Outage of each option; -1: not possible. */
struct cost_model_options {
	int64_t wait_ms, local_ms, relocate_ms;
};
/* The shortest outage wins, but waiting is preferred to a move that saves little.
 * Waiting is always possible. */
enum cost_model_choice cost_model_choose(const struct cost_model_rules *rules,
					 const struct cost_model_options *o);

#endif
