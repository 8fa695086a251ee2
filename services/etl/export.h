/* export.h - exports rows of the exchange format from Redis, page by page.
 *
 * A page is bounded (below VRS_BUS_MAX_BYTES packed) and ordered by time, then host; the
 * next one begins at next_at_ms. A minute without a poll has no row; a failed poll has a
 * row without a CPU rate. */
#ifndef ETL_EXPORT_H
#define ETL_EXPORT_H

#include "vrs/store.h"
#include "vrsas/v1/sample.pb-c.h"

/* The reply with a page; free it with export_free. Never NULL: it contains the error. */
Vrsas__V1__FillReply *export_page(struct vrs_store *store,
				  const Vrsas__V1__FillRequest *request);
void export_free(Vrsas__V1__FillReply *reply);

#endif
