/* fence.h - powers a host off and proves that it is off.
 *
 * Runs an agent of the fence-agents family (or a program with the same protocol): argv
 * comes from the settings, everything else is passed on stdin as key=value lines. "off"
 * with exit code 0, confirmed by "status" with exit code 2, is proof of death (evidence
 * F1). Any other result proves nothing, and no VM may be started elsewhere because of it.
 * Blocks up to timeout_ms; call it from a worker. */
#ifndef VRS_FENCE_H
#define VRS_FENCE_H

#include <stdint.h>

#include "vrs/err.h"
#include "vrs/site.h"

enum vrs_power { VRS_POWER_UNKNOWN, VRS_POWER_ON, VRS_POWER_OFF };

struct vrs_fence_result {
	enum vrs_power power;
	char detail[160]; /* the agent's last line of output */
};

/* Switches the host off, then reads its power state: VRS_POWER_OFF only if the agent
 * reports that the host is off. */
int vrs_fence_off(const struct vrs_site_host *host, int64_t timeout_ms,
		  struct vrs_fence_result *ret, struct vrs_err *err);
int vrs_fence_status(const struct vrs_site_host *host, int64_t timeout_ms,
		     struct vrs_fence_result *ret, struct vrs_err *err);

/* Checks the settings of the host's agent without running it: VRS_EUNSUPPORTED if it has
 * none, VRS_EINVAL if a key is not allowed. */
int vrs_fence_check(const struct vrs_site_host *host, struct vrs_err *err);

#endif
