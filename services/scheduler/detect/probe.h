/* probe.h - does this host speak? Connects and waits for its first byte.
 *
 * A frozen host still accepts connections (its kernel does, or a switch in between), but
 * it does not say anything. Blocks up to the deadline; call it from a worker thread. */
#ifndef SCHEDULER_DETECT_PROBE_H
#define SCHEDULER_DETECT_PROBE_H

#include <stdint.h>

#include "vrs/err.h"

/* address: tcp://HOST:PORT (the first byte must come), tcp-connect://HOST:PORT (accepting
 * is enough). 0: it speaks. VRS_ETIMEOUT: accepted or not, nothing came. VRS_ECONN:
 * refused or unreachable. VRS_EINVAL: bad address. */
int probe_run(const char *address, int64_t timeout_ms, struct vrs_err *err);

#endif
