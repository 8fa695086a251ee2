/* connect.h - a TCP connection to HOST:PORT, until a deadline. For worker threads. */
#ifndef SCHEDULER_DETECT_CONNECT_H
#define SCHEDULER_DETECT_CONNECT_H

#include <stdint.h>

#include "vrs/err.h"

struct connect_address {
	char host[256], port[8];
};

/* "h1:22", "[::1]:22"; without a port the default is taken, NULL: required. text ends at
 * its first '/'. VRS_EINVAL; ret is written on success only. Pure. */
int connect_parse(const char *text, const char *default_port, struct connect_address *ret,
		  struct vrs_err *err);

/* Waits until fd is ready for events. VRS_ETIMEOUT: `what` does not happen in time. */
int connect_wait(int fd, short events, int64_t deadline_mono_ms, const char *what,
		 struct vrs_err *err);

/* VRS_ECONN: refused or unreachable. VRS_ETIMEOUT. VRS_EINVAL: no such name. */
int connect_open(const struct connect_address *a, int64_t deadline_mono_ms, int *ret_fd,
		 struct vrs_err *err);

#endif
