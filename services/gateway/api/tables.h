/* tables.h - what the page shows, as plain HTML: tables that need no script.
 *
 * Pure. Each function adds one part; a head comes first, a foot last. Whatever came from
 * elsewhere is escaped. Times are in UTC: nobody here knows the reader's zone. */
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
/* A part that could not be asked for. */
void tables_missing(struct vrs_text *out, const char *what, const char *why);
void tables_foot(struct vrs_text *out);

/* A page that asks for a token; why: "" or what was wrong. */
void tables_login(struct vrs_text *out, const char *why);

#endif
