#include "readers/trace.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "vrs/clock.h"
#include "vrs/mem.h"
#include "vrs/sample_csv.h"

enum { MAX_COLUMNS = 32, MAX_ROWS = 50 * 1000 * 1000, MAX_STEPS = 5 * 1000 * 1000 };

/* Columns of the plain format; the exchange format is read by vrs/sample_csv.h. */
enum column { TIMESTAMP, NAME, CPU_PCT, MEM_PCT, VCPUS, N_COLUMNS };

static const char *const column_name[] = {
	[TIMESTAMP] = "timestamp", [NAME] = "entity", [CPU_PCT] = "cpu_pct",
	[MEM_PCT] = "mem_pct",     [VCPUS] = "vcpus",
};

struct row {
	size_t entity;
	int64_t at_ms;
	struct trace_point p;
};

struct loading {
	const char *path;
	int line;
	enum { UNTOLD, PLAIN, TABLE5 } kind; /* the first line tells */
	struct vrs_table5 table5;
	int column[N_COLUMNS]; /* index in a line, -1: not there */
	struct row *row;
	size_t n_rows, cap_rows;
	struct trace *trace;
	size_t cap_entities, newest;
};

static int bad(const struct loading *l, const char *what, struct vrs_err *err)
{
	return vrs_fail(err, VRS_EPARSE, "%s:%d: %s", l->path, l->line, what);
}

/* Cuts a line at its commas, in place; fields lose spaces and one pair of quotes. */
static int cut(char *line, char **field)
{
	int n = 0;

	for (char *p = line; p && n < MAX_COLUMNS;) {
		char *end = strchr(p, ','), *next = end ? end + 1 : NULL;

		if (end)
			*end = '\0';
		while (isspace((unsigned char)*p))
			p++;
		char *e = p + strlen(p);
		while (e > p && isspace((unsigned char)e[-1]))
			*--e = '\0';
		if (e - p >= 2 && *p == '"' && e[-1] == '"') {
			e[-1] = '\0';
			p++;
		}
		field[n++] = p;
		p = next;
	}
	return n;
}

static int read_header(struct loading *l, char **field, int n, struct vrs_err *err)
{
	for (int c = 0; c < N_COLUMNS; c++) {
		l->column[c] = -1;
		for (int i = 0; i < n; i++)
			if (strcasecmp(field[i], column_name[c]) == 0)
				l->column[c] = i;
	}
	if (l->column[TIMESTAMP] < 0 || l->column[NAME] < 0 || l->column[CPU_PCT] < 0)
		return bad(l, "a trace wants the columns timestamp, entity, cpu_pct",
			   err);
	return 0;
}

/* NAN for an empty field; false for one that is no number. */
static bool number(const struct loading *l, char **field, int n, enum column c,
		   double *ret)
{
	int i = l->column[c];
	char *end;

	*ret = NAN;
	if (i < 0 || i >= n || !*field[i])
		return true;
	errno = 0;
	double v = strtod(field[i], &end);
	while (*end && (isspace((unsigned char)*end) || *end == '%'))
		end++;
	if (*end || !isfinite(v))
		return false;
	*ret = v;
	return true;
}

static size_t entity_of(struct loading *l, const char *name)
{
	struct trace *t = l->trace;

	if (t->n_entities > 0 && strcmp(t->entity[l->newest].name, name) == 0)
		return l->newest; /* rows of one entity mostly lie together */
	for (size_t i = 0; i < t->n_entities; i++)
		if (strcmp(t->entity[i].name, name) == 0)
			return l->newest = i;
	t->entity =
		vrs_grow(t->entity, t->n_entities, &l->cap_entities, sizeof(*t->entity));
	t->entity[t->n_entities] = (struct trace_entity){0};
	(void)vrs_strcpy(t->entity[t->n_entities].name, sizeof(t->entity[0].name), name);
	return l->newest = t->n_entities++;
}

