/* alert.h - parses and validates alerts of Alertmanager.
 *
 * Pure; bytes from outside. An alert is accepted if its label vrsas_event is host_down
 * and its labels cluster and host are names; any other alert gets the reason of its
 * rejection. The caller checks that the host exists. */
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
	char refused[160];                /* reason; "": accepted */
};

/* The body of a webhook, version 4. VRS_EPARSE if it is not one, VRS_ENOSPC above
 * ALERTS_MAX. The caller frees the list. */
int alert_webhook(const void *bytes, size_t n, struct alert **ret, size_t *ret_n,
		  struct vrs_err *err);
/* The reply of GET /api/v2/alerts: alerts that are firing; silenced and inhibited ones
 * are refused. */
int alert_list(const void *bytes, size_t n, struct alert **ret, size_t *ret_n,
	       struct vrs_err *err);

#endif
