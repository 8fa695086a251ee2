#include "render/table.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { GAP = 2, NOTE_INDENT = 4 };

struct cell {
	char *text;
	enum tone tone;
	bool note;
};

struct table {
	const char *const *header;
	size_t n_columns;
	struct cell *cell; /* rows of n_columns cells, with notes between rows */
	size_t n_cells, cap;
	size_t column; /* of the next cell */
};

static const char *const tone_code[] = {
	[PLAIN] = "",       [GOOD] = "\033[32m", [WARN] = "\033[33m",
	[BAD] = "\033[31m", [DIM] = "\033[2m",   [BOLD] = "\033[1m",
};

struct table *table_new(const char *const *headers)
{
	struct table *t = vrs_calloc(1, sizeof(*t));

	t->header = headers;
	while (headers[t->n_columns])
		t->n_columns++;
	return t;
}

void table_free(struct table *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->n_cells; i++)
		free(t->cell[i].text);
	free(t->cell);
	free(t);
}

size_t table_rows(const struct table *t)
{
	return t->n_cells / t->n_columns;
}

/* What a peer sent must not steer the terminal. */
static void disarm(char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			*s = '?';
}

static void add_cell(struct table *t, enum tone tone, bool note, const char *fmt,
		     va_list ap)
{
	char *text = NULL;

	if (vasprintf(&text, fmt, ap) < 0)
		text = vrs_strdup("?");
	disarm(text);
	t->cell = vrs_grow(t->cell, t->n_cells, &t->cap, sizeof(*t->cell));
	t->cell[t->n_cells++] = (struct cell){text, tone, note};
}

void table_cell(struct table *t, enum tone tone, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add_cell(t, tone, false, fmt, ap);
	va_end(ap);
	if (++t->column == t->n_columns)
		t->column = 0;
}

void table_note(struct table *t, enum tone tone, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add_cell(t, tone, true, fmt, ap);
	va_end(ap);
}

/* Columns that a UTF-8 text takes (one per character). */
static size_t text_width(const char *s)
{
	size_t n = 0;

	for (; *s; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

static bool right_aligned(const char *header)
{
	return header[0] == '>';
}

static const char *shown(const char *text)
{
	return text[0] ? text : "-";
}

static void put(struct vrs_text *out, bool colour, enum tone tone, const char *text)
{
	bool painted = colour && tone != PLAIN;

	vrs_text_add(out, "%s%s%s", painted ? tone_code[tone] : "", text,
		     painted ? "\033[0m" : "");
}

struct printer {
	const struct table *t;
	struct vrs_text *out;
	bool colour;
	size_t *width; /* of each column */
};

/* The last column is not filled up: no blanks at line ends. */
static void put_aligned(const struct printer *p, size_t column, enum tone tone,
			const char *text)
{
	int fill = (int)(p->width[column] - text_width(text));
	bool last = column + 1 == p->t->n_columns;

	if (right_aligned(p->t->header[column])) {
		vrs_text_add(p->out, "%*s", fill, "");
		fill = 0;
	}
	put(p->out, p->colour, tone, text);
	vrs_text_add(p->out, "%*s%s", last ? 0 : fill + GAP, "", last ? "\n" : "");
}

void table_print(const struct table *t, struct vrs_text *out, bool headers, bool colour)
{
	size_t *width = vrs_calloc(t->n_columns, sizeof(*width));
	const struct printer p = {t, out, colour, width};
	size_t column = 0;

	for (size_t i = 0; headers && i < t->n_columns; i++)
		width[i] = text_width(t->header[i] + right_aligned(t->header[i]));
	for (size_t i = 0; i < t->n_cells; i++) {
		if (t->cell[i].note)
			continue;
		size_t w = text_width(shown(t->cell[i].text));
		if (width[column] < w)
			width[column] = w;
		column = (column + 1) % t->n_columns;
	}

	for (size_t i = 0; headers && i < t->n_columns; i++)
		put_aligned(&p, i, DIM, t->header[i] + right_aligned(t->header[i]));
	column = 0;
	for (size_t i = 0; i < t->n_cells; i++) {
		const struct cell *c = &t->cell[i];

		if (c->note) {
			vrs_text_add(out, "%*s", NOTE_INDENT, "");
			put(out, colour, c->tone, c->text);
			vrs_text_add(out, "\n");
			continue;
		}
		put_aligned(&p, column, c->tone, shown(c->text));
		column = (column + 1) % t->n_columns;
	}
	free(width);
}

void tone_add(struct vrs_text *out, bool colour, enum tone tone, const char *fmt, ...)
{
	char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		text = vrs_strdup("?");
	va_end(ap);
	disarm(text);
	put(out, colour, tone, text);
	free(text);
}

void field_add(struct vrs_text *out, bool colour, const char *name, const char *value)
{
	if (!value[0])
		return;
	tone_add(out, colour, DIM, "  %-10s ", name);
	tone_add(out, colour, PLAIN, "%s", value);
	vrs_text_add(out, "\n");
}

void bar_add(struct vrs_text *out, double ratio, size_t width)
{
	size_t full;

	if (!(ratio > 0))
		ratio = 0;
	full = (size_t)(fmin(ratio, 1) * (double)width);
	for (size_t i = 0; i < width; i++)
		vrs_text_add(out, "%c", i < full ? '#' : '.');
}

void spark_add(struct vrs_text *out, const float *path, size_t n, size_t width)
{
	static const char *const block[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};

	if (n < width)
		width = n;
	for (size_t i = 0; i < width; i++) {
		float top = NAN;

		/* A peak must not fall between two characters: each shows its highest. */
		for (size_t k = i * n / width; k < (i + 1) * n / width; k++)
			top = fmaxf(top, path[k]);
		if (!isfinite(top)) {
			vrs_text_add(out, " ");
			continue;
		}
		vrs_text_add(out, "%s",
			     block[(size_t)(fminf(fmaxf(top, 0), 0.999F) * 8)]);
	}
}
