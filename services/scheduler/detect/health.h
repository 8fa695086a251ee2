/* health.h - does the guest itself answer?
 *
 * tcp://HOST:PORT must accept; http://HOST[:PORT][/PATH] must answer with 2xx or 3xx.
 * "Its process runs" is no health. Blocks up to the deadline; call it from a worker. */
#ifndef SCHEDULER_DETECT_HEALTH_H
#define SCHEDULER_DETECT_HEALTH_H

#include <stdbool.h>
#include <stdint.h>

#include "vrs/err.h"

struct health_address {
	bool http;
	char host[256], port[8], path[256];
};

/* VRS_EINVAL when it is none of the two. Pure. */
int health_parse(const char *text, struct health_address *ret, struct vrs_err *err);

/* 2xx and 3xx of an answer's first line: its number; otherwise -1. Pure. */
int health_status(const char *line);

int health_ask(const char *address, int64_t timeout_ms, struct vrs_err *err);

#endif
