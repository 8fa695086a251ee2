/* csv.h - reads CSV files, plain or gzip, one row at a time.
 *
 * Format: RFC 4180 without line breaks inside fields. Compression is detected by content,
 * not by name. Lines end with LF or CRLF; a UTF-8 byte order mark, empty lines and
 * comment lines (#) before the header are skipped. Blanks around a field are ignored. The
 * first row is the header; every other row must have the same number of columns.
 *
 * Anything else is an error, VRS_EPARSE, that names file, line, column and the expected
 * form:
 *
 *   rows.csv:17:9: Average CPU rate '9,83': expected a decimal point, as in 9.83
 *
 * Bounds: a line has at most VRS_CSV_MAX_LINE bytes and VRS_CSV_MAX_COLUMNS columns. */
#ifndef VRS_CSV_H
#define VRS_CSV_H

#include <stddef.h>
#include <stdint.h>

#include "vrs/err.h"

enum { VRS_CSV_MAX_LINE = 8192, VRS_CSV_MAX_COLUMNS = 64 };

struct vrs_csv;

/* Opens a file ("-": standard input) and reads its header, which is required. */
int vrs_csv_open(struct vrs_csv **ret, const char *path, struct vrs_err *err);
void vrs_csv_close(struct vrs_csv *c);

/* Reads the next row: 1; 0 at the end of the file. Fields are valid until the next call;
 * before the first call they are those of the header. */
int vrs_csv_next(struct vrs_csv *c, struct vrs_err *err);
size_t vrs_csv_columns(const struct vrs_csv *c);
const char *vrs_csv_field(const struct vrs_csv *c, size_t column);
/* The index of the column with that name, case ignored; -1: none. */
int vrs_csv_column(const struct vrs_csv *c, const char *name);

/* Decimal digits with an optional sign and fraction: no exponent, no hexadecimal. */
int vrs_csv_number(const struct vrs_csv *c, size_t column, double *ret,
		   struct vrs_err *err);
/* RFC 3339, in Unix milliseconds. */
int vrs_csv_time(const struct vrs_csv *c, size_t column, int64_t *ret_ms,
		 struct vrs_err *err);

/* Fails with VRS_EPARSE: "FILE:LINE:COLUMN: NAME 'field': expected ...". */
int vrs_csv_fail(const struct vrs_csv *c, size_t column, const char *expected,
		 struct vrs_err *err);

/* Hash of all bytes read so far, after decompression. */
uint64_t vrs_csv_hash(const struct vrs_csv *c);

#endif