static float as_ratio(double v)
{
	return isnan(v) ? NAN : v < 0 ? 0 : v > 1 ? 1 : (float)v;
}

static int add_row(struct loading *l, const char *name, int64_t at_ms,
		   struct trace_point p, struct trace_entity **ret, struct vrs_err *err)
{
	if (!vrs_name_ok(name))
		return bad(l, "no name of a host", err);
	if (l->n_rows == MAX_ROWS)
		return bad(l, "too many rows", err);
	l->row = vrs_grow(l->row, l->n_rows, &l->cap_rows, sizeof(*l->row));
	size_t i = entity_of(l, name);
	l->row[l->n_rows++] = (struct row){.entity = i, .at_ms = at_ms, .p = p};
	*ret = &l->trace->entity[i];
	return 0;
}

static int read_plain(struct loading *l, char *line, struct vrs_err *err)
{
	char *field[MAX_COLUMNS];
	int n = cut(line, field), time = l->column[TIMESTAMP], name = l->column[NAME];
	double cpu, mem, vcpus;
	struct trace_entity *e;

	int64_t at_ms = time < n ? vrs_time_parse(field[time]) : -1;
	if (at_ms < 0)
		return bad(l, "no time that can be read", err);
	if (!number(l, field, n, CPU_PCT, &cpu) || !number(l, field, n, MEM_PCT, &mem) ||
	    !number(l, field, n, VCPUS, &vcpus))
		return bad(l, "a value is no number", err);
	const struct trace_point p = {.cpu_ratio = as_ratio(cpu / 100),
				      .mem_ratio = as_ratio(mem / 100)};
	int status = add_row(l, name < n ? field[name] : "", at_ms, p, &e, err);
	if (status == 0 && vcpus >= 1 && vcpus < 1e6)
		e->vcpus = (uint32_t)vcpus;
	return status;
}

static int read_table5(struct loading *l, const char *line, size_t n, struct vrs_err *err)
{
	struct vrs_table5_row row;
	struct trace_entity *e;
	int status = vrs_table5_line(&l->table5, line, n, &row, err);

	if (status < 0)
		return vrs_context(err, "%s", l->path);
	if (status == 0)
		return 0;
	struct trace_point p = {.cpu_ratio = row.cpu_ratio, .mem_ratio = NAN};
	if (row.vcpus_left <= row.vcpus_total)
		p.vcpus_used = row.vcpus_total - row.vcpus_left;
	if (row.ram_total_bytes > 0 && row.ram_left_bytes <= row.ram_total_bytes)
		p.mem_ratio = (float)(1 - (double)row.ram_left_bytes /
						  (double)row.ram_total_bytes);
	status = add_row(l, row.host, row.at_ms, p, &e, err);
	if (status == 0) {
		e->vcpus = row.vcpus_total;
		e->ram_bytes = row.ram_total_bytes;
		(void)vrs_strcpy(e->address, sizeof(e->address), row.address);
	}
	return status;
}

static int read_line(struct loading *l, char *line, size_t n, struct vrs_err *err)
{
	char *field[MAX_COLUMNS];

	l->line++;
	if (l->kind == UNTOLD) {
		if (line[0] == '#' || line[strspn(line, " \t\r\n")] == '\0')
			return 0;
		l->kind = strcasestr(line, "timestamp") ? PLAIN : TABLE5;
		if (l->kind == PLAIN)
			return read_header(l, field, cut(line, field), err);
	}
	if (l->kind == TABLE5)
		return read_table5(l, line, n, err);
	return line[strspn(line, " \t\r\n")] ? read_plain(l, line, err) : 0;
}

static int by_entity_and_time(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	if (x->entity != y->entity)
		return x->entity < y->entity ? -1 : 1;
	return x->at_ms < y->at_ms ? -1 : x->at_ms > y->at_ms;
}

