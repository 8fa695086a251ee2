/* traces.c - see traces.h. The only door to zlib. */
#include "cli/traces.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "vrs/clock.h"
#include "vrs/mem.h"
#include "vrs/sample_csv.h"

enum { MAX_LINE = 4096, MAX_COLUMNS = 64, MAX_ENTITIES = 100000 };

/* A time far off is a typing error, and would be a lot of gaps. */
static const int64_t longest_ms = (int64_t)30 * 366 * 86400 * 1000;

/* Which column is what. */
struct columns {
	int stamp, entity, pct; /* -1: not there */
	int n;
	bool table5; /* the exchange format instead */
};

struct reader {
	const char *path;
	gzFile gz;
	long line;
	char text[MAX_LINE];
	struct vrs_table5 table5;
};

/* 1: a line, 0: the end. */
static int next_line(struct reader *r, struct vrs_err *err)
{
	int code = Z_OK;

	if (!gzgets(r->gz, r->text, sizeof(r->text))) {
		const char *why = gzerror(r->gz, &code);

		if (code == Z_BUF_ERROR)
			why = "the file is cut short";
		if (code != Z_OK && code != Z_STREAM_END)
			return vrs_fail(err, VRS_EPARSE, "%s:%ld: %s", r->path, r->line,
					why);
		return 0;
	}
	r->line++;
	size_t len = strlen(r->text);
	if (gzeof(r->gz) && (gzerror(r->gz, &code), code == Z_BUF_ERROR))
		return vrs_fail(err, VRS_EPARSE, "%s:%ld: the file is cut short", r->path,
				r->line);
	if (len + 1 == sizeof(r->text))
		return vrs_fail(err, VRS_EPARSE, "%s:%ld: the line is too long", r->path,
				r->line);
	while (len > 0 && isspace((unsigned char)r->text[len - 1]))
		r->text[--len] = '\0';
	return 1;
}

static int split(char *text, char **field, int max)
{
	int n = 0;

	for (char *p = text; p && n < max;) {
		char *comma = strchr(p, ',');

		if (comma)
			*comma = '\0';
		while (isspace((unsigned char)*p))
			p++;
		for (char *end = p + strlen(p);
		     end > p && isspace((unsigned char)end[-1]);)
			*--end = '\0';
		field[n++] = p;
		p = comma ? comma + 1 : NULL;
	}
	return n;
}

/* 1: a row. */
static int table5_line(struct reader *r, struct vrs_table5_row *ret, struct vrs_err *err)
{
	struct vrs_table5_row none;
	int got = vrs_table5_line(&r->table5, r->text, strlen(r->text), ret ? ret : &none,
				  err);

	if (got < 0)
		vrs_context(err, "%s", r->path);
	return got;
}

static int find_columns(struct reader *r, struct columns *c, struct vrs_err *err)
{
	static const struct {
		const char *name;
		size_t offset;
	} known[] = {
		{"timestamp", offsetof(struct columns, stamp)},
		{"entity", offsetof(struct columns, entity)},
		{"cpu_pct", offsetof(struct columns, pct)},
	};
	char *field[MAX_COLUMNS];
	int more = next_line(r, err);

	if (more < 0)
		return more;
	if (more == 0)
		return vrs_fail(err, VRS_EPARSE, "%s: the file is empty", r->path);
	*c = (struct columns){-1, -1, -1, 0, strncasecmp(r->text, "Date,", 5) == 0};
	if (c->table5)
		return table5_line(r, NULL, err);
	c->n = split(r->text, field, MAX_COLUMNS);
	for (int i = 0; i < c->n; i++)
		for (size_t k = 0; k < sizeof(known) / sizeof(*known); k++)
			if (strcasecmp(field[i], known[k].name) == 0)
				*(int *)((char *)c + known[k].offset) = i;
	if (c->stamp < 0 || c->entity < 0 || c->pct < 0)
		return vrs_fail(err, VRS_EPARSE,
				"%s:1: wants the columns timestamp, entity, cpu_pct, or "
				"those of the exchange format",
				r->path);
	return 0;
}

static struct trace *trace_named(struct traces *t, const char *name, struct trace *hint)
{
	if (hint && strcmp(hint->name, name) == 0)
		return hint;
	for (size_t i = 0; i < t->n; i++)
		if (strcmp(t->trace[i].name, name) == 0)
			return &t->trace[i];
	t->trace = vrs_grow(t->trace, t->n, &t->cap, sizeof(*t->trace));
	t->trace[t->n] = (struct trace){.name = vrs_strdup(name)};
	return &t->trace[t->n++];
}

static void trace_add(struct trace *t, int64_t at_ms, float pct)
{
	if (t->n == t->cap) {
		t->cap = t->cap ? 2 * t->cap : 2048;
		t->at_ms = vrs_realloc(t->at_ms, t->cap, sizeof(*t->at_ms));
		t->pct = vrs_realloc(t->pct, t->cap, sizeof(*t->pct));
	}
	t->at_ms[t->n] = at_ms;
	t->pct[t->n++] = pct;
}

static int add_row(struct reader *r, struct traces *t, struct trace **last,
		   const char *entity, int64_t at_ms, double pct, struct vrs_err *err)
{
	*last = trace_named(t, entity, *last);
	if (t->n > MAX_ENTITIES)
		return vrs_fail(err, VRS_ENOSPC, "%s:%ld: more than %d entities", r->path,
				r->line, MAX_ENTITIES);
	if ((*last)->n > 0 && at_ms < (*last)->at_ms[(*last)->n - 1])
		t->unordered++;
	trace_add(*last, at_ms, (float)pct);
	return 0;
}

