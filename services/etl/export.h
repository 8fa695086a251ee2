/* export.h - rows of the exchange format out of Redis, a page at a time.
 *
 * A page is bounded (below VRS_BUS_MAX_BYTES packed) and ordered by time, then host; the
 * next one begins at next_at_ms. A minute that nobody measured has no row; one that was
 * asked for in vain has a row without a CPU rate. */
#ifndef ETL_EXPORT_H
#define ETL_EXPORT_H

#include "vrs/store.h"
#include "vrsas/v1/sample.pb-c.h"

/* The reply of a page; free it with export_free. Never NULL: errors are in it. */
Vrsas__V1__FillReply *export_page(struct vrs_store *store,
				  const Vrsas__V1__FillRequest *request);
void export_free(Vrsas__V1__FillReply *reply);

#endif
