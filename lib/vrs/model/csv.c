/* csv.h. The only door to zlib. */
#include "vrs/csv.h"

#include <ctype.h>
#include <fcntl.h>
#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>
#include <zlib.h>

#include "vrs/clock.h"
#include "vrs/mem.h"

struct vrs_csv {
	gzFile gz;
	char *path;
	unsigned long line; /* number of the line read last, from 1 */
	char text[VRS_CSV_MAX_LINE + 1];
	char *field[VRS_CSV_MAX_COLUMNS], *name[VRS_CSV_MAX_COLUMNS];
	size_t n, n_names;
	uint64_t hash;
};

/* An error of the line as a whole; column counts from 0. */
__attribute__((format(printf, 4, 5))) static int bad_line(const struct vrs_csv *c,
							  size_t column,
							  struct vrs_err *err,
							  const char *fmt, ...)
{
	char what[160];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	return vrs_fail(err, VRS_EPARSE, "%s:%lu:%zu: %s", c->path, c->line, column + 1,
			what);
}

int vrs_csv_fail(const struct vrs_csv *c, size_t column, const char *expected,
		 struct vrs_err *err)
{
	char shown[48];

	(void)vrs_strcpy(shown, sizeof(shown), c->field[column]);
	for (char *p = shown; *p; p++)
		if (iscntrl((unsigned char)*p))
			*p = '?';
	return vrs_fail(err, VRS_EPARSE, "%s:%lu:%zu: %.48s '%s': %s", c->path, c->line,
			column + 1, c->name[column], shown, expected);
}

/* --- lines --- */

static int end_of_file(struct vrs_csv *c, size_t n, struct vrs_err *err)
{
	int code = Z_OK;
	const char *why = gzerror(c->gz, &code);

	if (code == Z_BUF_ERROR)
		why = "the file is truncated";
	if (code != Z_OK && code != Z_STREAM_END)
		return vrs_fail(err, VRS_EPARSE, "%s:%lu: %s", c->path, c->line, why);
	return n > 0;
}

/* Reads a line without its line end: 1; 0: end of file. */
static int read_line(struct vrs_csv *c, struct vrs_err *err)
{
	static const char mark[] = "\xef\xbb\xbf";
	size_t n = 0;
	int ch, more = 1;

	c->line++;
	while ((ch = gzgetc(c->gz)) >= 0 && ch != '\n') {
		if (ch == '\0')
			return vrs_fail(err, VRS_EPARSE,
					"%s:%lu: NUL byte; expected UTF-8 text", c->path,
					c->line);
		if (n == VRS_CSV_MAX_LINE)
			return vrs_fail(err, VRS_EPARSE,
					"%s:%lu: line longer than %d bytes", c->path,
					c->line, VRS_CSV_MAX_LINE);
		c->text[n++] = (char)ch;
	}
	if (ch < 0)
		more = end_of_file(c, n, err);
	if (more <= 0)
		return more;
	c->hash = vrs_hash(c->hash, c->text, n);
	c->hash = vrs_hash(c->hash, "\n", 1);
	if (n > 0 && c->text[n - 1] == '\r')
		n--;
	c->text[n] = '\0';
	if (c->line == 1 && strncmp(c->text, mark, 3) == 0)
		memmove(c->text, c->text + 3, n - 2);
	return 1;
}

/* --- fields: each function splits off one field at *p, in place, and advances *p;
 * returns NULL or the error --- */

static const char *cut_quoted(char **p)
{
	char *in = *p + 1, *out = in;

	for (;; in++) {
		if (*in == '\0')
			return "quote is not closed on this line";
		if (*in == '"' && *++in != '"')
			break; /* two quotes are one */
		*out++ = *in;
	}
	*p = in + strspn(in, " \t");
	if (**p != ',' && **p != '\0')
		return "text after the closing quote";
	*out = '\0';
	return NULL;
}

static const char *cut_plain(char **p, char *more)
{
	char *end = *p + strcspn(*p, ",\"");
	char *last = end;

	if (*end == '"')
		return "quote in an unquoted field";
	while (last > *p && isspace((unsigned char)last[-1]))
		last--;
	*more = *end;
	*last = '\0';
	*p = end;
	return NULL;
}

static int cut(struct vrs_csv *c, struct vrs_err *err)
{
	char more = ',';

	c->n = 0;
	for (char *p = c->text; more == ','; p++) {
		if (c->n == VRS_CSV_MAX_COLUMNS)
			return bad_line(c, c->n, err, "more than %d columns",
					VRS_CSV_MAX_COLUMNS);
		p += strspn(p, " \t");
		bool quoted = *p == '"';
		c->field[c->n] = p + quoted;
		const char *wrong = quoted ? cut_quoted(&p) : cut_plain(&p, &more);
		if (wrong)
			return bad_line(c, c->n, err, "%s", wrong);
		if (quoted)
			more = *p;
		c->n++;
	}
	return 1;
}

