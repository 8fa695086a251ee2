/* alert.h - what Alertmanager sends, read and judged.
 *
 * Pure; bytes from outside. An alert is taken when it says of itself that a host is down
 * (label vrsas_event = host_down) and names one by the labels cluster and host;
 * everything else has the reason why it is refused. Whether there is such a host is for
 * the caller. */
#ifndef GATEWAY_INCIDENTS_ALERT_H
#define GATEWAY_INCIDENTS_ALERT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vrs/err.h"

enum { ALERTS_MAX = 1000 };

struct alert {
	char id[100]; /* of the incident: fingerprint and start */
	char fingerprint[65], name[65], cluster[65], host[65];
	char severity[33], summary[201];  /* one line, cut */
	int64_t starts_at_ms, ends_at_ms; /* ends 0: firing */
	char refused[160];                /* why; "": it may be taken */
};

/* The body of a webhook, version 4. VRS_EPARSE when it is none, VRS_ENOSPC above
 * ALERTS_MAX. The caller frees the list. */
int alert_webhook(const void *bytes, size_t n, struct alert **ret, size_t *ret_n,
		  struct vrs_err *err);
/* The answer of GET /api/v2/alerts: what fires now; what is silenced or inhibited there
 * is refused. */
int alert_list(const void *bytes, size_t n, struct alert **ret, size_t *ret_n,
	       struct vrs_err *err);

#endif
