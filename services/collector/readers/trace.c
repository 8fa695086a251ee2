#include "readers/trace.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "vrs/mem.h"
#include "vrs/sample_csv.h"

enum { MAX_STEPS = 5 * 1000 * 1000 };

struct row {
	size_t entity;
	int64_t at_ms;
	struct trace_point p;
};

struct loading {
	const char *path;
	struct row *row;
	size_t n_rows, cap_rows;
	struct trace *trace;
	size_t cap_entities, newest;
};

static size_t entity_of(struct loading *l, const char *name)
{
	struct trace *t = l->trace;

	if (t->n_entities > 0 && strcmp(t->entity[l->newest].name, name) == 0)
		return l->newest; /* the rows of an entity are usually consecutive */
	for (size_t i = 0; i < t->n_entities; i++)
		if (strcmp(t->entity[i].name, name) == 0)
			return l->newest = i;
	t->entity =
		vrs_grow(t->entity, t->n_entities, &l->cap_entities, sizeof(*t->entity));
	t->entity[t->n_entities] = (struct trace_entity){0};
	(void)vrs_strcpy(t->entity[t->n_entities].name, sizeof(t->entity[0].name), name);
	return l->newest = t->n_entities++;
}

static int add_row(struct loading *l, const struct vrs_sample_row *row,
		   struct vrs_err *err)
{
	if (!vrs_name_ok(row->host))
		return vrs_fail(err, VRS_EPARSE, "%s: '%s' is not a valid host name",
				l->path, row->host);
	l->row = vrs_grow(l->row, l->n_rows, &l->cap_rows, sizeof(*l->row));
	size_t i = entity_of(l, row->host);
	struct trace_entity *e = &l->trace->entity[i];

	l->row[l->n_rows++] = (struct row){
		.entity = i,
		.at_ms = row->at_ms,
		.p = {.cpu_ratio = (float)row->cpu_ratio,
		      .mem_ratio = (float)row->mem_ratio,
		      .vcpus_used = row->vcpus_total - row->vcpus_left},
	};
	if (row->vcpus_total > 0)
		e->vcpus = row->vcpus_total;
	if (row->ram_total_bytes > 0)
		e->ram_bytes = row->ram_total_bytes;
	(void)vrs_strcpy(e->address, sizeof(e->address), row->address);
	return 0;
}

static int by_entity_and_time(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	if (x->entity != y->entity)
		return x->entity < y->entity ? -1 : 1;
	return x->at_ms < y->at_ms ? -1 : x->at_ms > y->at_ms;
}

/* Puts an entity's rows, sorted by time, on a grid with their smallest distance as its
 * step. */
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
		return vrs_fail(err, VRS_EPARSE, "%s: the rows of %s are too far apart",
				l->path, e->name);
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

static int read_rows(struct loading *l, struct vrs_csv *csv, struct vrs_err *err)
{
	struct vrs_samples samples;
	struct vrs_sample_row row;
	int status = vrs_samples_begin(&samples, csv, err);

	while (status == 0 && (status = vrs_samples_next(&samples, &row, err)) > 0)
		status = add_row(l, &row, err);
	return status;
}

int trace_load(struct trace **ret, const char *path, struct vrs_err *err)
{
	struct loading l = {.path = path, .trace = vrs_calloc(1, sizeof(*l.trace))};
	struct vrs_csv *csv = NULL;
	int status = vrs_csv_open(&csv, path, err);

	if (status == 0)
		status = read_rows(&l, csv, err);
	if (status == 0)
		status = lay_out_all(&l, err);
	if (status == 0) {
		*ret = l.trace;
		l.trace = NULL;
	}
	vrs_csv_close(csv);
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