/* Puts an entity's rows, sorted by time, on the grid of their smallest distance. */
static int lay_out(struct loading *l, struct trace_entity *e, const struct row *row,
		   size_t n, struct vrs_err *err)
{
	e->step_ms = 0;
	for (size_t i = 1; i < n; i++) {
		int64_t d = row[i].at_ms - row[i - 1].at_ms;

		if (d > 0 && (e->step_ms == 0 || d < e->step_ms))
			e->step_ms = d;
	}
	if (e->step_ms == 0)
		e->step_ms = 60000;
	e->from_ms = row[0].at_ms;
	int64_t n_steps = (row[n - 1].at_ms - e->from_ms) / e->step_ms + 1;
	if (n_steps > MAX_STEPS)
		return vrs_fail(err, VRS_EPARSE, "%s: %s has rows too far apart", l->path,
				e->name);
	e->n = (size_t)n_steps;
	e->point = vrs_calloc(e->n, sizeof(*e->point));
	for (size_t i = 0; i < e->n; i++)
		e->point[i] = (struct trace_point){.cpu_ratio = NAN, .mem_ratio = NAN};
	for (size_t i = 0; i < n; i++)
		e->point[(row[i].at_ms - e->from_ms) / e->step_ms] = row[i].p;
	return 0;
}

static int lay_out_all(struct loading *l, struct vrs_err *err)
{
	struct trace *t = l->trace;
	int status = 0;

	if (l->n_rows == 0)
		return vrs_fail(err, VRS_EPARSE, "%s: no rows", l->path);
	qsort(l->row, l->n_rows, sizeof(*l->row), by_entity_and_time);
	for (size_t i = 0, end; i < l->n_rows && status == 0; i = end) {
		struct trace_entity *e = &t->entity[l->row[i].entity];

		for (end = i; end < l->n_rows && l->row[end].entity == l->row[i].entity;)
			end++;
		status = lay_out(l, e, &l->row[i], end - i, err);
		if (status < 0)
			break;
		int64_t to_ms = e->from_ms + (int64_t)e->n * e->step_ms;
		if (i == 0 || e->from_ms < t->from_ms)
			t->from_ms = e->from_ms;
		if (i == 0 || to_ms > t->to_ms)
			t->to_ms = to_ms;
	}
	return status;
}

int trace_load(struct trace **ret, const char *path, struct vrs_err *err)
{
	struct loading l = {.path = path, .trace = vrs_calloc(1, sizeof(*l.trace))};
	char *line = NULL;
	size_t size = 0;
	int status = 0;
	FILE *f = fopen(path, "re");

	if (!f) {
		status = vrs_fail_errno(err, "trace: open %s", path);
		goto out;
	}
	for (ssize_t n; status == 0 && (n = getline(&line, &size, f)) >= 0;)
		status = read_line(&l, line, (size_t)n, err);
	if (status == 0 && ferror(f))
		status = vrs_fail_errno(err, "trace: read %s", path);
	if (status == 0)
		status = lay_out_all(&l, err);
	if (status == 0) {
		*ret = l.trace;
		l.trace = NULL;
	}
out:
	if (f)
		(void)fclose(f);
	free(line);
	free(l.row);
	trace_free(l.trace);
	return status;
}

void trace_free(struct trace *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->n_entities; i++)
		free(t->entity[i].point);
	free(t->entity);
	free(t);
}

const struct trace_entity *trace_find(const struct trace *t, const char *name)
{
	for (size_t i = 0; i < t->n_entities; i++)
		if (strcmp(t->entity[i].name, name) == 0)
			return &t->entity[i];
	return NULL;
}

const struct trace_point *trace_at(const struct trace_entity *e, int64_t at_ms)
{
	if (at_ms < e->from_ms)
		return NULL;
	int64_t i = (at_ms - e->from_ms) / e->step_ms;
	if ((size_t)i >= e->n || isnan(e->point[i].cpu_ratio))
		return NULL;
	return &e->point[i];
}
