/* csv_rows.h - rows of the exchange format as the records that etl takes.
 *
 * Pure. Record 1 is the table of hosts, then one batch a minute, oldest first; the epoch
 * comes from the cluster and the file's content. So the same file gives the same records,
 * and sending them twice has the effect of once. */
#ifndef CLI_RENDER_CSV_ROWS_H
#define CLI_RENDER_CSV_ROWS_H

#include "vrs/sample_csv.h"
#include "vrsas/v1/sample.pb-c.h"

struct rows;

struct rows *rows_new(const char *cluster);
void rows_free(struct rows *r);

/* VRS_EINVAL for a name that cannot be a host's. A later row of the same host and minute
 * takes the place of an earlier one. */
int rows_add(struct rows *r, const struct vrs_sample_row *row, struct vrs_err *err);
/* The hash of the file's content, before rows_epoch. */
void rows_hash(struct rows *r, uint64_t content);

/* After the last row. */
void rows_finish(struct rows *r);

size_t rows_count(const struct rows *r);
size_t rows_hosts(const struct rows *r);
int64_t rows_first_ms(const struct rows *r);
int64_t rows_last_ms(const struct rows *r);
uint64_t rows_epoch(const struct rows *r);
uint64_t rows_head(const struct rows *r); /* seq of the last record */

/* Record seq (1..head); valid until rows_record_free. */
Vrsas__V1__Record *rows_record(const struct rows *r, uint64_t seq);
void rows_record_free(Vrsas__V1__Record *record);

#endif