int vrs_csv_next(struct vrs_csv *c, struct vrs_err *err)
{
	int status;

	do {
		status = read_line(c, err);
		if (status <= 0)
			return status;
	} while (c->text[strspn(c->text, " \t\r")] == '\0' ||
		 (c->n_names == 0 && c->text[0] == '#'));
	status = cut(c, err);
	if (status < 0 || c->n_names == 0 || c->n == c->n_names)
		return status;
	if (c->n > c->n_names)
		return bad_line(c, c->n_names, err,
				"%zu columns, but the header has %zu; decimal numbers "
				"need a point, as in 9.83",
				c->n, c->n_names);
	return bad_line(c, c->n, err, "%zu columns, but the header has %zu", c->n,
			c->n_names);
}

static int read_header(struct vrs_csv *c, struct vrs_err *err)
{
	int status = vrs_csv_next(c, err);

	if (status == 0)
		return vrs_fail(err, VRS_EPARSE, "%s: the file is empty", c->path);
	if (status < 0)
		return status;
	if (c->n == 1 && strchr(c->field[0], ';'))
		return bad_line(c, 0, err, "columns must be separated by commas");
	for (; c->n_names < c->n; c->n_names++)
		c->name[c->n_names] = vrs_strdup(c->field[c->n_names]);
	for (size_t i = 0; i < c->n; i++)
		if (c->name[i][0] && vrs_csv_column(c, c->name[i]) != (int)i)
			return bad_line(c, i, err, "duplicate column '%.48s'",
					c->name[i]);
	return 0;
}

int vrs_csv_open(struct vrs_csv **ret, const char *path, struct vrs_err *err)
{
	bool from_stdin = strcmp(path, "-") == 0;
	int fd = from_stdin ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return vrs_fail_errno(err, "cannot open %s", path);
	struct vrs_csv *c = vrs_calloc(1, sizeof(*c));
	c->path = vrs_strdup(from_stdin ? "standard input" : path);
	c->hash = VRS_HASH_BEGIN;
	c->gz = gzdopen(fd, "rb");
	if (!c->gz) {
		(void)close(fd);
		vrs_csv_close(c);
		return vrs_fail(err, VRS_EIO, "cannot open %s: out of memory", path);
	}
	(void)gzbuffer(c->gz, 1 << 17);
	int status = read_header(c, err);
	if (status < 0)
		vrs_csv_close(c);
	else
		*ret = c;
	return status;
}

void vrs_csv_close(struct vrs_csv *c)
{
	if (!c)
		return;
	if (c->gz)
		(void)gzclose_r(c->gz);
	for (size_t i = 0; i < c->n_names; i++)
		free(c->name[i]);
	free(c->path);
	free(c);
}

/* --- values --- */

size_t vrs_csv_columns(const struct vrs_csv *c)
{
	return c->n_names;
}

const char *vrs_csv_field(const struct vrs_csv *c, size_t column)
{
	return c->field[column];
}

int vrs_csv_column(const struct vrs_csv *c, const char *name)
{
	for (size_t i = 0; i < c->n_names; i++)
		if (strcasecmp(c->name[i], name) == 0)
			return (int)i;
	return -1;
}

uint64_t vrs_csv_hash(const struct vrs_csv *c)
{
	return c->hash;
}

static int not_a_number(const struct vrs_csv *c, size_t column, struct vrs_err *err)
{
	const char *text = c->field[column];
	const char *rest = text + strspn(text, "-0123456789");
	char expected[80];

	if (*rest == ',' && rest > text && strspn(rest + 1, "0123456789") > 0 &&
	    strlen(text) < 24) {
		(void)snprintf(expected, sizeof(expected),
			       "expected a decimal point, as in %.*s.%s",
			       (int)(rest - text), text, rest + 1);
		return vrs_csv_fail(c, column, expected, err);
	}
	return vrs_csv_fail(c, column, "expected a decimal number, as in 9.83", err);
}

int vrs_csv_number(const struct vrs_csv *c, size_t column, double *ret,
		   struct vrs_err *err)
{
	const char *text = c->field[column];
	const char *p = text + (*text == '-');
	size_t whole = strspn(p, "0123456789"), part = 1;

	p += whole;
	if (*p == '.') {
		part = strspn(p + 1, "0123456789");
		p += 1 + part;
	}
	if (whole == 0 || whole > 15 || part == 0 || *p != '\0')
		return not_a_number(c, column, err);
	*ret = strtod(text, NULL);
	return 0;
}

int vrs_csv_time(const struct vrs_csv *c, size_t column, int64_t *ret_ms,
		 struct vrs_err *err)
{
	const char *text = c->field[column];
	int64_t at_ms = vrs_time_parse(text);

	if (at_ms >= 0)
		*ret_ms = at_ms;
	else if (*text && text[strspn(text, "-+.0123456789eE")] == '\0')
		return vrs_csv_fail(c, column,
				    "expected date and time, as in 2026-11-23T08:15:00Z, "
				    "not an epoch number",
				    err);
	else
		return vrs_csv_fail(c, column,
				    "expected date and time, as in 2026-11-23T08:15:00Z",
				    err);
	return 0;
}
