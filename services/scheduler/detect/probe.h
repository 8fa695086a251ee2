/* probe.h - does this host answer? Connects and waits for its first byte.
 *
 * A frozen host may still accept connections (its kernel does, or a switch in between),
 * but it sends nothing. Blocks up to the timeout; call it from a worker thread. */
#ifndef SCHEDULER_DETECT_PROBE_H
#define SCHEDULER_DETECT_PROBE_H

#include <stdint.h>

#include "vrs/err.h"

/* address: tcp://HOST:PORT (the host must send a byte), tcp-connect://HOST:PORT
 * (accepting is enough). 0: it answers. VRS_ETIMEOUT: nothing came in time. VRS_ECONN:
 * refused, unreachable or closed. VRS_EINVAL: bad address. */
int probe_run(const char *address, int64_t timeout_ms, struct vrs_err *err);

#endif
