/* tables.h - the content of the page as plain HTML tables, without scripts.
 *
 * Pure. Each function adds one part; the head comes first, the foot last. Text from
 * outside is escaped. Times are in UTC, since the reader's time zone is not known. */
#ifndef GATEWAY_API_TABLES_H
#define GATEWAY_API_TABLES_H

#include "vrs/mem.h"
#include "vrsas/v1/control.pb-c.h"
#include "vrsas/v1/incident.pb-c.h"

/* who: the name of the reader's token. */
void tables_head(struct vrs_text *out, const char *who, int64_t now_ms);
void tables_status(struct vrs_text *out, const Vrsas__V1__StatusView *v);
void tables_incidents(struct vrs_text *out, const Vrsas__V1__IncidentViews *v);
void tables_relocations(struct vrs_text *out, const Vrsas__V1__RelocationViews *v,
			int64_t now_ms);
void tables_risk(struct vrs_text *out, const Vrsas__V1__RiskViews *v, int64_t now_ms);
void tables_hosts(struct vrs_text *out, const Vrsas__V1__HostViews *v, int64_t now_ms);
void tables_events(struct vrs_text *out, const Vrsas__V1__EventViews *v);
/* A part that is not available. */
void tables_missing(struct vrs_text *out, const char *what, const char *why);
void tables_foot(struct vrs_text *out);

/* A sign-in form; why: "" or the error of the last attempt. */
void tables_login(struct vrs_text *out, const char *why);

#endif
