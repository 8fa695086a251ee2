/* validate.h - validates received records.
 *
 * Every function returns 0, or VRS_EPARSE with one line that names the error. Nothing is
 * repaired: a record is accepted unchanged or rejected as a whole. Pure. */
#ifndef ETL_VALIDATE_H
#define ETL_VALIDATE_H

#include <stdint.h>

#include "vrs/err.h"
#include "vrsas/v1/sample.pb-c.h"

enum {
	VALIDATE_FUTURE_MS = 2 * 60 * 1000, /* allowed difference of clocks */
	VALIDATE_MAX_HOSTS = 65536,         /* of a cluster */
	VALIDATE_MAX_VMS = 10000,           /* of a host */
	VALIDATE_MAX_LIST = 1024,           /* disks, networks, stores */
};

/* The names and numbers of a record, without its body. */
int validate_envelope(const Vrsas__V1__Record *r, struct vrs_err *err);

/* The body of a record with a valid envelope. table is the newest host table of the same
 * epoch; NULL: none yet. */
int validate_body(const Vrsas__V1__Record *r, const Vrsas__V1__HostTable *table,
		  int64_t now_ms, int64_t retention_ms, struct vrs_err *err);

int validate_heartbeat(const Vrsas__V1__Heartbeat *hb, struct vrs_err *err);
int validate_offer(const Vrsas__V1__Offer *offer, struct vrs_err *err);
int validate_export(const Vrsas__V1__ExportPage *page, struct vrs_err *err);

#endif
