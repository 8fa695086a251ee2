/* fence.h - making sure that a host is off, and being told so.
 *
 * Runs an agent of the fence-agents family (or a program with the same protocol): argv is
 * fixed by the settings, everything else goes over stdin as key=value lines. Exit 0 of
 * "off" that a "status" then confirms with exit 2 is proof of death (evidence F1).
 * Anything else is "not known", and nothing may start elsewhere on it. Blocks up to
 * timeout_ms; call it from a worker. */
#ifndef VRS_FENCE_H
#define VRS_FENCE_H

#include <stdint.h>

#include "vrs/err.h"
#include "vrs/site.h"

enum vrs_power { VRS_POWER_UNKNOWN, VRS_POWER_ON, VRS_POWER_OFF };

/* Asks for off, then reads back. *ret is VRS_POWER_OFF only when status said so. The text
 * of what the agent said goes to detail (one line). */
int vrs_fence_off(const struct vrs_site_host *host, int64_t timeout_ms,
		  enum vrs_power *ret, char *detail, size_t detail_size,
		  struct vrs_err *err);
int vrs_fence_status(const struct vrs_site_host *host, int64_t timeout_ms,
		     enum vrs_power *ret, char *detail, size_t detail_size,
		     struct vrs_err *err);
int vrs_fence_on(const struct vrs_site_host *host, int64_t timeout_ms, char *detail,
		 size_t detail_size, struct vrs_err *err);

/* Whether the settings of this host's agent can be used at all: VRS_EUNSUPPORTED when it
 * has none, VRS_EINVAL when a key is one that must not be set. Does not run anything. */
int vrs_fence_check(const struct vrs_site_host *host, struct vrs_err *err);

#endif
