/* table.h - tables for terminals: columns as wide as they must be, notes under rows.
 *
 * Pure. Headers that start with '>' stand to the right. Cells are given in order; a row
 * is full after as many cells as there are headers. An empty cell shows as "-". */
#ifndef CLI_RENDER_TABLE_H
#define CLI_RENDER_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "vrs/mem.h"

enum tone { PLAIN, GOOD, WARN, BAD, DIM, BOLD };

struct table;

/* headers ends with NULL and is borrowed for as long as the table lives. */
struct table *table_new(const char *const *headers);
void table_free(struct table *t);

void table_cell(struct table *t, enum tone tone, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* A line of its own under the newest full row, indented. */
void table_note(struct table *t, enum tone tone, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

size_t table_rows(const struct table *t);
void table_print(const struct table *t, struct vrs_text *out, bool headers, bool colour);

/* Adds text in a tone; without colour just the text. */
void tone_add(struct vrs_text *out, bool colour, enum tone tone, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* "  name       value" on a line of its own; nothing where value is empty. */
void field_add(struct vrs_text *out, bool colour, const char *name, const char *value);

/* "####......" of width characters. */
void bar_add(struct vrs_text *out, double ratio, size_t width);

/* A path of ratios as one line of block characters, at most width of them; its scale is
 * 0..1. Points that are not finite show as blanks. */
void spark_add(struct vrs_text *out, const float *path, size_t n, size_t width);

#endif
