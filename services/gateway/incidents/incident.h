/* incident.h - incidents in Redis: one failure of one host, however often it is reported.
 *
 * When incident_report returns 0, the incident is in Redis, and with `appendfsync always`
 * on its disk. */
#ifndef GATEWAY_INCIDENTS_INCIDENT_H
#define GATEWAY_INCIDENTS_INCIDENT_H

#include "incidents/alert.h"
#include "vrs/store.h"
#include "vrsas/v1/incident.pb-c.h"

enum incident_result { INCIDENT_NEW, INCIDENT_REPEATED, INCIDENT_RESOLVED };
const char *incident_result_name(enum incident_result r);

int incident_report(struct vrs_store *s, const struct alert *a, const char *source,
		    enum incident_result *ret, struct vrs_err *err);

/* The open ones, then those that ended after since_ms, newest first. */
struct incidents {
	struct vrs_msg **msg;
	const Vrsas__V1__Incident **one;
	size_t n, n_open;
};
int incident_read(struct vrs_store *s, int64_t since_ms, struct incidents *ret,
		  struct vrs_err *err);
void incident_fini(struct incidents *in);

/* The incident after one more report; old NULL: the first one. Pure. */
void incident_merge(Vrsas__V1__Incident *ret, const Vrsas__V1__Incident *old,
		    const struct alert *a, const char *source, int64_t now_ms);

#endif