static int read_table5_row(struct reader *r, struct traces *t, struct trace **last,
			   struct vrs_err *err)
{
	struct vrs_table5_row row;
	int got = table5_line(r, &row, err);

	if (got <= 0)
		return got;
	t->rows++;
	if (isnan(row.cpu_ratio))
		return 0;
	return add_row(r, t, last, row.host, row.at_ms, 100 * (double)row.cpu_ratio, err);
}

static int read_row(struct reader *r, const struct columns *c, struct traces *t,
		    struct trace **last, struct vrs_err *err)
{
	char *field[MAX_COLUMNS], *end;

	if (c->table5)
		return read_table5_row(r, t, last, err);
	int n = split(r->text, field, MAX_COLUMNS);
	if (n < c->n)
		return vrs_fail(err, VRS_EPARSE,
				"%s:%ld: %d columns, the first line has %d", r->path,
				r->line, n, c->n);
	int64_t at_ms = vrs_time_parse(field[c->stamp]);
	if (at_ms < 0)
		return vrs_fail(err, VRS_EPARSE, "%s:%ld: '%s' is not a time", r->path,
				r->line, field[c->stamp]);
	if (!vrs_id_ok(field[c->entity]))
		return vrs_fail(err, VRS_EPARSE, "%s:%ld: '%s' is not a name", r->path,
				r->line, field[c->entity]);
	double pct = *field[c->pct] ? strtod(field[c->pct], &end) : NAN;
	if (*field[c->pct] && *end != '\0')
		return vrs_fail(err, VRS_EPARSE, "%s:%ld: '%s' is not a number", r->path,
				r->line, field[c->pct]);
	t->rows++;
	if (!(pct >= 0 && pct <= 100)) {
		t->impossible += *field[c->pct] != '\0';
		return 0;
	}
	return add_row(r, t, last, field[c->entity], at_ms, pct, err);
}

struct row {
	int64_t at_ms;
	size_t place;
	float pct;
};

static int by_time(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	if (x->at_ms != y->at_ms)
		return x->at_ms < y->at_ms ? -1 : 1;
	return (x->place > y->place) - (x->place < y->place);
}

/* In order of time; of rows with the same time the first one stays. */
static int settle(struct traces *all, struct trace *t, const char *path,
		  struct vrs_err *err)
{
	struct row *rows = vrs_calloc(t->n + 1, sizeof(*rows));
	size_t kept = 0;

	for (size_t i = 0; i < t->n; i++)
		rows[i] = (struct row){t->at_ms[i], i, t->pct[i]};
	qsort(rows, t->n, sizeof(*rows), by_time);
	for (size_t i = 0; i < t->n; i++) {
		if (kept > 0 && t->at_ms[kept - 1] == rows[i].at_ms) {
			all->twice++;
			continue;
		}
		t->at_ms[kept] = rows[i].at_ms;
		t->pct[kept++] = rows[i].pct;
	}
	t->n = kept;
	free(rows);
	if (kept > 0 && t->at_ms[kept - 1] - t->at_ms[0] > longest_ms)
		return vrs_fail(err, VRS_EPARSE, "%s: %s spans more than 30 years", path,
				t->name);
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct trace *)a)->name, ((const struct trace *)b)->name);
}

int traces_read(struct traces *t, const char *path, struct vrs_err *err)
{
	struct reader r = {.path = path, .gz = gzopen(path, "rbe")};
	struct columns c;
	struct trace *last = NULL;
	int status;

	if (!r.gz)
		return vrs_fail_errno(err, "open %s", path);
	(void)gzbuffer(r.gz, 1 << 17);
	status = find_columns(&r, &c, err);
	while (status == 0) {
		int more = next_line(&r, err);

		if (more <= 0) {
			status = more;
			break;
		}
		if (r.text[0] != '\0')
			status = read_row(&r, &c, t, &last, err);
	}
	(void)gzclose(r.gz);
	for (size_t i = 0; status == 0 && i < t->n; i++)
		status = settle(t, &t->trace[i], path, err);
	if (status == 0 && t->n > 0)
		qsort(t->trace, t->n, sizeof(*t->trace), by_name);
	return status;
}

void traces_free(struct traces *t)
{
	for (size_t i = 0; i < t->n; i++) {
		free(t->trace[i].name);
		free(t->trace[i].at_ms);
		free(t->trace[i].pct);
	}
	free(t->trace);
	*t = (struct traces){0};
}

const struct trace *traces_find(const struct traces *t, const char *name)
{
	for (size_t i = 0; i < t->n; i++)
		if (strcmp(t->trace[i].name, name) == 0)
			return &t->trace[i];
	return NULL;
}

void trace_bins(const struct trace *t, int64_t until_ms, struct bins *ret)
{
	size_t n = t->n;

	while (until_ms > 0 && n > 0 && t->at_ms[n - 1] >= until_ms)
		n--;
	int64_t first = n ? bin_of(t->at_ms[0]) : 0;

	bins_init(ret, first, n ? (size_t)(bin_of(t->at_ms[n - 1]) - first + 1) : 0);
	for (size_t i = 0; i < n; i++)
		bins_add(ret, t->at_ms[i], (double)t->pct[i]);
	bins_mean(ret);
	bins_truth(ret);
}
