/* forecasts.h - keeps the forecasts of all clusters and hosts fresh.
 *
 * Sends jobs of at most 64 targets to the predictors, every interval and at once when
 * urgent. The predictors write forecasts to Redis, where fleet/ reads them; a reply only
 * confirms that they are written. */
#ifndef SCHEDULER_FORECASTS_FORECASTS_H
#define SCHEDULER_FORECASTS_FORECASTS_H

#include "fleet/fleet.h"
#include "vrs/bus.h"
#include "vrs/loop.h"
#include "vrs/metrics.h"

struct forecasts;

struct forecasts_conf {
	const char *url;     /* listens here for predictors */
	int64_t interval_ms; /* 5 min */
	int64_t timeout_ms;  /* of one job; 60 s */
	int64_t silence_ms; /* a predictor that is silent this long loses its job; 20 s */
	/* gives the newest picture whenever a round begins, or NULL */
	struct fleet *(*fleet)(void *arg);
	void *arg;
};

int forecasts_open(struct forecasts **ret, struct vrs_loop *loop,
		   const struct forecasts_conf *conf, struct vrs_err *err);
void forecasts_close(struct forecasts *f);

/* All possible targets, soon; called when a host becomes suspect. Calls during a round
 * count once. */
void forecasts_refresh(struct forecasts *f);

/* One target. fn is called once, on the loop: why is NULL when the newest forecast is in
 * Redis. */
struct forecasts_question {
	const char *cluster, *host; /* borrowed until fn is called */
	int64_t timeout_ms;
	void (*fn)(void *arg, const char *why);
	void *arg;
};
int forecasts_ask(struct forecasts *f, const struct forecasts_question *q,
		  struct vrs_err *err);
int forecasts_predictors(const struct forecasts *f); /* connected now */
const char *forecasts_url(const struct forecasts *f);

struct forecasts_counts {
	uint64_t ok, failed; /* jobs */
	unsigned open;
	struct vrs_histogram seconds; /* from request to reply */
	struct vrs_bus_counts bus;
};
void forecasts_counts(const struct forecasts *f, struct forecasts_counts *ret);

#endif
