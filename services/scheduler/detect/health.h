/* health.h - does the guest itself answer?
 *
 * tcp://HOST:PORT must accept; http://HOST[:PORT][/PATH] must answer with 2xx or 3xx. A
 * running VM process is no sign of health. Blocks up to the timeout; call it from a
 * worker thread. */
#ifndef SCHEDULER_DETECT_HEALTH_H
#define SCHEDULER_DETECT_HEALTH_H

#include <stdbool.h>
#include <stdint.h>

#include "detect/connect.h"

struct health_address {
	bool http;
	struct connect_address at;
	char path[256];
};

/* VRS_EINVAL: neither tcp:// nor http://, or malformed. Pure. */
int health_parse(const char *text, struct health_address *ret, struct vrs_err *err);

/* The code of a response's first line if it is 2xx or 3xx, otherwise -1. Pure. */
int health_status(const char *line);

int health_check(const char *address, int64_t timeout_ms, struct vrs_err *err);

#endif
