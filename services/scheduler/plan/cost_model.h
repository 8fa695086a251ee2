/* cost_model.h - how long a VM would be away: waiting, restarting, or moving. Pure. */
#ifndef SCHEDULER_PLAN_COST_MODEL_H
#define SCHEDULER_PLAN_COST_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct worth_rate {
	double low, mid, high; /* bytes/s: p10, median, p90 of what was measured */
	size_t n;              /* transfers behind it; 0: assumed */
	char source[96];       /* "measured on 12 transfers", "assumed 50 MiB/s: ..." */
};

struct worth_time {
	int64_t low_ms, mid_ms, high_ms;
};

struct worth_rules {
	double assumed_bytes_per_s; /* where nothing was measured; 50 MiB/s */
	int64_t setup_ms;           /* each transfer: connect, map, verify, define; 3 s */
	int64_t boot_ms;            /* from start to first answer; 60 s */
	double gain_ratio; /* the outage must fall below this share of waiting; 0.8 */
};
extern const struct worth_rules worth_defaults;

/* Up to n measured rates in any order. */
void worth_rate_of(const struct worth_rules *rules, const double *bytes_per_s, size_t n,
		   struct worth_rate *ret);

/* Time until bytes have arrived, behind queued_bytes that travel first. */
void worth_transfer(const struct worth_rules *rules, const struct worth_rate *rate,
		    uint64_t bytes, uint64_t queued_bytes, struct worth_time *ret);

enum worth_choice { WORTH_WAIT, WORTH_LOCAL, WORTH_RELOCATE };

/* What each way costs in time without service; -1: not possible. */
struct worth_options {
	int64_t wait_ms, local_ms, relocate_ms;
};
/* The shortest outage wins, except that waiting is preferred to a move that gains
 * little. Waiting is always possible. */
enum worth_choice worth_choose(const struct worth_rules *rules,
			       const struct worth_options *o);

#endif
